import fastify from "fastify";
import { afterAll, beforeAll, expect, it } from "vitest";
import { authorize, guarded, mount } from "../../dist/adapters/fastify.js";
import type { Ampho } from "../../dist/index.js";
import { alice } from "../world/people.js";
import { foreignToken } from "../world/tokens.js";
import { key, openInstance } from "./serving.js";

let ampho: Ampho;
beforeAll(async () => {
  ({ ampho } = await openInstance());
});
afterAll(() => ampho.close());

const bearer = () => ({ authorization: `Bearer ${foreignToken(key)}` });

it("the plugin responds to injected requests", async () => {
  const app = fastify();
  app.register(mount(ampho));
  app.get("/", { onRequest: authorize(ampho) }, async (request) => request.auth?.login);
  const login = await app.inject({ method: "POST", url: "/api/security/login", payload: alice });
  expect(login.statusCode).toBe(200);
  expect((await app.inject({ url: "/", headers: { authorization: `Bearer ${login.json().token}` } })).body).toBe(
    "alice",
  );
  expect((await app.inject("/")).json().error).toBe("missing_token");
});

it("the plugin declares `request.auth` for the scope that registers it", async () => {
  const app = fastify();
  await app.register(mount(ampho));
  expect(app.hasRequestDecorator("auth")).toBe(true);
  await app.register(async (child) => expect(child.hasRequestDecorator("auth")).toBe(true));
});

it("the plugin serves under a matching route prefix, and rejects another one with an explanation", async () => {
  const app = fastify();
  app.register(async (api) => void api.register(mount(ampho)), { prefix: "/api" });
  expect((await app.inject({ method: "POST", url: "/api/security/login", payload: alice })).statusCode).toBe(200);
  const other = fastify();
  other.register(async (api) => void api.register(mount(ampho)), { prefix: "/v1" });
  await expect(other.ready()).rejects.toThrow("AMPHO_SECURITY_REST_PREFIX must start with /v1");
});

it("a rejection goes to the error handler of its scope, with the challenge set", async () => {
  const app = fastify();
  app.register(mount(ampho));
  app.get("/outside", { onRequest: authorize(ampho) }, async () => "");
  app.register(async (child) => {
    child.setErrorHandler((error, _request, reply) => reply.send({ taken: error }));
    child.get("/inside", { onRequest: authorize(ampho) }, async () => "");
    child.get(
      "/guarded",
      guarded(ampho, { roles: ["admin"] }, async () => ""),
    );
  });
  expect((await app.inject("/outside")).json()).toEqual({ error: "missing_token", message: expect.any(String) });
  const inside = await app.inject("/inside");
  expect([inside.statusCode, inside.json().taken.code]).toEqual([200, "missing_token"]);
  expect(inside.headers["www-authenticate"]).toBe('Bearer realm="ampho"');
  expect((await app.inject({ url: "/guarded", headers: bearer() })).json().taken.code).toBe("insufficient_scope");
});

it("an error handler that sends the error keeps its status and challenge", async () => {
  const app = fastify();
  app.setErrorHandler((error, _request, reply) => reply.send(error));
  app.get("/", { onRequest: authorize(ampho) }, async () => "");
  const response = await app.inject("/");
  expect([response.statusCode, response.json().code]).toEqual([401, "missing_token"]);
  expect(response.headers["www-authenticate"]).toBe('Bearer realm="ampho"');
});

it("other plugins do not list the routes of Ampho", async () => {
  const app = fastify();
  const reported: string[] = [];
  app.addHook("onRoute", ({ url, schema }) => {
    if (!(schema !== undefined && "hide" in schema && schema.hide === true)) reported.push(url);
  });
  app.register(mount(ampho));
  app.get("/hello", async () => "");
  await app.ready();
  expect([...new Set(reported)]).toEqual(["/hello"]);
});

it("hooks of the application run before the endpoints, and can reject", async () => {
  const app = fastify();
  app.register(mount(ampho));
  app.addHook("onRoute", (route) => {
    if (route.url.startsWith("/api/security"))
      route.onRequest = async (_request, reply) => reply.code(429).send("slow down");
  });
  expect((await app.inject({ method: "POST", url: "/api/security/login", payload: alice })).statusCode).toBe(429);
});

it("authorize works as `preHandler` and as a hook for a whole scope", async () => {
  const app = fastify();
  app.register(async (scope) => {
    scope.addHook("preHandler", authorize(ampho, { scopes: ["articles:write"] }));
    scope.post("/", async () => "in");
  });
  expect((await app.inject({ method: "POST", url: "/", payload: {} })).statusCode).toBe(401);
  expect((await app.inject({ method: "POST", url: "/", payload: {}, headers: bearer() })).statusCode).toBe(403);
});
