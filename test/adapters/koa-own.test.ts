import Koa, { type Middleware } from "koa";
import { afterAll, beforeAll, expect, it } from "vitest";
import { authorize, mount } from "../../dist/adapters/koa.js";
import type { Ampho } from "../../dist/index.js";
import { listening } from "../world/listen.js";
import { openInstance } from "./serving.js";

let ampho: Ampho;
beforeAll(async () => {
  ({ ampho } = await openInstance());
});
afterAll(() => ampho.close());

async function ask(app: Koa, path = "/"): Promise<Response> {
  const { url } = await listening(app.callback());
  return fetch(url + path);
}

it("an uncaught rejection gets its response without a mount, and the application is notified", async () => {
  const app = new Koa();
  const reported: unknown[] = [];
  app.on("error", (error) => reported.push(error));
  app.use(async (ctx, next) => {
    ctx.set("X-Kept", "yes");
    await next();
  });
  app.use(authorize(ampho));
  const response = await ask(app);
  expect([response.status, (await response.json()).error]).toEqual([401, "missing_token"]);
  expect(response.headers.get("x-kept")).toBe("yes");
  expect(reported).toMatchObject([{ code: "missing_token", status: 401, expose: true }]);
});

it("another error of the same request stays with Koa", async () => {
  const app = new Koa();
  app.silent = true;
  const rethrow: Middleware = async (_ctx, next) => {
    await next().catch(() => {
      throw new Error("of the application");
    });
  };
  app.use(rethrow).use(authorize(ampho));
  const response = await ask(app);
  expect([response.status, await response.text()]).toEqual([500, "Internal Server Error"]);
});

it("the REST API works under a path that a router cuts off", async () => {
  const app = new Koa();
  const cut: Middleware = async (ctx, next) => {
    ctx.path = ctx.path.slice("/api".length);
    await next();
  };
  app.use(cut).use(mount(ampho));
  const response = await ask(app, "/api/security/session");
  expect([response.status, (await response.json()).error]).toEqual([401, "missing_token"]);
});

it("a path outside the prefix goes to the next middleware", async () => {
  const app = new Koa();
  app.use(mount(ampho)).use((ctx) => {
    ctx.body = ctx.path;
  });
  expect(await (await ask(app, "/api/securityx")).text()).toBe("/api/securityx");
});
