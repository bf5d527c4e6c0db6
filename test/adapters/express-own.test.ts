import express, { type ErrorRequestHandler } from "express";
import { afterAll, beforeAll, expect, it } from "vitest";
import { authorize, guarded, mount } from "../../dist/adapters/express.js";
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

async function ask(app: express.Express, path: string, init?: RequestInit): Promise<Response> {
  const { url } = await listening(app);
  return fetch(url + path, init);
}

it("misspelled requirements throw where they are written", () => {
  const misspelt = JSON.parse('{ "rolls": ["admin"] }');
  expect(() => authorize(ampho, misspelt)).toThrow(TypeError);
  expect(() => guarded(ampho, misspelt, () => undefined)).toThrow(TypeError);
});

it("a function in place of requirements throws where it is written", () => {
  const handler = (() => undefined) as never;
  expect(() => authorize(ampho, handler)).toThrow("Requirements must be a plain object");
});

it("a later change of the requirements object has no effect", async () => {
  const roles = ["admin"];
  const app = express().get("/", authorize(ampho, { roles }), (_request, response) => void response.send("in"));
  roles.push("editor");
  const { id } = (await ampho.users.find(alice.login)) ?? { id: "" };
  const { token } = await ampho.sessions.create(id);
  expect((await ask(app, "/", { headers: { authorization: `Bearer ${token}` } })).status).toBe(403);
});

it("`onRejected` counts behind its mount only, and its error has what error middleware reads", async () => {
  const app = express();
  const seen: unknown[] = [];
  app.get("/before", authorize(ampho));
  app.use(mount(ampho, { onRejected: (rejected, _request, _response, next) => next(rejected) }));
  app.get("/behind", authorize(ampho));
  const onError: ErrorRequestHandler = (error, _request, response, _next) => {
    seen.push(error);
    response.status(error.status).set(error.headers).send("mine");
  };
  app.use(onError);
  expect((await (await ask(app, "/before")).json()).error).toBe("missing_token");
  const behind = await ask(app, "/behind");
  expect([behind.status, await behind.text()]).toEqual([401, "mine"]);
  expect(behind.headers.get("www-authenticate")).toBe('Bearer realm="ampho"');
  expect(seen).toMatchObject([{ code: "missing_token", statusCode: 401, expose: true }]);
});

it("the REST API responds under a mount path that is its prefix", async () => {
  const app = express().use("/api", mount(ampho));
  const init = { method: "POST", body: JSON.stringify(alice), headers: { "content-type": "application/json" } };
  expect((await ask(app, "/api/security/login", init)).status).toBe(200);
  expect((await ask(app, "/security/login", init)).status).toBe(404);
});

it("a body that other middleware consumed causes a logged error, and no request hangs", async () => {
  const app = express();
  app.use((request, _response, next) => void request.resume().once("end", next));
  app.use(mount(ampho));
  const init = { method: "POST", body: JSON.stringify(alice), headers: { "content-type": "application/json" } };
  expect((await ask(app, "/api/security/login", init)).status).toBe(500);
});

it.each([express.text({ type: "*/*" }), express.raw({ type: "*/*" })])(
  "a body that was read as text or bytes is judged as if unread",
  async (parser) => {
    const app = express().use(parser, mount(ampho));
    const send = (body: string) => ({ method: "POST", body, headers: { "content-type": "application/json" } });
    expect((await ask(app, "/api/security/login", send(JSON.stringify(alice)))).status).toBe(200);
    expect((await ask(app, "/api/security/login", send("{"))).status).toBe(400);
  },
);

it("a body that a parser read with a larger limit is still too large", async () => {
  const app = express().use(express.json(), mount(ampho));
  const login = async (bytes: number) => {
    const body = JSON.stringify(alice).padEnd(bytes);
    const init = { method: "POST", body, headers: { "content-type": "application/json" } };
    return (await ask(app, "/api/security/login", init)).status;
  };
  expect([await login(16_384), await login(16_385)]).toEqual([200, 413]);
});

it("an error of a guarded handler reaches the error middleware", async () => {
  const app = express();
  app.get(
    "/",
    guarded(ampho, async () => {
      throw new Error("of the application");
    }),
  );
  const onError: ErrorRequestHandler = (error, _request, response, _next) =>
    void response.status(418).send(error.message);
  app.use(onError);
  const response = await ask(app, "/", { headers: { authorization: `Bearer ${foreignToken(key)}` } });
  expect([response.status, await response.text()]).toEqual([418, "of the application"]);
});

it("an error of a library's promise in a guarded handler reaches the error middleware", async () => {
  const rejecting: PromiseLike<never> = {
    // biome-ignore lint/suspicious/noThenProperty: promises of libraries have a then too
    then: (fulfilled, rejected) => Promise.reject(new Error("of the library")).then(fulfilled, rejected),
  };
  const app = express().get(
    "/",
    guarded(ampho, () => rejecting),
  );
  const onError: ErrorRequestHandler = (error, _request, response, _next) =>
    void response.status(418).send(error.message);
  app.use(onError);
  const signal = AbortSignal.timeout(60_000);
  const response = await ask(app, "/", { headers: { authorization: `Bearer ${foreignToken(key)}` }, signal });
  expect([response.status, await response.text()]).toEqual([418, "of the library"]);
});
