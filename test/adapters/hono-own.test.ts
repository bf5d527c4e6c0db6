import { Hono } from "hono";
import { afterAll, beforeAll, expect, it } from "vitest";
import { authorize, mount } from "../../dist/adapters/hono.js";
import type { Ampho } from "../../dist/index.js";
import { alice, createInstance, foreignToken } from "./instance.js";

let ampho: Ampho;
beforeAll(async () => {
  ampho = await createInstance();
});
afterAll(() => ampho.close());

const login = { method: "POST", body: JSON.stringify(alice), headers: { "content-type": "application/json" } };

it("runs without a server, as on any runtime", async () => {
  const app = new Hono().use(mount(ampho)).get("/", authorize(ampho), (c) => c.text(c.get("auth").login));
  expect((await app.request("/api/security/login", login)).status).toBe(200);
  expect((await app.request("/")).status).toBe(401);
  const headers = { authorization: `Bearer ${foreignToken()}` };
  expect(await (await app.request("/", { headers })).text()).toBe("alice");
});

it("asks the runtime's getConnInfo for the peer's address", async () => {
  const app = new Hono().use(mount(ampho, { getConnInfo: () => ({ remote: { address: "203.0.113.9" } }) }));
  const { token } = await (await app.request("/api/security/login", login)).json();
  const headers = { authorization: `Bearer ${token}` };
  const { sessions } = await (await app.request("/api/security/sessions", { headers })).json();
  expect(sessions.find((session: { current: boolean }) => session.current).address).toBe("203.0.113.9");
});

it("a body that was read past Hono is a bug that is told, and nothing hangs", async () => {
  const app = new Hono();
  app.use(async (c, next) => {
    await c.req.raw.text();
    await next();
  });
  app.use(mount(ampho));
  expect((await app.request("/api/security/login", login)).status).toBe(500);
});

it("what goes to onError has the code as its cause, and the answer to give", async () => {
  const app = new Hono().get("/", authorize(ampho), (c) => c.text(""));
  app.onError((error, c) => c.json({ cause: String(error.cause), message: error.message }, 418));
  expect(await (await app.request("/")).json()).toEqual({
    cause: "AmphoError: A bearer token is needed.",
    message: "A bearer token is needed.",
  });
});
