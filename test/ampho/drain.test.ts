// `ampho.health` and `ampho.drain` (docs/operate/deploying.md): an application that mounts Ampho ends as `ampho serve` does.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import * as https from "node:https";
import { connect } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import type { AmphoOptions } from "../../dist/index.js";
import { openAmpho } from "../world/ampho.js";
import { listening, openPort } from "../world/listen.js";

/** A server whose path `/slow` waits, and a client that keeps one connection. */
async function open(options: AmphoOptions = {}) {
  const { ampho } = await openAmpho(options);
  const waiting: ServerResponse[] = [];
  const server = createServer((incoming, response) => {
    if (incoming.url === "/slow") waiting.push(response);
    else response.end("fast");
  });
  const port = await openPort(server);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(async () => {
    agent.destroy();
    server.closeAllConnections();
    await ampho.close();
  });
  const get = (path: string, through: Agent | undefined = agent) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      request({ port, path, agent: through }, (response) => resolve(response.resume()))
        .once("error", reject)
        .end();
    });
  return { ampho, server, waiting, port, get };
}

const fileOf = (name: string) => readFileSync(new URL(`../store/tls/${name}`, import.meta.url));

const isOpen = (promise: Promise<unknown>) =>
  Promise.race([promise.then(() => false), new Promise((resolve) => setImmediate(() => resolve(true)))]);

it("a kept connection with a request in flight ends with its response", async () => {
  const { ampho, server, waiting, get } = await open();
  const response = get("/slow");
  await expect.poll(() => waiting.length).toBe(1);
  const drained = ampho.drain(server, { limit: "1h" });
  await expect.poll(() => server.listening).toBe(false);
  waiting[0]?.end("done");
  expect((await response).headers.connection).toBe("close");
  await drained;
  await expect(get("/fast")).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

it("a kept connection without a request ends, however long the server would keep it", async () => {
  const { ampho, server, get } = await open();
  server.keepAliveTimeout = 3_600_000;
  expect((await get("/fast")).headers.connection).toBe("keep-alive");
  await ampho.drain(server, { limit: "1h" });
});

it("a connection that is busy all the time ends with its next response", async () => {
  const { ampho, server, port } = await open();
  const socket = connect(port, "127.0.0.1");
  let received = "";
  socket.on("data", (chunk: Buffer) => {
    received += chunk.toString();
    if (received.endsWith("fast")) socket.write("GET /fast HTTP/1.1\r\nHost: x\r\n\r\n");
  });
  socket.on("error", () => {});
  socket.write("GET /fast HTTP/1.1\r\nHost: x\r\n\r\n");
  await expect.poll(() => received.split("fast").length).toBeGreaterThan(5);
  await Promise.all([ampho.drain(server, { limit: "1h" }), once(socket, "close")]);
  expect(received.match(/Connection: close/g)).toHaveLength(1);
  expect(received.endsWith("fast")).toBe(true);
});

it("a response that does not end in time is cut at the limit, and so is a connection that was upgraded", async () => {
  const { ampho, server, waiting, port, get } = await open();
  server.on("upgrade", (_request, socket) => socket.write("HTTP/1.1 101 Switching Protocols\r\n\r\n"));
  const upgraded = connect(port, "127.0.0.1").on("error", () => {});
  upgraded.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
  await once(upgraded, "data");
  const response = get("/slow");
  const cut = expect(response).rejects.toMatchObject({ code: "ECONNRESET" });
  await expect.poll(() => waiting.length).toBe(1);
  await Promise.all([ampho.drain(server, { limit: 0 }), cut, once(upgraded.resume(), "close")]);
});

it("health is 503 from the call of drain on, and the port closes after AMPHO_SHUTDOWN_DELAY", async () => {
  const { ampho, server, get } = await open({ shutdownDelay: 1 });
  expect(await ampho.health()).toEqual({ status: 200, body: { status: "ok" } });
  const drained = ampho.drain(server);
  expect(await ampho.health()).toEqual({
    status: 503,
    body: expect.objectContaining({ error: "unavailable", message: "This process is shutting down." }),
  });
  expect((await get("/fast", new Agent())).headers.connection).toBe("close");
  expect(server.listening).toBe(true);
  expect(await isOpen(drained)).toBe(true);
  await Promise.all([drained, ampho.drain(server)]);
});

it("health is 503 without the database", async () => {
  const { ampho } = await open();
  await ampho.close();
  expect(await ampho.health()).toMatchObject({ status: 503, body: { error: "unavailable" } });
});

it("a server under TLS ends too", async () => {
  const { ampho } = await open();
  const server = https.createServer({ cert: fileOf("server.crt"), key: fileOf("server.key") }, (_request, response) =>
    response.end("fast"),
  );
  server.keepAliveTimeout = 3_600_000;
  const { port } = await listening(server);
  const agent = new https.Agent({ keepAlive: true, rejectUnauthorized: false });
  onTestFinished(() => agent.destroy());
  await new Promise((resolve, reject) =>
    https.get({ port, agent }, (response) => resolve(response.resume())).once("error", reject),
  );
  await ampho.drain(server, { limit: "1h" });
  expect(server.listening).toBe(false);
});

it("drain rejects anything but a server, and a limit that is no duration", async () => {
  const { ampho, server } = await open();
  for (const wrong of [undefined, {}, 3000])
    await expect(Reflect.apply(ampho.drain, undefined, [wrong])).rejects.toThrow("drain needs the server of node:http");
  await expect(Reflect.apply(ampho.drain, undefined, [server, { limit: "soon" }])).rejects.toThrow("limit must be");
  expect(server.listening).toBe(true);
  expect((await ampho.health()).status).toBe(200);
});
