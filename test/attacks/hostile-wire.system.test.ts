// Requests that only a raw socket can send, against a real `ampho serve`: endless, smuggled and disguised requests.
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sendRaw } from "../http/raw.js";
import { alice } from "../world/people.js";
import { bearer } from "../world/requests.js";
import { logIn } from "../world/serve.js";
import { layIn, type Siege } from "./siege.js";

let siege: Siege;
beforeAll(async () => {
  siege = await layIn();
});
afterAll(() => siege.end());

const prefix = "/api/security";
const json = "Content-Type: application/json";
const chunked = "Transfer-Encoding: chunked";
const request = (line: string, ...fields: string[]) =>
  `${[`${line} HTTP/1.1`, "Host: x", ...fields].join("\r\n")}\r\n\r\n`;
const login = (...fields: string[]) => request(`POST ${prefix}/login`, json, ...fields);
const send = (text: string, options: Parameters<typeof sendRaw>[2] = {}) =>
  sendRaw(siege.served.port, Buffer.from(text, "latin1"), options);

describe("a body without end", () => {
  const filler = "x".repeat(65_536);
  const length = 100 * 1024 * 1024;

  it("a body without end is rejected and its connection closed, for any kind of body", async () => {
    const kinds: readonly (readonly [name: string, head: string, repeat: string, status: number])[] = [
      ["in chunks", login(chunked), `10000\r\n${filler}\r\n`, 413],
      ["in chunks of one byte", login(chunked), "1\r\nx\r\n".repeat(10_000), 413],
      ["in chunks with extensions", login(chunked), `1;${"x".repeat(8_000)}\r\nx\r\n`, 413],
      ["of 100 MB as announced", login(`Content-Length: ${length}`), filler, 413],
      ["to a path that is not there", request(`POST ${prefix}/nothing`, chunked), `10000\r\n${filler}\r\n`, 404],
      ["without a token", request(`POST ${prefix}/password`, json, chunked), `10000\r\n${filler}\r\n`, 413],
      ["behind a GET", request(`GET ${prefix}/session`, chunked), `10000\r\n${filler}\r\n`, 401],
    ];
    await siege.withstand(async () => {
      const responses = await Promise.all(
        kinds.map(async ([name, head, repeat]) => {
          const { status, closed } = await send(head, { repeat, untilClosed: true });
          return [name, status, closed];
        }),
      );
      expect(responses).toEqual(kinds.map(([name, , , status]) => [name, status, true]));
      return kinds.length;
    });
  });

  it.each([
    ["in trailers", () => `${login(chunked)}0\r\n`, `X: ${"x".repeat(8_000)}\r\n`],
    ["of headers", () => `POST ${prefix}/login HTTP/1.1\r\nHost: x\r\n`, `X: ${"x".repeat(8_000)}\r\n`],
    ["of a request line", () => "GET /", filler],
  ])("a request without end %s is rejected by the parser, and the response arrives", async (_, head, repeat) => {
    await siege.withstand(async () => {
      const all = Array.from({ length: 30 }, () => send(head(), { repeat, untilClosed: true }));
      for (const { status, closed } of await Promise.all(all)) expect([status, closed]).toEqual([431, true]);
      return all.length;
    });
  });

  it("twenty bodies of 5 MB at once leave no trace", async () => {
    await siege.withstand(async () => {
      const all = Array.from({ length: 20 }, () =>
        send(login(`Content-Length: ${5 * 1024 * 1024}`) + "x".repeat(5 * 1024 * 1024), {
          untilClosed: true,
          last: true,
        }),
      );
      for (const { status } of await Promise.all(all)) expect(status).toBe(413);
      return all.length;
    });
  });

  it("200 slow bodies at once delay no other request", async () => {
    await siege.withstand(async () => {
      const head = `POST ${prefix}/login HTTP/1.1\r\nHost: x\r\nX: `;
      const slow = [login("Content-Length: 1000"), `${login(chunked)}ffff\r\n`, head, ""];
      const sockets: Socket[] = [];
      for (let count = 0; count < 200; count++) {
        const socket = connect(siege.served.port, "127.0.0.1");
        socket.on("error", () => undefined);
        await new Promise((resolve) => socket.once("connect", resolve));
        socket.write(slow[count % slow.length] ?? "");
        sockets.push(socket);
      }
      const good = 20;
      for (let round = 0; round < good; round++) {
        for (const [at, socket] of sockets.entries()) if (at % slow.length !== 3) socket.write("x");
        const headers = bearer(siege.grant.token);
        expect((await fetch(`${siege.served.url}/session`, { headers })).status).toBe(200);
      }
      await logIn(siege.served);
      for (const socket of sockets) socket.destroy();
      // Connections that sent nothing leave no line.
      return good + 1 + 150;
    });
  });
});

describe("request smuggling", () => {
  const end = () => request(`DELETE ${prefix}/sessions`, `Authorization: Bearer ${siege.grant.token}`);
  const size = (text: string) => text.length.toString(16);

  it.each([
    ["CL.TE", () => login("Content-Length: 5", chunked), () => `0\r\n\r\n${end()}`],
    ["TE.CL", () => login(chunked, "Content-Length: 5"), () => `${size(end())}\r\n${end()}\r\n0\r\n\r\n`],
    ["CL.CL", () => login("Content-Length: 5", "Content-Length: 0"), end],
    ["CL.CL that agree", () => login("Content-Length: 0", "Content-Length: 0"), end],
    ["a list of lengths", () => login("Content-Length: 0, 5"), end],
    ["TE.TE", () => login(chunked, "Transfer-Encoding: identity"), () => `0\r\n\r\n${end()}`],
    ["TE of an unknown coding last", () => login("Transfer-Encoding: chunked, x"), () => `0\r\n\r\n${end()}`],
    ["TE with a vertical tab", () => login("Transfer-Encoding: \x0bchunked"), () => `0\r\n\r\n${end()}`],
    ["TE with a space before the colon", () => login("Transfer-Encoding : chunked"), () => `0\r\n\r\n${end()}`],
    ["TE in quotes", () => login('Transfer-Encoding: "chunked"'), () => `0\r\n\r\n${end()}`],
    ["a folded TE", () => login("Transfer-Encoding:\r\n chunked"), () => `0\r\n\r\n${end()}`],
    ["a length in hexadecimal", () => login("Content-Length: 0x0"), end],
    ["a length beyond 64 bits", () => login("Content-Length: 18446744073709551616"), end],
    ["a chunk size with 0x", () => login(chunked), () => `0x0\r\n\r\n${end()}`],
    ["a chunk size beyond 64 bits", () => login(chunked), () => `10000000000000000\r\n\r\n${end()}`],
    ["a chunk that ends in a line feed", () => login(chunked), () => `1\r\nx\n0\r\n\r\n${end()}`],
    ["a header that ends in a carriage return", () => login("X: a\rContent-Length: 0"), end],
    ["NUL in a header", () => login("X: a\0\r\nContent-Length: 0"), end],
    ["a response", () => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", end],
  ])("a request that hides another by %s is rejected, and the hidden one does not run", async (_, head, rest) => {
    await siege.withstand(async () => {
      const { status, head: first, body } = await send(head() + rest(), { untilClosed: true });
      expect(status).toBe(400);
      expect(`${first}\r\n\r\n${body}`.match(/HTTP\/1\.1 \d/g)).toHaveLength(1);
      return 1;
    });
  });

  it("an Authorization field in the trailers authorizes nothing", async () => {
    await siege.withstand(async () => {
      const text = `${request(`DELETE ${prefix}/sessions`, chunked, "Trailer: Authorization")}0\r\nAuthorization: Bearer ${siege.grant.token}\r\n\r\n`;
      expect((await send(text)).status).toBe(401);
      return 1;
    });
  });

  it("a request hidden behind a body that is too large is discarded with it", async () => {
    await siege.withstand(async () => {
      const filler = "x".repeat(20_000);
      const text = `${login(`Content-Length: ${filler.length + end().length}`)}${filler}${end()}`;
      // Responses come in the order of the requests, so a response to the hidden one would precede the last.
      const { status, body } = await send(text + request("GET /healthz", "Connection: close"), { untilClosed: true });
      expect(status).toBe(413);
      expect(body.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200"]);
      return 2;
    });
  });
});

describe("requests that pretend to be others", () => {
  const authorized = () => `Authorization: Bearer ${siege.grant.token}`;

  it.each([
    ["POST", "X-HTTP-Method-Override: DELETE"],
    ["POST", "X-HTTP-Method: DELETE"],
    ["POST", "X-Method-Override: DELETE"],
    ["PUT", "X-HTTP-Method-Override: DELETE"],
    ["PATCH", "X-HTTP-Method-Override: DELETE"],
    ["TRACE", "Max-Forwards: 0"],
    ["OPTIONS", "Access-Control-Request-Method: DELETE"],
  ])("%s with %s ends no session", async (method, field) => {
    await siege.withstand(async () => {
      const { status, body, head } = await send(request(`${method} ${prefix}/sessions`, field, authorized()));
      expect(status).toBe(405);
      expect(head + body).not.toContain(siege.grant.token);
      return 1;
    });
  });

  it("a field _method in a query or form is a field like any other", async () => {
    await siege.withstand(async () => {
      const form = ["Content-Type: application/x-www-form-urlencoded", "Content-Length: 14", authorized()];
      const asked = [
        request(`GET ${prefix}/sessions?_method=DELETE`, authorized()),
        `${request(`POST ${prefix}/sessions`, ...form)}_method=DELETE`,
      ];
      const statuses = [];
      for (const text of asked) statuses.push((await send(text)).status);
      expect(statuses).toEqual([200, 405]);
      return asked.length;
    });
  });

  it("HEAD ends no session and returns no body", async () => {
    await siege.withstand(async () => {
      const { head, body } = await send(request(`HEAD ${prefix}/sessions`, authorized(), "Connection: close"), {
        untilClosed: true,
      });
      expect(head).toMatch(/^HTTP\/1\.1 200 OK/);
      expect(body).toBe("");
      return 1;
    });
  });

  it.each([
    ["/login", "//login"],
    ["/login", "/login/"],
    ["/login", "/%6cogin"],
    ["/login", "/login;a"],
    ["/login", "/LOGIN"],
    ["/login", "/./login"],
    ["/login", "/x/../login"],
    ["/login", "/login%00"],
    ["/login", "/login%20"],
    ["/login", "/login.json"],
    ["/login", "/login#x"],
    ["/login", "\\login"],
  ])("%s spelled as %s is not found", async (_, path) => {
    const body = JSON.stringify(alice);
    await siege.withstand(async () => {
      const targets = [`${prefix}${path}`, `http://x${prefix}${path}`];
      for (const target of targets) {
        const text = `${request(`POST ${target}`, json, `Content-Length: ${body.length}`)}${body}`;
        expect((await send(text)).status).toBe(404);
      }
      return targets.length;
    });
  });
});
