// The type of `auth` in each framework. The tests only build routes.

import type { IncomingMessage } from "node:http";
import express, { type Request } from "express";
import fastify, {
  type FastifyPluginCallback,
  type FastifyRequest,
  type FastifyTypeProvider,
  type onRequestHookHandler,
} from "fastify";
import { Hono } from "hono";
import Koa from "koa";
import { describe, expect, expectTypeOf, it } from "vitest";
import * as onExpress from "../../dist/adapters/express.js";
import * as onFastify from "../../dist/adapters/fastify.js";
import * as onHono from "../../dist/adapters/hono.js";
import * as onKoa from "../../dist/adapters/koa.js";
import * as onNode from "../../dist/adapters/node.js";
import type { HttpInstance } from "../../dist/http/rest/host.js";
import type { Auth, MandatoryRequirements, Requirements } from "../../dist/index.js";

const fail = (): never => {
  throw new TypeError("this test builds routes and sends nothing");
};
const ampho: HttpInstance = {
  host: { prefix: "/api/security", rootPaths: new Set(), handle: fail, guard: fail, errorResponse: fail },
};

describe("the type of auth", () => {
  it("auth can be undefined on a plain request", () => {
    expectTypeOf<Request["auth"]>().toEqualTypeOf<Auth | undefined>();
    expectTypeOf<FastifyRequest["auth"]>().toEqualTypeOf<Auth | undefined>();
    expectTypeOf<IncomingMessage["auth"]>().toEqualTypeOf<Auth | undefined>();
    expectTypeOf<Koa.DefaultState["auth"]>().toEqualTypeOf<Auth | undefined>();
  });

  it("auth is defined in a guarded handler, and follows `optional`", () => {
    onNode.guarded(ampho, (request) => expectTypeOf(request.auth).toEqualTypeOf<Auth>());
    onNode.guarded(ampho, { optional: true }, (request) =>
      expectTypeOf(request.auth).toEqualTypeOf<Auth | undefined>(),
    );
    onExpress.guarded(ampho, (request) => expectTypeOf(request.auth).toEqualTypeOf<Auth>());
    onExpress.guarded(ampho, { roles: ["a"] }, (request) => expectTypeOf(request.auth).toEqualTypeOf<Auth>());
    onExpress.guarded(ampho, { optional: true }, (request) =>
      expectTypeOf(request.auth).toEqualTypeOf<Auth | undefined>(),
    );
    onKoa.guarded(ampho, (ctx) => expectTypeOf(ctx.state.auth).toEqualTypeOf<Auth>());
    onKoa.guarded(ampho, { optional: true }, (ctx) => expectTypeOf(ctx.state.auth).toEqualTypeOf<Auth | undefined>());
    onFastify.guarded(ampho, (request) => expectTypeOf(request.auth).toEqualTypeOf<Auth>());
    onFastify.guarded(ampho, { optional: true }, (request) =>
      expectTypeOf(request.auth).toEqualTypeOf<Auth | undefined>(),
    );
  });

  it("auth can be undefined if the type of the requirements allows `optional`", () => {
    const need: Requirements<unknown> = { roles: ["a"] };
    onNode.guarded(ampho, need, (request) => expectTypeOf(request.auth).toEqualTypeOf<Auth | undefined>());
    onFastify.guarded(ampho, need, (request) => expectTypeOf(request.auth).toEqualTypeOf<Auth | undefined>());
    const certain: MandatoryRequirements<unknown> = need.optional === true ? {} : { roles: ["a"] };
    onExpress.guarded(ampho, certain, (request) => expectTypeOf(request.auth).toEqualTypeOf<Auth>());
    onKoa.guarded(ampho, certain, (ctx) => expectTypeOf(ctx.state.auth).toEqualTypeOf<Auth>());
  });

  it("Hono infers auth on a route, behind `use` in a chain, and by requirements", () => {
    new Hono().use(onHono.authorize(ampho)).get("/", (c) => {
      expectTypeOf(c.get("auth")).toEqualTypeOf<Auth>();
      return c.text(c.var.auth.login);
    });
    new Hono().get("/optional", onHono.authorize(ampho, { optional: true }), (c) => {
      expectTypeOf<typeof c.var.auth>().toEqualTypeOf<Auth | undefined>();
      return c.text("");
    });
    new Hono().get("/", onHono.authorize(ampho, { roles: ["a"] }), (c) => {
      expectTypeOf(c.get("auth")).toEqualTypeOf<Auth>();
      return c.text("");
    });
    // @ts-expect-error: this route has no guard
    new Hono().get("/", (c) => c.text(c.get("auth").login));
  });
});

describe("the request that `can` gets", () => {
  it("the function can gets the framework's own request", () => {
    onExpress.authorize(ampho, { can: (auth, request) => auth.login === request.params["login"] });
    onKoa.authorize(ampho, { can: (auth, request) => auth.login === request.ctx.params.login });
    onFastify.authorize(ampho, { can: (_auth, request) => request.routeOptions.url !== undefined });
    onHono.authorize(ampho, { can: (auth, request) => auth.login === request.param("login") });
    onNode.authorize(ampho, { can: (_auth, request) => request.url === "/" });
    // @ts-expect-error: requirements have no such member
    expect(() => onExpress.authorize(ampho, { rolls: ["a"] })).toThrow(TypeError);
    // @ts-expect-error: roles are an array
    expect(() => onFastify.authorize(ampho, { roles: "a" })).toThrow(TypeError);
  });
});

describe("guarded handlers", () => {
  it("guarded handlers keep the types of the route's parameters", () => {
    const app = fastify({ logger: false });
    app.get<{ Params: { id: string } }>(
      "/:id",
      onFastify.guarded(ampho, (request) => {
        expectTypeOf(request.params.id).toEqualTypeOf<string>();
        return request.auth.login;
      }),
    );
    const logged = fastify({ logger: { level: "silent" } });
    logged.get("/", { onRequest: onFastify.authorize(ampho) }, async (request) => request.auth?.login);
    logged.get(
      "/guarded",
      onFastify.guarded(ampho, { roles: ["a"] }, async (request) => request.auth.login),
    );
    logged.addHook("onRequest", onFastify.authorize(ampho));
    expectTypeOf(onFastify.mount(ampho)).toExtend<FastifyPluginCallback>();
    expectTypeOf(onFastify.authorize(ampho)).toExtend<onRequestHookHandler>();
    const typed = fastify({ logger: false }).withTypeProvider<FastifyTypeProvider>();
    typed.register(onFastify.mount(ampho), { prefix: "/api" });
    typed.get("/typed", { preHandler: [onFastify.authorize(ampho)] }, async (request) => request.auth?.login);
    express().get(
      "/",
      onExpress.authorize(ampho),
      onExpress.guarded(ampho, (_request, response) => response.end()),
    );
    new Koa().use(onKoa.authorize(ampho)).use(onKoa.guarded(ampho, (_ctx, next) => next()));
  });
});
