// Bare node:http, the upper limit of any server.
import { createServer } from "node:http";
import { announce } from "./announce.mjs";

const body = JSON.stringify({ hello: "world" });
const server = createServer((_request, response) =>
  response.writeHead(200, { "Content-Type": "application/json" }).end(body),
);
announce(server, { loginPath: "", tokens: ["none"] });
