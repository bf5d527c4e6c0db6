// Ampho on node:http: its endpoints, a guarded route, and the same route without the guard.

import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { guarded, mount } from "../../dist/adapters/node.js";
import { createAmpho } from "../../dist/index.js";
import { generateJwk } from "../../dist/signing-keys/generate.js";
import { announce, login, password } from "./announce.mjs";

const folder = mkdtempSync(path.join(tmpdir(), "ampho-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const ampho = await createAmpho({
  key: generateJwk("HS256"),
  databaseUrl: `sqlite:${path.join(folder, "ampho.db")}`,
  log: () => {},
  sessionsPerUser: 100_000,
  // The benchmark measures the cost of logins, so that throttling is off.
  throttleAddress: 0,
  throttleAttempts: 10_000,
  throttleLock: 1_000_000,
});
await ampho.users.create({ login, password });
// Another user, because a login beyond a hundred sessions ends the oldest session of its user.
const user = await ampho.users.create({ login: "guarded", password });
const body = JSON.stringify({ hello: "world" });
const plain = (_request, response) => response.writeHead(200, { "Content-Type": "application/json" }).end(body);
const behindGuard = guarded(ampho, plain);
const rest = mount(ampho);
const server = createServer((request, response) => {
  if (request.url === "/plain") plain(request, response);
  else if (request.url === "/guarded") behindGuard(request, response);
  else rest(request, response);
});
const tokens = [];
for (let count = Number(process.env.BENCH_TOKENS ?? 1); count > 0; count--)
  tokens.push((await ampho.sessions.create(user.id)).token);
announce(server, { loginPath: "/api/security/login", tokens });
