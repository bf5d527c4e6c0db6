import { createServer, type Server } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { Hono, type HonoRequest } from "hono";
import { compress } from "hono/compress";
import { cors } from "hono/cors";
import { HTTPException } from "hono/http-exception";
import { authorize, mount } from "../../dist/adapters/hono.js";
import { AmphoError } from "../../dist/errors.js";
import { openPort } from "../world/listen.js";
import { closeServer } from "./express-app.js";
import { type Host, needsFor, needsOn, origin, sizeOf, who } from "./host.js";
import { describeHost } from "./suite.js";

const needs = needsFor<HonoRequest>((request) => request.header("x-allow"));

const hono: Host = {
  name: "ampho/hono",
  takesOver: true,
  async start(ampho, setup) {
    const app = new Hono();
    if (setup.front) app.use(cors({ origin }), compress({ threshold: 0 }));
    // Hono parses on demand: a middleware that looks into bodies before the REST API does.
    if (setup.parsers)
      app.use(async (c, next) => {
        const type = c.req.header("content-type");
        if (type === "application/json") await c.req.json().catch(() => undefined);
        if (type === "application/x-www-form-urlencoded") await c.req.parseBody();
        await next();
      });
    app.onError((error, c) => {
      const { cause } = error;
      if (setup.takeOver && error instanceof HTTPException && cause instanceof AmphoError)
        return c.json({ taken: cause.code }, error.status);
      return error instanceof HTTPException ? error.getResponse() : c.text("error", 500);
    });
    app.use(mount(ampho));

    app.get("/open", (c) => c.json({ open: true }));
    app.get("/throws", authorize(ampho), () => {
      throw new Error("of the application");
    });
    for (const [name, need] of needsOn(ampho, needs)) {
      app.get(`/need/${name}`, authorize(ampho, need), (c) => c.json(who(c.get("auth"))));
      app.get(`/certain/${name}`, authorize(ampho, need), async (c) => c.json(who(c.var.auth)));
    }
    const group = new Hono()
      .use(authorize(ampho))
      .get("/inner", (c) => c.json(who(c.get("auth"))))
      .get("/admin", authorize(ampho, needs.admin), (c) => c.json(who(c.get("auth"))));
    app.route("/group", group);
    const inner = new Hono().get("/me", authorize(ampho), (c) => c.json(who(c.get("auth"))));
    app.route("/outer", new Hono().basePath("/inner").route("/", inner));
    app.post("/raw", authorize(ampho), async (c) => c.json(await sizeOf(c.req.raw.body as AsyncIterable<Uint8Array>)));
    app.post("/parsed", authorize(ampho), async (c) => c.json(await c.req.json()));

    const listener = getRequestListener(app.fetch);
    const server: Server = createServer((request, response) => void listener(request, response));
    return { port: await openPort(server), close: () => closeServer(server) };
  },
};

describeHost(hono);
