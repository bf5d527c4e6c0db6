// `renew` of the adapters: a form that was open for an hour is accepted, on every framework (docs/guides/cookies.md).
import type { RequestListener, Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import express from "express";
import express4 from "express4";
import fastify from "fastify";
import { H3, type H3Event, serve as serveH3 } from "h3";
import { Hono } from "hono";
import Koa from "koa";
import { describe, expect, it, onTestFinished } from "vitest";
import * as forExpress from "../../dist/adapters/express.js";
import * as forFastify from "../../dist/adapters/fastify.js";
import * as forHono from "../../dist/adapters/hono.js";
import * as forKoa from "../../dist/adapters/koa.js";
import * as forNode from "../../dist/adapters/node.js";
import { cookieNames } from "../../dist/http/rest/cookies/cookie-mode.js";
import type { Ampho } from "../../dist/index.js";
import { openWorld } from "../world/ampho.js";
import { listening } from "../world/listen.js";

const { token: tokenName, refreshToken: refreshName } = cookieNames;

/** A cache of many users would keep the response, and its cookies, for an hour. */
const shared = { "Cache-Control": "public, max-age=3600", "CDN-Cache-Control": "max-age=3600" };

/** Each serves POST /orders to a user, and GET /public with a `Cache-Control` of its own to everybody. */
const apps: Readonly<Record<string, (ampho: Ampho) => RequestListener | Promise<RequestListener> | Server>> = {
  "node:http": (ampho) => {
    const session = forNode.renew(ampho);
    const order = forNode.guarded(ampho, (request, response) => response.end(request.auth.login));
    return (request, response) =>
      session(request, response, (error) => {
        response.statusCode = error === undefined ? 200 : 503;
        const flat = [...Object.entries(shared).flat(), "Set-Cookie", ["own=1", "other=2"]];
        if (request.url === "/head") response.writeHead(200, "Fine", flat).end("public");
        else if (error !== undefined || request.url === "/public")
          response.setHeaders(new Headers(shared)).end("public");
        else order(request, response);
      });
  },
  Express: (ampho) => onExpress(express(), ampho),
  "Express 4": (ampho) => onExpress(express4() as unknown as ReturnType<typeof express>, ampho),
  Fastify: async (ampho) => {
    const app = fastify();
    onTestFinished(() => app.close());
    app.addContentTypeParser("*", (_request, _body, done) => done(null));
    app.addHook("onRequest", forFastify.renew(ampho));
    app.post(
      "/orders",
      forFastify.guarded(ampho, async (request) => request.auth.login),
    );
    app.get("/public", async (_request, reply) => reply.headers(shared).send("public"));
    app.get("/head", (_request, reply) => {
      reply.hijack();
      reply.raw.writeHead(200, { ...reply.getHeaders(), ...shared } as never).end("public");
    });
    await app.ready();
    return (request, response) => app.routing(request, response);
  },
  Hono: (ampho) => {
    const app = new Hono();
    app.use(forHono.renew(ampho));
    app.post("/orders", forHono.authorize(ampho), (c) => c.text(c.get("auth").login));
    app.get("/public", (c) => c.text("public", 200, shared));
    app.get("/head", () => new Response("public", { headers: shared }));
    return createAdaptorServer({ fetch: app.fetch }) as Server;
  },
  Koa: (ampho) => {
    const app = new Koa();
    app.use(forKoa.renew(ampho));
    app.use((ctx, next) => {
      if (ctx.path === "/orders") return next();
      ctx.set(shared);
      ctx.body = "public";
    });
    app.use(
      forKoa.guarded(ampho, (ctx) => {
        ctx.body = ctx.state.auth.login;
      }),
    );
    const handle = app.callback();
    return (request, response) => void handle(request, response);
  },
  h3: (ampho) => {
    const app = new H3({ silent: true });
    app.use(async (event, next) => {
      const { addCookies } = await ampho.renew(event.req, { address: event.req.ip });
      const value = await next();
      if (value instanceof Response) return addCookies(value);
      addCookies(event.res);
      return value;
    });
    app.post(
      "/orders",
      ampho.authorize((_event: H3Event, auth) => new Response(auth.login)),
    );
    app.get("/public", ({ res }) => {
      for (const [name, value] of Object.entries(shared)) res.headers.set(name, value);
      return "public";
    });
    app.get("/head", () => new Response("public", { headers: shared }));
    const { node } = serveH3(app, { manual: true, silent: true, gracefulShutdown: false });
    return node?.server as Server;
  },
};

function onExpress(app: ReturnType<typeof express>, ampho: Ampho): RequestListener {
  app.use(forExpress.renew(ampho));
  app.post(
    "/orders",
    forExpress.guarded(ampho, (request, response) => void response.send(request.auth.login)),
  );
  app.get("/public", (_request, response) => void response.set(shared).send("public"));
  app.get("/head", (_request, response) => void response.writeHead(200, shared).end("public"));
  const onError: express.ErrorRequestHandler = (_error, _request, response, _next) => void response.sendStatus(503);
  app.use(onError);
  return app as unknown as RequestListener;
}

describe.each(Object.entries(apps))("%s", (name, build) => {
  async function open() {
    const world = await openWorld({ cookies: true });
    const grant = await world.session(await world.user("ann"));
    const app = await build(world.ampho);
    const { url } = await listening(app);
    const cookie = `${refreshName}=${grant.refresh_token}`;
    /** The headers of a browser that opens a page. */
    const visit = { cookie, "sec-fetch-site": "none", "sec-fetch-dest": "document" };
    const order = (headers: Readonly<Record<string, string>>) =>
      fetch(`${url}/orders`, {
        method: "POST",
        headers: { cookie, "content-type": "text/x", ...headers },
        body: "a=1",
      });
    world.clock.advance(3600);
    return { world, url, visit, order };
  }

  it("a form that is sent an hour after the page was opened is accepted, and the browser gets the new tokens", async () => {
    const { order } = await open();
    const response = await order({ "sec-fetch-site": "same-origin" });
    expect([response.status, await response.text()]).toEqual([200, "ann"]);
    expect(response.headers.getSetCookie().map((one) => one.split("=")[0])).toEqual([tokenName, refreshName]);
    expect(response.headers.get("cache-control")).toBe("no-store");
  });

  it("a form of another site is rejected, and the session stays where it was", async () => {
    const { world, order } = await open();
    const response = await order({ "sec-fetch-site": "cross-site" });
    expect([response.status, response.headers.getSetCookie()]).toEqual([401, []]);
    expect(await world.events()).not.toContain("renew");
  });

  it("a page that is no user's is served, to a visitor and after the end of the session", async () => {
    const { world, url, visit } = await open();
    const visitor = await fetch(`${url}/public`);
    expect([await visitor.text(), visitor.headers.getSetCookie()]).toEqual(["public", []]);
    await world.ampho.sessions.endForEveryone();
    const ended = await fetch(`${url}/public`, { headers: visit });
    expect([await ended.text(), ended.headers.getSetCookie().length]).toEqual(["public", 2]);
  });

  it("an image of a sub-domain renews nothing", async () => {
    const { world, url, visit } = await open();
    const image = { "sec-fetch-site": "same-site", "sec-fetch-dest": "image", accept: "image/webp,text/html" };
    const response = await fetch(`${url}/public`, { headers: { ...visit, ...image } });
    expect([await response.text(), response.headers.getSetCookie()]).toEqual(["public", []]);
    expect(await world.events()).not.toContain("renew");
  });

  it("no cache stores a response with the new tokens, whatever the page states for caches", async () => {
    const { url, visit } = await open();
    for (const path of ["/public", "/head"]) {
      const cached = await fetch(url + path);
      expect(cached.headers.get("cache-control")).toBe("public, max-age=3600");
      const renewed = await fetch(url + path, { headers: visit });
      expect(await renewed.text()).toBe("public");
      const own = cached.headers.getSetCookie();
      expect(renewed.statusText).toBe(cached.statusText);
      expect(renewed.headers.getSetCookie().slice(0, -2)).toEqual(own);
      expect(
        renewed.headers
          .getSetCookie()
          .map((one) => one.split("=")[0])
          .slice(-2),
      ).toEqual([tokenName, refreshName]);
      expect([renewed.headers.get("cache-control"), renewed.headers.get("cdn-cache-control")]).toEqual([
        "no-store",
        null,
      ]);
    }
  });

  it("an error of the renewal reaches the error handling of the application", async () => {
    const { world, order } = await open();
    await world.ampho.close();
    expect((await order({ "sec-fetch-site": "same-origin" })).status).toBeGreaterThanOrEqual(500);
  });

  // On h3 `ampho.renew` is called by the requests.
  if (name !== "h3")
    it("an application without tokens in cookies does not start", async () => {
      const world = await openWorld();
      await expect((async () => build(world.ampho))()).rejects.toThrow("Set AMPHO_SECURITY_COOKIES");
    });
});
