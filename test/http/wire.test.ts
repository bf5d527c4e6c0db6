// Bytes on the socket, for requests that no client library sends.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Serving, serve } from "../world/http-server.js";
import { alice } from "../world/people.js";
import { bearer, post } from "../world/requests.js";
import { sendRaw } from "./raw.js";

let serving: Serving;
let token: string;
beforeAll(async () => {
  serving = await serve();
  token = (await serving.login()).token;
});
afterAll(() => serving.close());

const prefix = "/api/security";
const json = "Content-Type: application/json";
const request = (line: string, ...fields: string[]) =>
  `${[`${line} HTTP/1.1`, "Host: x", ...fields].join("\r\n")}\r\n\r\n`;
const login = (...fields: string[]) => request(`POST ${prefix}/login`, ...fields);
const session = (...fields: string[]) => request(`GET ${prefix}/session`, ...fields);

/** The next good request succeeds. */
async function expectHealthy(): Promise<void> {
  expect((await fetch(`${serving.url}/session`, { headers: bearer(token) })).status).toBe(200);
}

describe("on the wire", () => {
  it.each([
    [
      "Content-Length with Transfer-Encoding",
      `${login(json, "Content-Length: 4", "Transfer-Encoding: chunked")}0\r\n\r\n`,
      400,
    ],
    ["two Content-Lengths", `${login(json, "Content-Length: 4", "Content-Length: 5")}abcd`, 400],
    ["a negative Content-Length", login("Content-Length: -1"), 400],
    ["a signed Content-Length", `${login("Content-Length: +4")}abcd`, 400],
    ["a Transfer-Encoding that is not chunked", login("Transfer-Encoding: identity"), 400],
    ["a Transfer-Encoding that looks like chunked", login("Transfer-Encoding: xchunked"), 400],
    ["a chunk without a size", `${login(json, "Transfer-Encoding: chunked")}zz\r\n\r\n`, 400],
    ["a chunk extension without end", `${login(json, "Transfer-Encoding: chunked")}1;${"x".repeat(20_000)}\r\n`, 400],
    ["two Hosts", session("Host: y"), 400],
    ["no Host", `GET ${prefix}/session HTTP/1.1\r\n\r\n`, 400],
    ["a folded header", session("X: a\r\n b"), 400],
    ["a space before the colon", session("Authorization : Bearer x"), 400],
    ["NUL in a header", session("X: a\0b"), 400],
    ["bare line feeds", `GET ${prefix}/session HTTP/1.1\nHost: x\n\n`, 400],
    ["16 KiB of headers", session(`X: ${"a".repeat(20_000)}`), 431],
    ["a TLS hello", "\x16\x03\x01\x02\x00\x01\x00", 400],
    ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
    ["a method in small letters", request(`get ${prefix}/session`), 400],
    ["an unknown method", request(`FOO ${prefix}/session`), 400],
    ["TRACE", request(`TRACE ${prefix}/session`), 405],
    ["CONNECT", request("CONNECT elsewhere:443"), 400],
    ["OPTIONS *", request("OPTIONS *"), 404],
    ["a path in UTF-8", request(`GET ${prefix}/sessi\u00c3\u00b6n`), 400],
    ["an absolute target", request(`GET http://elsewhere${prefix}/session`), 401],
    ["an absolute target in capitals with a user", request(`GET HTTPS://a:b@elsewhere${prefix}/openapi.json`), 200],
    ["an absolute target of another scheme", request(`GET ftp://elsewhere${prefix}/session`), 404],
    ["an absolute target without a path", request("GET http://elsewhere"), 404],
    ["an absolute target without anything", request("GET http://"), 404],
    ["a network path", request(`GET //elsewhere${prefix}/session`), 404],
    ["dots", request(`GET ${prefix}/x/../session`), 404],
    ["HTTP/1.0", `GET ${prefix}/session HTTP/1.0\r\n\r\n`, 401],
    ["two Content-Types", `${login(json, "Content-Type: text/plain", "Content-Length: 2")}{}`, 400],
    ["an upgrade", session("Connection: Upgrade", "Upgrade: websocket"), 401],
    [
      "an upgrade to HTTP/2",
      session("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMA"),
      401,
    ],
    ["an unknown expectation", `${login(json, "Expect: 200-ok", "Content-Length: 2")}{}`, 400],
    ["a large body that waits to be asked for", login(json, "Expect: 100-continue", "Content-Length: 16385"), 413],
  ])("the server responds to %s with the right status", async (_, text, status) => {
    const before = serving.lines.length;
    const response = await sendRaw(serving.port, Buffer.from(text, "latin1"));
    expect([response.status, response.head]).toEqual([status, expect.stringContaining(`HTTP/1.1 ${status}`)]);
    await expectHealthy();
    const logged = () => serving.lines.slice(before).map((line) => JSON.parse(line).status);
    // The line of a cut request can follow that of the next request.
    await expect.poll(() => logged().sort()).toEqual([200, status].sort());
  });

  it("a CONNECT request gets the body of an error, because Node's parser accepts it", async () => {
    const { status, body } = await sendRaw(serving.port, request("CONNECT elsewhere:443"));
    expect([status, JSON.parse(body)]).toEqual([400, { message: expect.any(String), error: "invalid_request" }]);
  });

  it("two Authorization headers are rejected, even if one is valid", async () => {
    for (const [first, second] of [
      ["x", token],
      [token, "x"],
      [token, token],
    ]) {
      const head = session(`Authorization: Bearer ${first}`, `authorization: Bearer ${second}`);
      const { status, body } = await sendRaw(serving.port, head);
      expect([status, JSON.parse(body).error]).toEqual([400, "invalid_request"]);
    }
  });

  it("a request smuggled behind a body is read as that body", async () => {
    const inner = `DELETE ${prefix}/sessions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`;
    const { status } = await sendRaw(serving.port, `${login(json, `Content-Length: ${inner.length}`)}${inner}`);
    expect(status).toBe(400);
    await expectHealthy();
  });

  it("pipelined requests get their responses in order", async () => {
    const one = session(`Authorization: Bearer ${token}`);
    const { head, body } = await sendRaw(serving.port, one + session() + request("GET /healthz", "Connection: close"), {
      untilClosed: true,
    });
    expect([head + body].join("").match(/HTTP\/1\.1 \d{3}/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 401", "HTTP/1.1 200"]);
  });

  it("a client that expects 100-continue gets it", async () => {
    const body = JSON.stringify(alice);
    const response = await sendRaw(
      serving.port,
      `${login(json, "Connection: close", "Expect: 100-continue", `Content-Length: ${body.length}`)}${body}`,
      { untilClosed: true },
    );
    expect(response.head).toBe("HTTP/1.1 100 Continue");
    expect(response.body).toMatch(/^HTTP\/1\.1 200 OK/);
  });

  it("an empty chunked body counts as none", async () => {
    const text = `${request(`POST ${prefix}/renew`, "Transfer-Encoding: chunked")}0\r\n\r\n`;
    expect((await sendRaw(serving.port, text)).status).toBe(401);
  });

  it("a short unread body leaves the connection open", async () => {
    const rejected = `${request(`POST ${prefix}/nothing`, json, "Content-Length: 2")}{}`;
    const { body } = await sendRaw(serving.port, rejected + request("GET /healthz", "Connection: close"), {
      untilClosed: true,
    });
    expect(body).toMatch(/^\{"message":.*not_found"\}HTTP\/1\.1 200 OK/);
  });

  describe("100 MB at a limit of 16 KiB", () => {
    const length = 100 * 1024 * 1024;
    const filler = "x".repeat(65_536);

    it.each([
      ["with their length", login(json, `Content-Length: ${length}`), filler],
      ["in chunks without end", login(json, "Transfer-Encoding: chunked"), `10000\r\n${filler}\r\n`],
      ["to a path that is not there", request(`POST ${prefix}/nothing`, `Content-Length: ${length}`), filler],
      ["to a GET", session("Transfer-Encoding: chunked"), `10000\r\n${filler}\r\n`],
    ])("100 MB %s get a response and a closed connection", async (_, head, repeat) => {
      const before = process.memoryUsage().rss;
      const response = await sendRaw(serving.port, head, { repeat, untilClosed: true });
      expect(response.head).toMatch(/^HTTP\/1\.1 (413|404|401) /);
      expect(JSON.parse(response.body)).toHaveProperty("message");
      expect(response.closed).toBe(true);
      expect(process.memoryUsage().rss - before).toBeLessThan(50 * 1024 * 1024);
      await expectHealthy();
    });

    it("100 MB in one piece get a response", async () => {
      const all = Buffer.concat([Buffer.from(login(json, `Content-Length: ${length}`)), Buffer.alloc(length, "x")]);
      expect((await sendRaw(serving.port, all, { untilClosed: true, last: true })).status).toBe(413);
      await expectHealthy();
    });
  });

  it("a body that is cut short is not logged as an internal error", async () => {
    await sendRaw(serving.port, `${login(json, "Content-Length: 100")}{`, { patienceMs: 50 });
    await post(`${serving.url}/login`, alice);
    await expect.poll(() => serving.lines.at(-1)).toBeDefined();
    expect(serving.notices.filter((line) => line.includes("internal error"))).toEqual([]);
  });
});
