import { IncomingMessage, type RequestListener, ServerResponse, request as sendRequest } from "node:http";
import { Socket } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, expectTypeOf, it } from "vitest";
import { authorize, guarded, type Listener, mount } from "../../dist/adapters/node.js";
import type { Auth } from "../../dist/tokens/auth.js";
import { sendRaw } from "../http/raw.js";
import { type Serving, serve } from "../world/http-server.js";
import { listening } from "../world/listen.js";
import { alice } from "../world/people.js";
import { bearer, type Grant, post } from "../world/requests.js";
import { foreignToken } from "../world/tokens.js";

let serving: Serving;
let grant: Grant;
beforeAll(async () => {
  serving = await serve({ scopes: { editor: ["articles:write"], admin: ["articles:delete"] } });
  grant = await serving.login();
});
afterAll(() => serving.close());

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

/** Starts a server for one handler and returns its URL. */
const urlOf = async (listener: RequestListener): Promise<string> => (await listening(listener)).url;

const portOf = (url: string) => Number(new URL(url).port);
const errorOf = async (response: Response) => [response.status, (await response.json()).error];
const ok: Listener = (_, response) => response.end("ok");
const login = (request: IncomingMessage) => request.auth?.login;

describe("mount", () => {
  it("mount serves the API as the only listener of a server, and 404 for other paths", async () => {
    const url = await urlOf(mount(serving.ampho));
    expect((await post(`${url}/api/security/login`, alice)).status).toBe(200);
    for (const path of ["/", "/api", "/api/securityx/login", "/api/security", "/api/security/", "/healthz"]) {
      expect(await errorOf(await fetch(url + path))).toEqual([404, "not_found"]);
    }
  });

  it("mount passes only other paths to next", async () => {
    const handle = mount(serving.ampho);
    const url = await urlOf((request, response) => handle(request, response, () => void response.end("next")));
    expect(await (await fetch(`${url}/elsewhere`)).text()).toBe("next");
    expect(await (await fetch(`${url}//api/security/session`)).text()).toBe("next");
    expect(await errorOf(await fetch(`${url}/api/security/nothing`))).toEqual([404, "not_found"]);
    expect(await errorOf(await fetch(`${url}/api/security/session`))).toEqual([401, "missing_token"]);
  });

  it("mount finds its path under a mount path that was cut off", async () => {
    const handle = mount(serving.ampho);
    const url = await urlOf((request, response) => {
      Object.assign(request, { originalUrl: request.url });
      request.url = request.url?.slice("/api".length);
      handle(request, response);
    });
    expect((await post(`${url}/api/security/login`, alice)).status).toBe(200);
  });

  describe("behind a body parser", () => {
    /** Reads the body and leaves the result of `parse`, as the parsers of Express do. */
    const behind = (parse: (text: string) => unknown) => {
      const handle = mount(serving.ampho);
      return urlOf((request, response) => {
        let text = "";
        request.setEncoding("utf8").on("data", (chunk) => {
          text += chunk;
        });
        request.on("end", () => handle(Object.assign(request, { body: parse(text) }), response));
      });
    };

    it.each([
      ["an object", (text: string) => JSON.parse(text)],
      ["text", (text: string) => text],
      ["bytes", (text: string) => Buffer.from(text)],
    ])("mount accepts a body that was parsed as %s", async (_, parse) => {
      const url = `${await behind(parse)}/api/security/login`;
      expect((await post(url, alice)).status).toBe(200);
      expect(await errorOf(await post(url, { login: 5 }))).toEqual([400, "invalid_request"]);
      expect(await errorOf(await post(url, "[]"))).toEqual([400, "invalid_request"]);
    });

    it("mount accepts a parsed form without a prototype", async () => {
      const url = await behind((text) =>
        Object.assign(Object.create(null), Object.fromEntries(new URLSearchParams(text))),
      );
      const init = { method: "POST", body: new URLSearchParams(alice) };
      expect((await fetch(`${url}/api/security/login`, init)).status).toBe(200);
    });

    it("mount reads the body itself if a parser left an object without reading", async () => {
      const handle = mount(serving.ampho);
      const url = await urlOf((request, response) => handle(Object.assign(request, { body: {} }), response));
      expect((await post(`${url}/api/security/login`, alice)).status).toBe(200);
    });

    it("an encoding that a parser set changes no limit", async () => {
      const handle = mount(serving.ampho);
      const url = await urlOf((request, response) => handle(request.setEncoding("utf8"), response));
      expect((await post(`${url}/api/security/login`, alice)).status).toBe(200);
      const large = sendRaw(
        portOf(url),
        "POST /api/security/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        { repeat: `1000\r\n${"x".repeat(4_096)}\r\n` },
      );
      expect((await large).status).toBe(413);
    });

    it("a consumed body returns 500, is logged, and no request hangs", async () => {
      const url = await behind(() => undefined);
      const before = serving.notices.length;
      expect(await errorOf(await post(`${url}/api/security/login`, alice))).toEqual([500, "internal_error"]);
      expect(serving.notices.slice(before).join("")).toContain("was read before Ampho could read it");
      const renewal = await fetch(`${url}/api/security/renew`, { method: "POST" });
      expect(await errorOf(renewal)).toEqual([401, "missing_token"]);
    });
  });

  it("a client that disconnects causes no error", async () => {
    const url = await urlOf(mount(serving.ampho));
    await new Promise<void>((resolve) => {
      const headers = { "content-type": "application/json", "content-length": "100" };
      const request = sendRequest(`${url}/api/security/login`, { method: "POST", headers });
      request.on("error", () => resolve());
      request.write("{", () => request.destroy());
      request.on("close", () => resolve());
    });
    expect((await post(`${url}/api/security/login`, alice)).status).toBe(200);
  });
});

describe("authorize", () => {
  const protect = (...args: Parameters<typeof authorize> extends [unknown, ...infer Rest] ? Rest : never) => {
    const guard = authorize(serving.ampho, ...args);
    return urlOf((request, response) => {
      guard(request, response, () => response.end(JSON.stringify({ login: login(request) })));
    });
  };

  it("authorize sets auth and calls next", async () => {
    const url = await protect();
    const response = await fetch(url, { headers: bearer(grant.token) });
    expect(await response.json()).toEqual({ login: "alice" });
    expect((await fetch(url, { headers: { authorization: `bEaReR ${grant.token}` } })).status).toBe(200);
    expect((await fetch(url, { headers: bearer(foreignToken(serving.key)) })).status).toBe(200);
  });

  it("authorize rejects with the responses of the API", async () => {
    const url = await protect();
    const response = await fetch(url);
    expect(response.headers.get("www-authenticate")).toBe('Bearer realm="ampho"');
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(await errorOf(response)).toEqual([401, "missing_token"]);
    expect(await errorOf(await fetch(url, { headers: bearer("x.y.z") }))).toEqual([401, "invalid_token"]);
    expect(await errorOf(await fetch(url, { headers: bearer(grant.refresh_token) }))).toEqual([401, "invalid_token"]);
    expect((await fetch(url, { method: "HEAD" })).status).toBe(401);
  });

  it("authorize rejects two Authorization headers, whichever is valid", async () => {
    const url = await protect({ optional: true });
    for (const [first, second] of [
      ["x", grant.token],
      [grant.token, "x"],
    ]) {
      const head = `GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${first}\r\nAUTHORIZATION: Bearer ${second}\r\n\r\n`;
      expect((await sendRaw(portOf(url), head)).status).toBe(400);
    }
  });

  it("authorize ignores tokens outside the header", async () => {
    const url = await protect();
    expect((await fetch(`${url}/?access_token=${grant.token}`)).status).toBe(401);
    const body = new URLSearchParams({ access_token: grant.token });
    expect((await fetch(url, { method: "POST", body })).status).toBe(401);
  });

  it("authorize replaces an auth that other middleware set", async () => {
    const guard = authorize(serving.ampho, { optional: true });
    const url = await urlOf((request, response) => {
      Object.assign(request, { auth: { login: "mallory" } });
      guard(request, response, () => response.end(String(login(request))));
    });
    expect(await (await fetch(url)).text()).toBe("undefined");
  });

  it.each([
    ["a role of the user", { roles: ["admin", "editor"] }, 200],
    ["a missing role", { roles: ["admin"] }, 403],
    ["scopes of the user", { scopes: ["articles:write"] }, 200],
    ["a missing scope", { scopes: ["articles:write", "articles:delete"] }, 403],
    ["a recent login", { maxAge: 60 }, 200],
    ["a live session", { live: true }, 200],
    ["a can that allows", { can: (auth: Auth) => auth.login === "alice" }, 200],
    ["a can that denies", { can: () => false }, 403],
    ["an async can that allows", { can: async () => true }, 200],
    ["an async can that denies", { can: async () => false }, 403],
    ["a can that throws", { can: () => JSON.parse("{") }, 500],
    ["an async can that rejects", { can: async () => JSON.parse("{") }, 500],
  ] as const)("authorize enforces %s", async (_, need, status) => {
    const url = await protect(need);
    const response = await fetch(url, { headers: bearer(grant.token) });
    expect(response.status).toBe(status);
    if (status === 403 && "scopes" in need) {
      expect(response.headers.get("www-authenticate")).toContain('scope="articles:write articles:delete"');
    }
  });

  it("the function can gets the host's own request", async () => {
    const url = await protect({ can: (_auth, request) => request.headers["x-tenant"] === "one" });
    expect((await fetch(url, { headers: { ...bearer(grant.token), "x-tenant": "one" } })).status).toBe(200);
    expect((await fetch(url, { headers: bearer(grant.token) })).status).toBe(403);
  });

  it("authorize decides synchronously", () => {
    const guard = authorize(serving.ampho);
    const rawHeaders = ["Authorization", `Bearer ${grant.token}`];
    const request = Object.assign(Object.create(null), { rawHeaders });
    let called = false;
    guard(request, Object.create(null), () => {
      called = true;
    });
    expect(called).toBe(true);
  });

  it("a rejection keeps the connection after a short body and closes it after a long one", async () => {
    const port = portOf(await protect());
    const short = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";
    expect((await sendRaw(port, short)).head).not.toMatch(/connection: close/i);
    const long = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n";
    const response = await sendRaw(port, long, { repeat: "x".repeat(65_536), untilClosed: true });
    expect([response.status, response.closed]).toEqual([401, true]);
  });
});

describe("guarded", () => {
  it("a guarded handler always has auth", async () => {
    const url = await urlOf(guarded(serving.ampho, (request, response) => response.end(request.auth.login)));
    expect(await (await fetch(url, { headers: bearer(grant.token) })).text()).toBe("alice");
    expect(await errorOf(await fetch(url))).toEqual([401, "missing_token"]);
  });

  it("a guarded handler with optional requirements can have no auth", async () => {
    const url = await urlOf(
      guarded(serving.ampho, { optional: true }, (request, response) => {
        expectTypeOf(request.auth).toEqualTypeOf<Auth | undefined>();
        response.end(request.auth?.login ?? "nobody");
      }),
    );
    expect(await (await fetch(url)).text()).toBe("nobody");
    expect(await (await fetch(url, { headers: bearer(grant.token) })).text()).toBe("alice");
    expect(await errorOf(await fetch(url, { headers: bearer("x") }))).toEqual([401, "invalid_token"]);
    guarded(serving.ampho, { roles: ["editor"] }, (request) => {
      expectTypeOf(request.auth).toEqualTypeOf<Auth>();
    });
  });

  it("guarded returns the handler's result and waits for an async can", async () => {
    const handler = guarded(serving.ampho, { live: true }, async (request, response) => {
      response.end(request.auth.login);
      return "done";
    });
    const results: unknown[] = [];
    const url = await urlOf((request, response) => void results.push(handler(request, response)));
    expect(await (await fetch(url, { headers: bearer(grant.token) })).text()).toBe("alice");
    expect(await results[0]).toBe("done");
  });

  it("guarded never calls its handler without a token, whatever the target", async () => {
    let reached = 0;
    const url = await urlOf(
      guarded(serving.ampho, (request, response) => {
        reached++;
        ok(request, response);
      }),
    );
    for (const target of ["/", "//", "/%2e", "http://elsewhere/", "*", "/?access_token=x"]) {
      const method = target === "*" ? "OPTIONS" : "GET";
      expect((await sendRaw(portOf(url), `${method} ${target} HTTP/1.1\r\nHost: x\r\n\r\n`)).status).toBe(401);
    }
    expect(reached).toBe(0);
  });
});

describe("messages that a host builds from events of a function", () => {
  /** Messages as serverless-http builds them: without raw headers, and with a `writeHead` that returns undefined. */
  function ask(listener: Listener, method: string, url: string, headers: Record<string, string>, body?: string) {
    const length = body === undefined ? {} : { "content-length": String(body.length) };
    const head = { method, url, httpVersion: "1.1", headers: { host: "x", ...headers, ...length } };
    const request = Object.assign(new IncomingMessage(new Socket()), head);
    if (body !== undefined) request.push(body);
    request.push(null);
    const response = new ServerResponse(request);
    const writeHead = response.writeHead.bind(response);
    return new Promise<number>((resolve) => {
      Object.assign(response, {
        writeHead: (status: number, fields: Record<string, string>) => void writeHead(status, fields),
        end: () => resolve(response.statusCode),
      });
      listener(request, response);
    });
  }

  it("the endpoints respond to messages of serverless-http", async () => {
    const rest = mount(serving.ampho);
    const json = { "content-type": "application/json" };
    expect(await ask(rest, "POST", "/api/security/login", json, JSON.stringify(alice))).toBe(200);
    expect(await ask(rest, "GET", "/api/security/session", { authorization: `Bearer ${grant.token}` })).toBe(200);
    expect(await ask(rest, "GET", "/elsewhere", {})).toBe(404);
  });

  it("a guard accepts and rejects messages of serverless-http", async () => {
    const guard = guarded(serving.ampho, ok);
    const authorization = `Bearer ${grant.token}`;
    expect(await ask(guard, "GET", "/", { authorization })).toBe(200);
    expect(await ask(guard, "GET", "/", {})).toBe(401);
    expect(await ask(guard, "GET", "/", { authorization: `${authorization}, ${authorization}` })).toBe(400);
  });
});
