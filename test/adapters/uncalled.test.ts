// `mount` and `authorize` that were passed without a call, or called without the instance. They cause a clear error where they
// are written or at the first request, and accept no request.
import type { RequestListener } from "node:http";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import Koa from "koa";
import { describe, expect, it } from "vitest";
import * as onExpress from "../../dist/adapters/express.js";
import * as onFastify from "../../dist/adapters/fastify.js";
import * as onHono from "../../dist/adapters/hono.js";
import * as onKoa from "../../dist/adapters/koa.js";
import * as onNode from "../../dist/adapters/node.js";
import { listening } from "../world/listen.js";

// The untyped view of JavaScript.
const uncalled = (handler: unknown): never => handler as never;

async function statusOf(listener: RequestListener): Promise<number> {
  const { url } = await listening(listener);
  return (await fetch(url)).status;
}

describe.each(Object.entries({ onExpress, onFastify, onHono, onKoa, onNode }))("%s", (_name, { mount, authorize }) => {
  it.each([
    ["a promise of the instance", Promise.resolve()],
    ["something else", {}],
  ])("%s is rejected where it is written", (_what, value) => {
    expect(() => mount(uncalled(value))).toThrow(
      /The first argument must be the instance that createAmpho resolves to, as in mount\(ampho\)/,
    );
    expect(() => authorize(uncalled(value))).toThrow(TypeError);
  });
});

it.each(Object.entries({ onExpress, onFastify, onKoa, onNode }))(
  "`guarded` of %s throws without an instance",
  (_name, { guarded }) => {
    const wrap = (...args: unknown[]) => Reflect.apply(guarded, undefined, args);
    for (const args of [[Promise.resolve(), () => undefined], [undefined, {}, () => undefined], [() => undefined]])
      expect(() => wrap(...args)).toThrow(/The first argument must be the instance/);
  },
);

describe.each([
  ["mount", onExpress.mount, onHono.mount, onKoa.mount],
  ["authorize", onExpress.authorize, onHono.authorize, onKoa.authorize],
])("%s that was not called", (_name, ofExpress, ofHono, ofKoa) => {
  it("a function that was not called causes an error of each request on Express, Hono and Koa", async () => {
    const quiet: express.ErrorRequestHandler = (_error, _request, response, _next) => void response.status(500).end();
    const app = express().use(uncalled(ofExpress), (_request, response) => void response.send("in"));
    expect(await statusOf(app.use(quiet))).toBe(500);
    const hono = new Hono().get("/", uncalled(ofHono), (context) => context.text("in"));
    hono.onError((_error, context) => context.text("", 500));
    expect((await hono.request("/")).status).toBe(500);
    const koa = new Koa().use(uncalled(ofKoa)).use((context) => {
      context.body = "in";
    });
    koa.silent = true;
    expect(await statusOf(koa.callback())).toBe(500);
  });
});

it("`authorize` that was not called causes an error of each request on Fastify", async () => {
  const app = fastify().get("/", { onRequest: uncalled(onFastify.authorize) }, async () => "in");
  expect((await app.inject("/")).statusCode).toBe(500);
});
