import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { renameSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { connect as connectSocket } from "node:net";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { guardedUpgrade, mount, offeredProtocols, type UpgradeListener } from "../../dist/adapters/node.js";
import { watchToken } from "../../dist/adapters/node-upgrade.js";
import type { Ampho } from "../../dist/index.js";
import { createVerifier } from "../../dist/verify/verifier.js";
import { sendRaw } from "../http/raw.js";
import { openWorld } from "../world/ampho.js";
import { runningClock } from "../world/clock.js";
import { freshFolder } from "../world/folder.js";
import { openPort } from "../world/listen.js";
import { alice } from "../world/people.js";
import { foreignToken } from "../world/tokens.js";
import { closeServer } from "./express-app.js";
import { key, openInstance } from "./serving.js";

let ampho: Ampho;
let server: Server;
let port: number;
/** The open sockets of the server. */
let open = 0;
const listeners: Record<string, UpgradeListener> = {};
const clock = runningClock();

beforeAll(async () => {
  ({ ampho } = await openInstance({ clock }));
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (_offered, request) => offeredProtocols(request)[0] ?? false,
  });
  server = createServer(mount(ampho));
  const chat = guardedUpgrade(ampho, (request, socket, head, ended) =>
    sockets.handleUpgrade(request, socket, head, (peer) => {
      open++;
      peer.on("close", () => {
        open--;
      });
      peer.on("message", () => peer.send(request.auth.login));
      ended.addEventListener("abort", () => peer.close(4401, "session ended"));
    }),
  );
  const editors = guardedUpgrade(ampho, { roles: ["admin"] }, (_request, socket) => socket.destroy());
  const strong = guardedUpgrade(ampho, { acr: "2fa" }, (request, socket, head) =>
    sockets.handleUpgrade(request, socket, head, (peer) => {
      peer.on("message", () => peer.send(request.auth.acr ?? ""));
    }),
  );
  listeners["/admins"] = editors;
  listeners["/strong"] = strong;
  server.on("upgrade", (request, socket, head) => {
    const listener = listeners[request.url ?? ""] ?? chat;
    listener(request, socket, head);
  });
  port = await openPort(server);
});
afterAll(async () => {
  await closeServer(server);
  await ampho.close();
});

async function login(): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/api/security/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(alice),
  });
  return (await response.json()).token;
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

function connect(headers: Record<string, string>, protocols: string[] = [], path = "/chat") {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocols, { headers });
  const opened = new Promise<WebSocket>((resolve, reject) => {
    socket.once("open", () => resolve(socket));
    socket.once("unexpected-response", (_request, response) =>
      reject(new Error(`the response was ${response.statusCode}`)),
    );
    socket.once("error", reject);
  });
  const closed = new Promise<number>((resolve) => socket.once("close", resolve));
  return { opened, closed };
}

const ask = (socket: WebSocket) =>
  new Promise<string>((resolve) => {
    socket.once("message", (data) => resolve(Buffer.isBuffer(data) ? data.toString() : ""));
    socket.send("who?");
  });

describe("an upgrade request", () => {
  it("an upgrade is accepted by its Authorization header", async () => {
    const { opened, closed } = connect(bearer(await login()));
    const socket = await opened;
    expect(await ask(socket)).toBe("alice");
    socket.close();
    await closed;
  });

  it("an upgrade is accepted by a subprotocol of a browser, which the response leaves out", async () => {
    const { opened, closed } = connect({}, [`bearer.${await login()}`, "chat.v1"]);
    const socket = await opened;
    expect([socket.protocol, await ask(socket)]).toEqual(["chat.v1", "alice"]);
    socket.close();
    await closed;
  });

  it("an upgrade is accepted by a token at the required level", async () => {
    const claims = { login: "alice", exp: Math.floor(Date.now() / 1000) + 600, acr: "2fa" };
    const { opened, closed } = connect(bearer(foreignToken(key, claims)), [], "/strong");
    const socket = await opened;
    expect(await ask(socket)).toBe("2fa");
    socket.close();
    await closed;
  });

  it.each([
    ["no token", {}, [], "/chat", 401],
    ["a bad token", bearer("x.y.z"), [], "/chat", 401],
    ["a bad token as subprotocol", {}, ["bearer.x.y.z"], "/chat", 401],
    ["two tokens", bearer("x.y.z"), ["bearer.x.y.z"], "/chat", 400],
    ["a token without the role", bearer(foreignToken(key)), [], "/admins", 403],
    ["a token below the level", bearer(foreignToken(key)), [], "/strong", 401],
  ] as const)("an upgrade is rejected with %s", async (_what, headers, protocols, path, status) => {
    const { opened } = connect({ ...headers }, [...protocols], path);
    await expect(opened).rejects.toThrow(`the response was ${status}`);
  });

  it("a rejected upgrade gets the usual response, and its socket is closed", async () => {
    const head = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    const response = await sendRaw(port, head, { untilClosed: true });
    expect([response.status, JSON.parse(response.body).error, response.closed]).toEqual([401, "missing_token", true]);
    expect(response.head).toContain('WWW-Authenticate: Bearer realm="ampho"');
  });
});

it("a client cannot end the process by a reset while the response of a rejection is written", async () => {
  const uncaught: unknown[] = [];
  const note = (error: unknown) => void uncaught.push(error);
  process.on("uncaughtExceptionMonitor", note);
  onTestFinished(() => void process.off("uncaughtExceptionMonitor", note));
  const token = await login();
  const { session = "" } = await ampho.verify(token);
  // It has sent its last byte, so that the reset is sent at once.
  const client = connectSocket(port, "127.0.0.1");
  client.on("error", () => undefined);
  const endAndReset = async () => {
    if (!client.writableFinished) await once(client, "finish");
    await ampho.sessions.end(session);
    client.resetAndDestroy();
    return true;
  };
  const resetting = guardedUpgrade(ampho, { can: endAndReset }, () => undefined);
  const closed = new Promise((resolve) => {
    listeners["/resetting"] = (request, socket, head) => {
      socket.once("close", resolve);
      resetting(request, socket, head);
    };
  });
  client.end(
    `GET /resetting HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  );
  await closed;
  expect(uncaught).toEqual([]);
});

describe("an open socket", () => {
  it("an open socket is closed when its session ends, and no other one", async () => {
    const [token, other] = [await login(), await login()];
    const [mine, theirs] = [connect(bearer(token)), connect(bearer(other))];
    await Promise.all([mine.opened, theirs.opened]);
    const logout = { method: "POST", headers: bearer(token) };
    expect((await fetch(`http://127.0.0.1:${port}/api/security/logout`, logout)).status).toBe(204);
    expect(await mine.closed).toBe(4401);
    expect(await ask(await theirs.opened)).toBe("alice");
    (await theirs.opened).close();
    await theirs.closed;
  });

  it("an open socket costs no check of its token when another session ends", async () => {
    let checks = 0;
    const verifySync = (token: string) => {
      checks++;
      return ampho.verifySync(token);
    };
    listeners["/counted"] = guardedUpgrade({ ...ampho, verifySync }, (_request, socket, _head, ended) =>
      ended.addEventListener("abort", () => socket.destroy()),
    );
    const [token, other] = [await login(), await login()];
    const closed = expect(connect(bearer(token), [], "/counted").opened).rejects.toThrow("socket hang up");
    await expect.poll(() => checks).toBe(1);
    for (const [bearerToken, expected] of [
      [other, 1],
      [token, 2],
    ] as const) {
      await ampho.sessions.end((await ampho.verify(bearerToken)).session ?? "");
      expect(checks).toBe(expected);
    }
    await closed;
  });

  it("an open socket is closed when its token and the leeway have expired", async () => {
    const { opened, closed } = connect(bearer(foreignToken(key, { login: "alice", exp: clock.now() - 30 })));
    expect(await ask(await opened)).toBe("alice");
    clock.advance(60);
    expect(await closed).toBe(4401);
  });

  it("an open socket is closed when its user is disabled", async () => {
    const sockets = [connect(bearer(await login())), connect(bearer(foreignToken(key)))];
    await Promise.all(sockets.map(({ opened }) => opened));
    await ampho.users.disable(alice.login);
    expect(await Promise.all(sockets.map(({ closed }) => closed))).toEqual([4401, 4401]);
    await ampho.users.enable(alice.login);
    expect(open).toBe(0);
  });
});

it("an open socket ends soon after its token, also while revocations cannot be read", async () => {
  const file = `${freshFolder()}/own.db`;
  // The clock of this world is months behind the clock of the machine, so the token is over there.
  const world = await openWorld({ databaseUrl: `sqlite:${file}`, revocationLagMax: 5 });
  const { token } = await world.session(await world.user("ann"));
  const { ended } = watchToken(world.ampho, token, await world.ampho.verify(token));
  expect(ended.aborted).toBe(false);
  renameSync(file, `${file}.away`);
  await expect.poll(() => world.ampho.users.find("ann").catch(({ code }) => code)).toBe("unavailable");
  world.clock.advance(6);
  await expect.poll(() => ended.aborted).toBe(true);
  expect(ended.reason).toMatchObject({ code: "invalid_token" });
});

it("guardedUpgrade rejects a verifier, which cannot report the end of a token", () => {
  const verifier = createVerifier({ keys: { kty: "oct", k: randomBytes(32).toString("base64url") } });
  for (const host of [verifier, guardedUpgrade, undefined])
    expect(() => Reflect.apply(guardedUpgrade, undefined, [host, () => undefined])).toThrow(TypeError);
});

it("guardedUpgrade throws where its requirements are no object", () => {
  for (const requirements of [null, "", false])
    expect(() => Reflect.apply(guardedUpgrade, undefined, [ampho, requirements, () => undefined])).toThrow(
      "Requirements must be a plain object",
    );
});
