// Ampho on node:http with a route that takes API keys, on the database BENCH_DATABASE_URL.
import { createServer } from "node:http";
import { authorize } from "../../dist/adapters/node.js";
import { createAmpho } from "../../dist/index.js";
import { scopes } from "../api-key-data.mjs";
import { announce } from "./announce.mjs";

const ampho = await createAmpho({
  key: JSON.parse(process.env.BENCH_KEY),
  databaseUrl: process.env.BENCH_DATABASE_URL,
  log: () => {},
  apiKeys: 1000,
  scopes,
  // All clients of a benchmark have one address.
  throttleAddress: 0,
});
const credentials = ["session", "api_key"];
const guard = authorize(ampho, { credentials, scopes: ["articles:read"] });
const body = JSON.stringify({ hello: "world" });
const plain = (response) => response.writeHead(200, { "Content-Type": "application/json" }).end(body);
const server = createServer(async (request, response) => {
  if (request.url.startsWith("/end/")) {
    const ended = await ampho.apiKeys.revoke(request.url.slice("/end/".length));
    response.writeHead(ended ? 204 : 404).end();
  } else if (request.url === "/metrics") response.end(ampho.metrics());
  else guard(request, response, () => plain(response));
});
announce(server, {});
