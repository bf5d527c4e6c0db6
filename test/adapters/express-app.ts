// The suite's application on Express. `express` is either version.
import { createServer, type Server } from "node:http";
import compression from "compression";
import cors from "cors";
import type express from "express";
import type { ErrorRequestHandler, Request } from "express";
import { authorize, guarded, mount } from "../../dist/adapters/express.js";
import { AmphoError } from "../../dist/errors.js";
import { openPort } from "../world/listen.js";
import { type Host, needsFor, needsOn, origin, sizeOf, who } from "./host.js";

const needs = needsFor<Request>((request) => request.get("x-allow"));

export function expressHost(name: string, framework: typeof express): Host {
  return {
    name,
    takesOver: true,
    async start(ampho, setup) {
      const app = framework();
      if (setup.front) app.use(cors({ origin }), compression({ threshold: 0 }));
      if (setup.parsers) app.use(framework.json(), framework.urlencoded({ extended: false }));
      app.use(setup.takeOver ? mount(ampho, { onRejected: (rejected, _q, _s, next) => next(rejected) }) : mount(ampho));

      app.get("/open", (_request, response) => void response.json({ open: true }));
      app.get("/throws", authorize(ampho), () => {
        throw new Error("of the application");
      });
      for (const [need, asked] of needsOn(ampho, needs)) {
        app.get(`/need/${need}`, authorize(ampho, asked), (request, response) => void response.json(who(request.auth)));
        app.get(
          `/certain/${need}`,
          guarded(ampho, asked, async (request, response) => void response.json(who(request.auth))),
        );
      }
      const group = framework.Router();
      group.use(authorize(ampho));
      group.get("/inner", (request, response) => void response.json(who(request.auth)));
      group.get("/admin", authorize(ampho, needs.admin), (request, response) => void response.json(who(request.auth)));
      app.use("/group", group);
      const inner = framework.Router();
      inner.get("/me", authorize(ampho), (request, response) => void response.json(who(request.auth)));
      app.use("/outer", framework.Router().use("/inner", inner));
      app.post("/raw", authorize(ampho), async (request, response) => void response.json(await sizeOf(request)));
      app.post("/parsed", authorize(ampho), framework.json(), (request, response) => void response.json(request.body));

      const onError: ErrorRequestHandler = (error, _request, response, next) => {
        if (error instanceof AmphoError && "status" in error) {
          response.status(Number(error.status)).json({ taken: error.code });
        } else if (setup.takeOver) response.sendStatus(500);
        else next(error);
      };
      app.use(onError);
      app.set("env", "test");

      const server = createServer(app);
      return { port: await openPort(server), close: () => closeServer(server) };
    },
  };
}

export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
