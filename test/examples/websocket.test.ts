// The example of WebSockets from the packed tarball: which sockets it accepts, and how a socket ends with its session.
import { once } from "node:events";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { WebSocket } from "ws";
import { type Consumer, installPacked } from "./packed.js";
import { prepare, type Running, start } from "./running.js";

const password = "violet kettle harbour morning";
let consumer: Consumer;
let running: Running;

beforeAll(async () => {
  consumer = await installPacked(["websocket"]);
  running = await start(path.join(consumer.folder, "websocket"), prepare(consumer, password), "server.js");
});
afterAll(async () => {
  await running.stop();
  consumer.remove();
});

const post = (target: string, headers: Record<string, string>, body?: object) =>
  fetch(`${running.url}/api/security/${target}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    ...(body && { body: JSON.stringify(body) }),
  });

it("the example greets a user with a token and closes the socket when the session ends", async () => {
  const { token } = await (await post("login", {}, { login: "alice", password })).json();
  const url = running.url.replace("http", "ws");
  const socket = new WebSocket(url, ["chat.v1", `bearer.${token}`]);
  const [greeting] = await once(socket, "message");
  expect([String(greeting), socket.protocol]).toEqual(["Hello alice\n", "chat.v1"]);

  const closed = once(socket, "close");
  expect((await post("logout", { authorization: `Bearer ${token}` })).status).toBe(204);
  const [code, reason] = await closed;
  expect([code, String(reason)]).toEqual([4401, "session ended"]);

  const [error] = await once(new WebSocket(url, ["chat.v1", `bearer.${token}`]), "error");
  expect(String(error)).toContain("401");
});
