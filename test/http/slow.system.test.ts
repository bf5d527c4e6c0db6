// Requests that never end. The limit is 30 s, so this file takes a little longer than that, once for all of it.
import { createServer } from "node:http";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mount } from "../../dist/adapters/node.js";
import { type Serving, serve } from "../world/http-server.js";
import { listening } from "../world/listen.js";
import { bearer } from "../world/requests.js";
import { pause } from "../world/wait.js";
import { type RawResponse, sendRaw } from "./raw.js";

let serving: Serving;
let token: string;
beforeAll(async () => {
  serving = await serve();
  token = (await serving.login()).token;
});
afterAll(() => serving.close());

const path = "/api/security/login";
const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`;

/** Sends the text, then a byte more every second (or nothing), and returns what arrived before the server closed the connection. */
function trickle(port: number, text: string, byte: string): Promise<RawResponse> {
  return new Promise((resolve) => {
    let received = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    const timer = setInterval(() => socket.write(byte), 1_000);
    socket.on("data", (chunk: Buffer) => {
      received += chunk.toString();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearInterval(timer);
      const [first = "", body = ""] = received.split("\r\n\r\n");
      resolve({ status: Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1] ?? 0), head: first, body, closed: true });
    });
  });
}

describe.concurrent("a request that is not complete after 30 s", () => {
  it("a request with an incomplete body gets 408, and its connection is closed", { timeout: 180_000 }, async () => {
    const { status, body, head: response } = await trickle(serving.port, head, "x");
    expect([status, JSON.parse(body).error]).toEqual([408, "request_timeout"]);
    expect(response).toMatch(/connection: close/i);
  });

  it("a request with incomplete headers gets 408, and its connection is closed", { timeout: 180_000 }, async () => {
    expect((await trickle(serving.port, `POST ${path} HTTP/1.1\r\nHost: x\r\nX: `, "x")).status).toBe(408);
  });

  it("an incomplete request gets 408 on an application's server with longer limits", { timeout: 180_000 }, async () => {
    const server = createServer({ requestTimeout: 0, headersTimeout: 0 }, mount(serving.ampho));
    const { port } = await listening(server);
    const { status, body } = await trickle(port, head, "x");
    expect([status, JSON.parse(body).error]).toEqual([408, "request_timeout"]);
    await new Promise((resolve) => server.close(resolve));
  });

  it("200 incomplete requests delay no others, and all their connections are closed", {
    timeout: 180_000,
  }, async () => {
    const kinds = [
      () => trickle(serving.port, head, "x"),
      () => trickle(serving.port, `GET ${path} HTTP/1.1\r\nX: `, "x"),
      () => trickle(serving.port, head, ""),
      () => trickle(serving.port, "", ""),
    ];
    const slow = Array.from({ length: 50 }, () => kinds.map((begin) => begin())).flat();
    for (let round = 0; round < 20; round++) {
      expect((await fetch(`${serving.url}/session`, { headers: bearer(token) })).status).toBe(200);
      await pause(200);
    }
    const statuses = (await Promise.all(slow)).map((response) => response.status);
    expect(new Set(statuses)).toEqual(new Set([408]));
    expect((await sendRaw(serving.port, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")).status).toBe(200);
  });
});
