import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import { Hono, type MiddlewareHandler } from "hono";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { authorize, mount } from "../../dist/adapters/hono.js";
import type { Ampho } from "../../dist/index.js";
import { listening } from "../world/listen.js";
import { alice } from "../world/people.js";
import { foreignToken } from "../world/tokens.js";
import { key, openInstance } from "./serving.js";

let ampho: Ampho;
beforeAll(async () => {
  ({ ampho } = await openInstance());
});
afterAll(() => ampho.close());

const login = { method: "POST", body: JSON.stringify(alice), headers: { "content-type": "application/json" } };

it("the middleware runs without a server, as on any runtime", async () => {
  const app = new Hono().use(mount(ampho)).get("/", authorize(ampho), (c) => c.text(c.get("auth").login));
  expect((await app.request("/api/security/login", login)).status).toBe(200);
  expect((await app.request("/")).status).toBe(401);
  const headers = { authorization: `Bearer ${foreignToken(key)}` };
  expect(await (await app.request("/", { headers })).text()).toBe("alice");
});

it("the REST API responds under `app.mount` that keeps the path of the client", async () => {
  const inner = new Hono().use(mount(ampho));
  const app = new Hono().mount("/api", inner.fetch, { replaceRequest: false });
  expect((await app.request("/api/security/login", login)).status).toBe(200);
});

it("the middleware gets the peer's address from the runtime's getConnInfo", async () => {
  const app = new Hono().use(mount(ampho, { getConnInfo: () => ({ remote: { address: "203.0.113.9" } }) }));
  const { token } = await (await app.request("/api/security/login", login)).json();
  const headers = { authorization: `Bearer ${token}` };
  const { sessions } = await (await app.request("/api/security/sessions", { headers })).json();
  expect(sessions.find((session: { current: boolean }) => session.current).address).toBe("203.0.113.9");
});

it("a body that was read past Hono causes a logged error, and no request hangs", async () => {
  const app = new Hono();
  app.use(async (c, next) => {
    await c.req.raw.text();
    await next();
  });
  app.use(mount(ampho));
  expect((await app.request("/api/security/login", login)).status).toBe(500);
});

it("the error for onError has the code as its cause, and the response", async () => {
  const app = new Hono().get("/", authorize(ampho), (c) => c.text(""));
  app.onError((error, c) => c.json({ cause: String(error.cause), message: error.message }, 418));
  expect(await (await app.request("/")).json()).toEqual({
    cause: "AmphoError: A bearer token is required.",
    message: "A bearer token is required.",
  });
});

describe("changes of the request by middleware on Node", () => {
  const statusBehind = async (change: MiddlewareHandler, authorization: Record<string, string>): Promise<number> => {
    const app = new Hono().get("/", change, authorize(ampho), (c) => c.text(c.get("auth").login));
    const { url } = await listening(createAdaptorServer({ fetch: app.fetch }) as Server);
    return (await fetch(url, { headers: authorization })).status;
  };
  const good = (): Record<string, string> => ({ authorization: `Bearer ${foreignToken(key)}` });

  it("an unchanged request is guarded by its socket's headers", async () => {
    expect(await statusBehind((_c, next) => next(), good())).toBe(200);
    expect(await statusBehind((_c, next) => next(), {})).toBe(401);
  });

  it("a header that middleware set is used", async () => {
    const set: MiddlewareHandler = (c, next) => {
      c.req.raw.headers.set("authorization", `Bearer ${foreignToken(key)}`);
      return next();
    };
    expect(await statusBehind(set, {})).toBe(200);
  });

  it("a header that middleware deleted is not used", async () => {
    const take: MiddlewareHandler = (c, next) => {
      c.req.raw.headers.delete("authorization");
      return next();
    };
    expect(await statusBehind(take, good())).toBe(401);
  });

  it("a request that middleware replaced is used", async () => {
    const replace: MiddlewareHandler = (c, next) => {
      c.req.raw = new Request(c.req.raw.url);
      return next();
    };
    expect(await statusBehind(replace, good())).toBe(401);
  });

  it("headers that middleware replaced are used", async () => {
    const define: MiddlewareHandler = (c, next) => {
      Object.defineProperty(c.req.raw, "headers", { value: new Headers() });
      return next();
    };
    expect(await statusBehind(define, good())).toBe(401);
  });
});
