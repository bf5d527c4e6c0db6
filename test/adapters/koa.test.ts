import { createServer } from "node:http";
import cors from "@koa/cors";
import Router from "@koa/router";
import Koa, { type Middleware, type Request } from "koa";
import bodyParser from "koa-bodyparser";
import compress from "koa-compress";
import { authorize, guarded, mount } from "../../dist/adapters/koa.js";
import { AmphoError } from "../../dist/errors.js";
import { openPort } from "../world/listen.js";
import { closeServer } from "./express-app.js";
import { type Host, needsFor, needsOn, origin, sizeOf, who } from "./host.js";
import { describeHost } from "./suite.js";

const needs = needsFor<Request>((request) => request.get("x-allow"));
const sendWho: Middleware = (ctx) => {
  ctx.body = who(ctx.state.auth);
};

const koa: Host = {
  name: "ampho/koa",
  takesOver: true,
  async start(ampho, setup) {
    const app = new Koa();
    app.silent = true;
    if (setup.takeOver)
      app.use(async (ctx, next) => {
        try {
          await next();
        } catch (error) {
          if (!(error instanceof AmphoError && "status" in error)) throw error;
          ctx.status = Number(error.status);
          ctx.body = { taken: error.code };
        }
      });
    if (setup.front) app.use(cors({ origin })).use(compress({ threshold: 0 }));
    if (setup.parsers) app.use(bodyParser());
    app.use(mount(ampho));

    const router = new Router();
    router.get("/open", (ctx) => {
      ctx.body = { open: true };
    });
    router.get("/throws", authorize(ampho), () => {
      throw new Error("of the application");
    });
    for (const [name, need] of needsOn(ampho, needs)) {
      router.get(`/need/${name}`, authorize(ampho, need), sendWho);
      router.get(
        `/certain/${name}`,
        guarded(ampho, need, async (ctx) => {
          ctx.body = who(ctx.state.auth);
        }),
      );
    }
    const group = new Router({ prefix: "/group" });
    group.use(authorize(ampho));
    group.get("/inner", sendWho).get("/admin", authorize(ampho, needs.admin), sendWho);
    const inner = new Router({ prefix: "/outer/inner" }).get("/me", authorize(ampho), sendWho);
    router.post("/raw", authorize(ampho), async (ctx) => {
      ctx.body = await sizeOf(ctx.req);
    });
    router.post("/parsed", authorize(ampho), bodyParser(), (ctx) => {
      ctx.body = ctx.request.body;
    });
    app.use(router.routes()).use(group.routes()).use(inner.routes());

    const server = createServer(app.callback());
    return { port: await openPort(server), close: () => closeServer(server) };
  },
};

describeHost(koa);
