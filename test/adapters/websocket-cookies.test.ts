// Upgrade requests by cookie. A browser sends cookies with a socket that any page opens.
import { createServer, type Server } from "node:http";
import { afterAll, beforeAll, expect, it } from "vitest";
import { guardedUpgrade, mount } from "../../dist/adapters/node.js";
import { cookieNames } from "../../dist/http/rest/cookies/cookie-mode.js";
import type { Ampho } from "../../dist/index.js";
import { sendRaw } from "../http/raw.js";
import { openPort } from "../world/listen.js";
import { alice } from "../world/people.js";
import { foreignToken } from "../world/tokens.js";
import { closeServer } from "./express-app.js";
import { key, openInstance } from "./serving.js";

let ampho: Ampho;
let server: Server;
let port: number;

beforeAll(async () => {
  ({ ampho } = await openInstance({ cookies: true }));
  server = createServer(mount(ampho));
  const response = guardedUpgrade(ampho, (request, socket) =>
    socket.end(`HTTP/1.1 101 Switching Protocols\r\nContent-Length: 5\r\n\r\n${request.auth.login}`),
  );
  server.on("upgrade", response);
  port = await openPort(server);
});
afterAll(async () => {
  await closeServer(server);
  await ampho.close();
});

async function tokenOf(): Promise<string> {
  const user = await ampho.users.find(alice.login);
  return (await ampho.sessions.create(user?.id ?? "")).token;
}

it.each([
  ["a page of the same origin", "Origin: http://{host}", 101],
  ["a page of the same origin, by both headers", "Origin: http://{host}\r\nSec-Fetch-Site: same-origin", 101],
  ["another site", "Origin: https://evil.example", 403],
  ["a sub-domain", "Origin: http://sub.localhost\r\nSec-Fetch-Site: same-site", 403],
  ["a sandboxed frame", "Origin: null", 403],
  ["an unknown page", "X-Nothing: at all", 403],
  [
    "a page of the same origin with another token as subprotocol",
    `Origin: http://{host}\r\nSec-WebSocket-Protocol: bearer.${foreignToken(key)}`,
    400,
  ],
])("an upgrade with a cookie from %s with %j returns %i", async (_what, said, status) => {
  const host = `127.0.0.1:${port}`;
  const lines = [
    "GET /chat HTTP/1.1",
    `Host: ${host}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    `Cookie: ${cookieNames.token}=${await tokenOf()}`,
    said.replace("{host}", host),
  ];
  const response = await sendRaw(port, `${lines.join("\r\n")}\r\n\r\n`, { untilClosed: true });
  expect(response.status).toBe(status);
});

it("a token as subprotocol is accepted from any origin", async () => {
  const said = `Origin: https://evil.example\r\nSec-WebSocket-Protocol: bearer.${await tokenOf()}`;
  const text = `GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${said}\r\n\r\n`;
  expect((await sendRaw(port, text, { untilClosed: true })).status).toBe(101);
});
