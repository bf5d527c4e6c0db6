// The limits of one connection: pipelined requests (RFC 9112 §9.3.2), responses that the client does not read, and the memory
// after a cut. Node begins all pipelined requests that arrive in one piece. Another limit is the number of connections.
import { type Channel, channel } from "node:diagnostics_channel";
import { once } from "node:events";
import { connect, Socket } from "node:net";
import { text } from "node:stream/consumers";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { revocationFeedToken, type Serving, serve } from "../world/http-server.js";
import { bearer } from "../world/requests.js";
import { pause } from "../world/wait.js";
import { sendRaw } from "./raw.js";

let serving: Serving;
beforeEach(async () => {
  serving = await serve();
});
afterEach(() => serving.close());

const openResponsesMax = 32;
const head = (line: string, token: string) => `${line} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n`;

/** A request to the feed, which gets its response when something is revoked. */
async function openQuestion(): Promise<string> {
  const response = await fetch(`${serving.url}/revocations`, { headers: bearer(revocationFeedToken) });
  const { last } = await response.json();
  return `${head(`GET /api/security/revocations?after=${last}&wait=20`, revocationFeedToken)}\r\n`;
}

async function revokeSomething(): Promise<void> {
  const { token } = await serving.login();
  await fetch(`${serving.url}/logout`, { method: "POST", headers: bearer(token) });
}

const statuses = () => serving.lines.map((line) => JSON.parse(line).status);

describe("on one connection", () => {
  it("32 pipelined requests all get a response, and so do later ones", async () => {
    const question = await openQuestion();
    const { token } = await serving.login();
    const waiting = sendRaw(
      serving.port,
      `${question.repeat(openResponsesMax - 1) + head("GET /healthz", "x")}Connection: close\r\n\r\n`,
      {
        untilClosed: true,
      },
    );
    await fetch(`${serving.url}/session`, { headers: bearer(token) });
    await revokeSomething();
    const { head: first, body } = await waiting;
    expect(`${first}${body}`.match(/HTTP\/1\.1 200/g)).toHaveLength(openResponsesMax);
    // Complete responses are no longer counted.
    const socket = connect(serving.port, "127.0.0.1");
    let received = "";
    socket.on("data", (chunk: Buffer) => {
      received += chunk.toString();
    });
    for (let sent = 1; sent <= 3 * openResponsesMax; sent++) {
      socket.write(`${head("GET /healthz", "x")}\r\n`);
      await vi.waitFor(() => expect(received.match(/HTTP\/1\.1 200/g)).toHaveLength(sent), {
        timeout: 60_000,
        interval: 1,
      });
    }
    socket.destroy();
  });

  it("further pipelined requests get 503 in their order, with one line in the log for all of them", async () => {
    const question = await openQuestion();
    serving.lines.length = 0;
    const last = `${head("GET /healthz", "x")}Connection: close\r\n\r\n`;
    const waiting = sendRaw(serving.port, question.repeat(199) + last, { untilClosed: true });
    await vi.waitFor(() => expect(statuses()).toEqual([503]), { timeout: 60_000 });
    expect((await fetch(`${serving.root}/healthz`)).status).toBe(200);
    await revokeSomething();
    const { head: first, body, closed } = await waiting;
    const statusLines = `${first}\r\n\r\n${body}`.match(/HTTP\/1\.1 \d{3}/g);
    const rejected = 200 - openResponsesMax;
    expect(statusLines).toEqual([
      ...Array(openResponsesMax).fill("HTTP/1.1 200"),
      ...Array(rejected).fill("HTTP/1.1 503"),
    ]);
    expect(body.match(/"error":"overloaded"/g)).toHaveLength(rejected);
    expect(closed).toBe(true);
    await vi.waitFor(() => expect(serving.lines).toHaveLength(1 + 1 + 2 + openResponsesMax), { timeout: 60_000 });
  });
});

/** Opens a connection whose last response is not read. The buffers of both sides are full. */
async function fillUp() {
  let other: Socket | undefined;
  const started = channel("http.server.request.start");
  const note = (message: unknown): void => {
    if (typeof message === "object" && message !== null && "socket" in message && message.socket instanceof Socket)
      other ??= message.socket;
  };
  started.subscribe(note);
  const socket = connect(serving.port, "127.0.0.1").on("error", () => undefined);
  await new Promise((resolve) => socket.once("connect", resolve));
  socket.pause();
  let sent = 0;
  for (let stuck = 0; stuck < 5; ) {
    stuck = (other?.writableLength ?? 0) > 0 ? stuck + 1 : 0;
    if (stuck === 0) {
      socket.write("GET /api/security/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n");
      sent += 1;
    }
    await pause(2);
  }
  started.unsubscribe(note);
  return { socket, other, sent };
}

describe("a response that the client does not read", () => {
  it("an unread response is given up, and its connection is closed", async () => {
    const { socket, other } = await fillUp();
    expect([other?.destroyed, other?.timeout]).toEqual([false, 40_000]);
    // The test does not wait for 40 seconds.
    other?.setTimeout(200);
    await vi.waitFor(() => expect(other?.destroyed).toBe(true), { timeout: 60_000 });
    socket.destroy();
  });

  it("a slow client gets its whole response while the server closes", async () => {
    const { socket, sent } = await fillUp();
    const closed = serving.server.close();
    // Idle connections are closed meanwhile.
    await pause(500);
    const received = text(socket);
    // The last one, which ends the connection.
    socket.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    const responses = (await received).split("HTTP/1.1 200 OK\r\n").slice(1);
    expect(responses).toHaveLength(sent + 1);
    expect(responses.at(-1)).toMatch(/connection: close.*\{"status":"ok"\}$/is);
    await closed;
  });
});

describe("a connection that is cut with requests behind one that takes its time", () => {
  it("a cut connection leaves no requests in memory", async () => {
    setFlagsFromString("--expose-gc");
    const collect: () => void = runInNewContext("gc");
    const begun: WeakRef<object>[] = [];
    const requests: Channel = channel("http.server.request.start");
    const note = (message: unknown): void => {
      if (
        typeof message === "object" &&
        message !== null &&
        "response" in message &&
        message.response instanceof Object
      )
        begun.push(new WeakRef(message.response));
    };
    const question = await openQuestion();
    requests.subscribe(note);
    for (let count = 0; count < 10; count++) {
      const socket = connect(serving.port, "127.0.0.1").on("error", () => undefined);
      socket.write(question.repeat(3));
      await vi.waitFor(() => expect(begun).toHaveLength(3 * (count + 1)), { timeout: 60_000, interval: 1 });
      socket.resetAndDestroy();
    }
    requests.unsubscribe(note);
    await revokeSomething();
    await vi.waitFor(
      () => {
        collect();
        expect(begun.filter((each) => each.deref() !== undefined)).toHaveLength(0);
      },
      { timeout: 60_000 },
    );
  });
});

describe("the greatest number of connections", () => {
  it("a new connection that exceeds the limit is closed at once and counted, and the others go on", async () => {
    const limited = await serve({ connectionsMax: 2 });
    try {
      const opened = [connect(limited.port, "127.0.0.1"), connect(limited.port, "127.0.0.1")];
      await Promise.all(opened.map((socket) => once(socket, "connect")));
      await vi.waitFor(() => expect(limited.server.connections.open.size).toBe(2), { timeout: 60_000 });
      const third = await sendRaw(limited.port, `${head("GET /healthz", "x")}\r\n`);
      expect([third.status, third.closed]).toEqual([0, true]);
      expect(limited.server.connections.rejected).toBe(1);
      for (const socket of opened) {
        socket.write(`${head("GET /healthz", "x")}\r\n`);
        const [data] = await once(socket, "data");
        expect(String(data)).toMatch(/^HTTP\/1\.1 200 OK/);
      }
      opened[0]?.destroy();
      await vi.waitFor(() => expect(limited.server.connections.open.size).toBe(1), { timeout: 60_000 });
      expect((await fetch(`${limited.root}/healthz`)).status).toBe(200);
      for (const socket of opened) socket.destroy();
    } finally {
      await limited.close();
    }
  });
});
