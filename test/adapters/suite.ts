// One table of cases over every framework, on a real listening server, from the build.
import { createHmac, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAmpho } from "../../dist/ampho.js";
import type { Ampho } from "../../dist/index.js";
import { sendRaw } from "../http/raw.js";
import { type Host, type Listening, origin, type Setup } from "./host.js";

const alice = { login: "alice", password: "violet kettle harbour morning" };
const secret = randomBytes(32);
const plainSetup: Setup = { front: false, parsers: false, takeOver: false };

const sign = (claims: object, key: Uint8Array = secret): string => {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const input = `${encode({ alg: "HS256" })}.${encode(claims)}`;
  return `${input}.${createHmac("sha256", key).update(input).digest("base64url")}`;
};

/** A clock that tests move; it starts at the machine's. */
function movableClock() {
  let offsetSeconds = 0;
  return {
    now: () => Math.floor(Date.now() / 1000) + offsetSeconds,
    monotonicMs: () => performance.now() + offsetSeconds * 1000,
    forward: (seconds: number) => {
      offsetSeconds += seconds;
    },
  };
}

/** The framework's application under a setup, for the tests of one `describe`. */
function serving(host: Host, setup: Partial<Setup> = {}) {
  const clock = movableClock();
  const notices: string[] = [];
  const state: { ampho?: Ampho; listening?: Listening } = {};
  beforeAll(async () => {
    state.ampho = await createAmpho({
      databaseUrl: "sqlite::memory:",
      key: { kty: "oct", k: secret.toString("base64url") },
      scopes: { editor: ["articles:write"] },
      clock,
      notice: (line: string) => notices.push(line),
    });
    await state.ampho.users.create({ ...alice, roles: ["editor"] });
    state.listening = await host.start(state.ampho, { ...plainSetup, ...setup });
  });
  afterAll(async () => {
    await state.listening?.close();
    await state.ampho?.close();
  });
  const port = () => state.listening?.port ?? 0;
  const call = (path: string, token?: string, init: RequestInit = {}) =>
    fetch(`http://127.0.0.1:${port()}${path}`, {
      ...init,
      headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...init.headers },
    });
  const post = (path: string, body: unknown, token?: string, headers: Record<string, string> = {}) =>
    call(path, token, {
      method: "POST",
      body: typeof body === "string" ? body : JSON.stringify(body),
      headers: { "content-type": "application/json", ...headers },
    });
  const login = async (): Promise<string> => {
    const response = await post("/api/security/login", alice);
    expect(response.status).toBe(200);
    return (await response.json()).token;
  };
  return { port, call, post, login, clock, notices };
}

const wellFormed = /^Bearer realm="ampho"/;

interface Case {
  readonly what: string;
  readonly need: string;
  /** Undefined: no Authorization header. */
  readonly authorization?: string | undefined;
  readonly status: number;
  readonly error?: string;
  readonly challenge?: RegExp;
  readonly headers?: Record<string, string>;
  readonly login?: string | null;
}

export function describeHost(host: Host): void {
  describe(host.name, () => {
    describe("guards", () => {
      const { call, login, port, notices } = serving(host);
      let good = "";
      beforeAll(async () => {
        good = await login();
      });
      const token = (value: string) => `Bearer ${value}`;
      const invalid = { status: 401, error: "invalid_token", challenge: /error="invalid_token"/ };
      const insufficient = { status: 403, error: "insufficient_scope", challenge: /error="insufficient_scope"/ };
      const missing = { status: 401, error: "missing_token", challenge: /^Bearer realm="[^"]*"$/ };
      const soon = Math.floor(Date.now() / 1000) + 600;
      const table: readonly (Case | (() => Case))[] = [
        () => ({ what: "a good token", need: "plain", authorization: token(good), status: 200, login: "alice" }),
        () => ({ what: "another case", need: "plain", authorization: `bEARER ${good}`, status: 200, login: "alice" }),
        {
          what: "a token of other software",
          need: "plain",
          status: 200,
          login: "alice",
          authorization: token(sign({ login: "alice", exp: soon })),
        },
        { what: "no token", need: "plain", ...missing },
        { what: "another scheme", need: "plain", authorization: "Basic YTpi", ...missing },
        { what: "a scheme alone", need: "plain", authorization: "Bearer", ...invalid },
        { what: "no JWT", need: "plain", authorization: token("x.y"), ...invalid },
        () => ({ what: "one character more", need: "plain", authorization: token(`${good}A`), ...invalid }),
        {
          what: "a forged token",
          need: "plain",
          authorization: token(sign({ login: "alice", exp: soon }, randomBytes(32))),
          ...invalid,
        },
        {
          what: "an expired token",
          need: "plain",
          authorization: token(sign({ login: "alice", exp: soon - 86_400 })),
          ...invalid,
        },
        () => ({ what: "one of the roles", need: "editor", authorization: token(good), status: 200, login: "alice" }),
        () => ({ what: "a missing role", need: "admin", authorization: token(good), ...insufficient }),
        () => ({ what: "all scopes", need: "scoped", authorization: token(good), status: 200, login: "alice" }),
        () => ({
          what: "a missing scope",
          need: "unscoped",
          authorization: token(good),
          ...insufficient,
          challenge: /scope="articles:write articles:delete"/,
        }),
        () => ({ what: "a fresh login", need: "fresh", authorization: token(good), status: 200, login: "alice" }),
        {
          what: "a login of unknown age",
          need: "fresh",
          authorization: token(sign({ login: "alice", exp: soon })),
          status: 401,
          error: "login_too_old",
          challenge: /error="insufficient_user_authentication", max_age="300"/,
        },
        () => ({ what: "strict, and good", need: "strict", authorization: token(good), status: 200, login: "alice" }),
        { what: "optional, without a token", need: "optional", status: 200, login: null },
        () => ({
          what: "optional, with a token",
          need: "optional",
          authorization: token(good),
          status: 200,
          login: "alice",
        }),
        { what: "optional, with a bad token", need: "optional", authorization: token("x.y.z"), ...invalid },
        () => ({
          what: "what `can` allows by the request",
          need: "can",
          authorization: token(good),
          headers: { "x-allow": "yes" },
          status: 200,
          login: "alice",
        }),
        () => ({ what: "what `can` does not allow", need: "can", authorization: token(good), ...insufficient }),
        () => ({
          what: "what `can` allows later",
          need: "later",
          authorization: token(good),
          headers: { "x-allow": "yes" },
          status: 200,
          login: "alice",
        }),
        () => ({
          what: "what `can` denies later",
          need: "later",
          authorization: token(good),
          headers: { "x-allow": "no" },
          ...insufficient,
        }),
        () => ({
          what: "a `can` that throws",
          need: "broken",
          authorization: token(good),
          status: 500,
          error: "internal_error",
        }),
      ];

      for (const form of ["need", "certain"])
        it.each(table.map((row) => (typeof row === "function" ? { row, what: row().what } : { row, what: row.what })))(
          `by /${form}/…: $what`,
          async ({ row }) => {
            const expected = typeof row === "function" ? row() : row;
            const authorization = expected.authorization === undefined ? {} : { authorization: expected.authorization };
            const response = await call(`/${form}/${expected.need}`, undefined, {
              headers: { ...expected.headers, ...authorization },
            });
            const body = await response.json();
            expect({ status: response.status, error: body.error }).toEqual({
              status: expected.status,
              error: expected.error,
            });
            if (expected.status === 200) expect(body).toEqual({ login: expected.login });
            else {
              expect(Object.keys(body).sort()).toEqual(["error", "message"]);
              expect(response.headers.get("content-type")).toMatch(/^application\/json/);
              expect(response.headers.get("cache-control")).toBe("no-store");
            }
            const challenge = response.headers.get("www-authenticate");
            if (expected.challenge !== undefined) expect(challenge).toMatch(expected.challenge);
            if (expected.status === 401) expect(challenge).toMatch(wellFormed);
            expect(JSON.stringify(body)).not.toContain("inside");
          },
        );

      it("a `can` that throws is told to whoever runs the process", () => {
        expect(notices.join("\n")).toContain("something-of-the-inside");
      });

      it("what stands on a router or group, and what a route asks besides", async () => {
        expect((await call("/group/inner")).status).toBe(401);
        expect(await (await call("/group/inner", good)).json()).toEqual({ login: "alice" });
        expect((await call("/group/admin")).status).toBe(401);
        expect((await call("/group/admin", good)).status).toBe(403);
      });

      it("what is mounted under prefixes", async () => {
        expect((await call("/outer/inner/me")).status).toBe(401);
        expect(await (await call("/outer/inner/me", good)).json()).toEqual({ login: "alice" });
      });

      it("two tokens in one header, which a proxy may have joined", async () => {
        const headers = { authorization: `Bearer ${good}, Bearer ${good}` };
        const response = await call("/need/plain", undefined, { headers });
        // Hosts that hand over the raw values see one malformed token, others see two.
        expect([400, 401]).toContain(response.status);
      });

      it("nothing else", async () => {
        expect(await (await call("/open")).json()).toEqual({ open: true });
        expect(await (await call("/open", "junk")).json()).toEqual({ open: true });
        expect((await call("/nowhere", good)).status).toBe(404);
      });

      it("a handler's own error stays the framework's", async () => {
        expect((await call("/throws")).status).toBe(401);
        const response = await call("/throws", good);
        expect(response.status).toBe(500);
        expect(await response.text()).not.toContain("internal_error");
        expect((await call("/need/plain", good)).status).toBe(200);
      });

      it("HEAD like GET, without a body", async () => {
        const refused = await call("/need/plain", undefined, { method: "HEAD" });
        expect([refused.status, await refused.text()]).toEqual([401, ""]);
        expect(refused.headers.get("www-authenticate")).toMatch(wellFormed);
        const admitted = await call("/need/plain", good, { method: "HEAD" });
        expect([admitted.status, await admitted.text()]).toEqual([200, ""]);
      });

      it.each(["/need/plain", "/certain/plain", "/api/security/session"])(
        "two raw Authorization headers on %s are 400",
        async (path) => {
          const twice = `Authorization: Bearer ${good}\r\n`.repeat(2);
          const text = `GET ${path} HTTP/1.1\r\nHost: a\r\n${twice}Connection: close\r\n\r\n`;
          const answer = await sendRaw(port(), text, { untilClosed: true });
          expect(answer.status).toBe(400);
          expect(answer.body).toContain('"error":"invalid_request"');
        },
      );

      it("one request after the other on a connection, and several sent at once", async () => {
        const get = (path: string, last = false, value = good) =>
          `GET ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${value}\r\n${last ? "Connection: close\r\n" : ""}\r\n`;
        const paths = ["/need/plain", "/need/plain", "/certain/plain", "/need/strict", "/api/security/session"];
        const text =
          paths.map((path, index) => get(path, false, index === 1 ? "junk" : good)).join("") + get("/open", true);
        const answer = await sendRaw(port(), text, { untilClosed: true });
        const statuses = [...`${answer.head}\r\n\r\n${answer.body}`.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) =>
          Number(status),
        );
        expect(statuses).toEqual([200, 401, 200, 200, 200, 200]);
      });
    });

    describe("sessions and time", () => {
      const { call, login, post, clock } = serving(host);

      it("a session that has ended is refused at once", async () => {
        const token = await login();
        expect((await call("/need/plain", token)).status).toBe(200);
        expect((await post("/api/security/logout", "", token)).status).toBe(204);
        for (const need of ["plain", "strict", "optional"]) {
          const response = await call(`/need/${need}`, token);
          expect([response.status, (await response.json()).error]).toEqual([401, "invalid_token"]);
        }
      });

      it("a login is fresh for a while, a token good for longer, and neither for ever", async () => {
        const token = await login();
        expect((await call("/need/fresh", token)).status).toBe(200);
        clock.forward(301);
        const stale = await call("/need/fresh", token);
        expect([stale.status, (await stale.json()).error]).toEqual([401, "login_too_old"]);
        expect((await call("/need/plain", token)).status).toBe(200);
        clock.forward(900);
        expect((await call("/need/plain", token)).status).toBe(401);
      });
    });

    describe.each([
      { what: "", setup: {} },
      { what: " behind the framework's parsers", setup: { parsers: true } },
      { what: " behind compression and CORS", setup: { front: true } },
      { what: " behind all of them", setup: { front: true, parsers: true } },
    ])("serves the REST API$what", ({ setup }: { what: string; setup: Partial<Setup> }) => {
      const { call, login, port, post } = serving(host, setup);

      it("JSON and forms", async () => {
        expect(await login()).toMatch(/^eyJ/);
        const form = new URLSearchParams(alice);
        const response = await call("/api/security/login", undefined, { method: "POST", body: form });
        expect(response.status).toBe(200);
      });

      it("wrong passwords, wrong types, no body", async () => {
        expect((await post("/api/security/login", { ...alice, password: "wrong" })).status).toBe(401);
        expect((await post("/api/security/login", { login: 1 })).status).toBe(400);
        expect((await call("/api/security/login", undefined, { method: "POST" })).status).toBe(400);
      });

      it("paths and methods that are not there", async () => {
        const unknown = await call("/api/security/nothing");
        expect([unknown.status, (await unknown.json()).error]).toEqual([404, "not_found"]);
        const wrong = await call("/api/security/login");
        expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "POST"]);
        expect((await call("/api/security")).status).toBe(404);
      });

      it("HEAD and OPTIONS", async () => {
        const head = await call("/api/security/openapi.json", undefined, { method: "HEAD" });
        expect([head.status, await head.text()]).toEqual([200, ""]);
        if (setup.front !== true)
          expect((await call("/api/security/login", undefined, { method: "OPTIONS" })).status).toBe(405);
      });

      it("renewal, session and logout", async () => {
        const token = await login();
        expect((await post("/api/security/renew", "", token)).status).toBe(200);
        const session = await call("/api/security/session", token);
        expect((await session.json()).login).toBe("alice");
        expect((await post("/api/security/logout", "", token)).status).toBe(204);
        expect((await call("/api/security/session", token)).status).toBe(401);
      });

      it("a body in pieces, while the next request waits behind it", async () => {
        const body = JSON.stringify(alice);
        const chunks = [body.slice(0, 9), body.slice(9)]
          .map((part) => `${part.length.toString(16)}\r\n${part}\r\n`)
          .join("");
        const head =
          "POST /api/security/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
        const text = `${head}${chunks}0\r\n\r\nGET /open HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
        const answer = await sendRaw(port(), text, { untilClosed: true });
        expect(`${answer.head}${answer.body}`.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
      });

      if (setup.parsers !== true && host.parsesFirst !== true) {
        it("statuses of its own for bodies that it does not take", async () => {
          for (const [type, body, status] of [
            ["text/plain", "hello", 415],
            ["application/json", "{", 400],
            ["application/json", `{"login":"${"a".repeat(20_000)}"}`, 413],
            ["not a type", "{}", 415],
          ] as const) {
            const response = await post("/api/security/login", body, undefined, { "content-type": type });
            expect([type, response.status]).toEqual([type, status]);
            expect(Object.keys(await response.json()).sort()).toEqual(["error", "message"]);
          }
        });
      }

      if (setup.front === true) {
        it("CORS on endpoints, guarded routes and refusals", async () => {
          const token = await login();
          const headers = { origin };
          for (const [path, value] of [
            ["/api/security/session", token],
            ["/api/security/session", undefined],
            ["/need/plain", token],
            ["/need/plain", undefined],
            ["/certain/plain", undefined],
            ["/need/strict", "junk"],
          ] as const) {
            const response = await call(path, value, { headers });
            expect([path, value, response.headers.get("access-control-allow-origin")]).toEqual([path, value, origin]);
          }
          for (const path of ["/api/security/login", "/need/plain"]) {
            const preflight = await call(path, undefined, {
              method: "OPTIONS",
              headers: {
                origin,
                "access-control-request-method": "POST",
                "access-control-request-headers": "authorization",
              },
            });
            expect(preflight.ok).toBe(true);
          }
        });

        it("compressed answers that read as plain ones", async () => {
          const token = await login();
          const headers = { "accept-encoding": "gzip" };
          expect(await (await call("/need/plain", token, { headers })).json()).toEqual({ login: "alice" });
          expect((await (await call("/need/plain", undefined, { headers })).json()).error).toBe("missing_token");
          expect((await (await call("/api/security/openapi.json", undefined, { headers })).json()).openapi).toMatch(
            /^3\.1/,
          );
        });
      }

      it("leaves guarded bodies to the application", async () => {
        const token = await login();
        const parsed = await post("/parsed", { a: 1 }, token);
        expect([parsed.status, await parsed.json()]).toEqual([200, { a: 1 }]);
        expect((await post("/parsed", { a: 1 })).status).toBe(401);
        const raw = await call("/raw", token, {
          method: "POST",
          body: "x".repeat(300_000),
          headers: { "content-type": "application/octet-stream" },
        });
        if (setup.parsers !== true) expect([raw.status, await raw.json()]).toEqual([200, { bytes: 300_000 }]);
      });

      it("refuses a large upload without hanging", async () => {
        const refused = await call("/raw", undefined, {
          method: "POST",
          body: "x".repeat(300_000),
          headers: { "content-type": "application/octet-stream" },
        });
        expect(refused.status).toBe(401);
      });
    });

    if (host.takesOver)
      describe("lets the application take refusals over in one place", () => {
        const { call, login } = serving(host, { takeOver: true });

        it.each(["need", "certain"])("by /%s/…", async (form) => {
          for (const [need, value, status, code] of [
            ["plain", undefined, 401, "missing_token"],
            ["plain", "junk", 401, "invalid_token"],
            ["admin", await login(), 403, "insufficient_scope"],
            ["later", await login(), 403, "insufficient_scope"],
          ] as const) {
            const response = await call(`/${form}/${need}`, value);
            expect([response.status, await response.json()]).toEqual([status, { taken: code }]);
          }
        });

        it("but not the REST API's own answers", async () => {
          expect((await (await call("/api/security/session")).json()).error).toBe("missing_token");
        });
      });
  });
}
