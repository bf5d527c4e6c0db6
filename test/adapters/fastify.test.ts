import compress from "@fastify/compress";
import cors from "@fastify/cors";
import fastify, { type FastifyRequest } from "fastify";
import { authorize, guarded, mount } from "../../dist/adapters/fastify.js";
import { AmphoError } from "../../dist/errors.js";
import { type Host, needsFor, needsOn, origin, sizeOf, who } from "./host.js";
import { describeHost } from "./suite.js";

const needs = needsFor<FastifyRequest>((request) => request.headers["x-allow"]?.toString());

const fastifyHost: Host = {
  name: "ampho/fastify",
  takesOver: true,
  async start(ampho, setup) {
    const app = fastify();
    if (setup.front) await app.register(cors, { origin });
    if (setup.front) await app.register(compress, { threshold: 0 });
    if (setup.takeOver)
      app.setErrorHandler((error, _request, reply) => {
        if (!(error instanceof AmphoError && "statusCode" in error)) return reply.code(500).send({});
        return reply.code(Number(error.statusCode)).send({ taken: error.code });
      });
    // Fastify parses JSON by itself. These are parsers of the application.
    if (setup.parsers) {
      const parse = { parseAs: "string" } as const;
      app.removeAllContentTypeParsers();
      app.addContentTypeParser("application/json", parse, async (_: unknown, text: string) => JSON.parse(text));
      app.addContentTypeParser("*", parse, async (_: unknown, text: string) => text);
    }
    app.register(mount(ampho));

    app.get("/open", async () => ({ open: true }));
    app.get("/throws", { onRequest: authorize(ampho) }, async () => {
      throw new Error("of the application");
    });
    for (const [name, need] of needsOn(ampho, needs)) {
      app.get(`/need/${name}`, { onRequest: authorize(ampho, need) }, async (request) => who(request.auth));
      app.get(
        `/certain/${name}`,
        guarded(ampho, need, async (request) => who(request.auth)),
      );
    }
    app.register(
      async (group) => {
        group.addHook("onRequest", authorize(ampho));
        group.get("/inner", async (request) => who(request.auth));
        group.get("/admin", { onRequest: authorize(ampho, needs.admin) }, async (request) => who(request.auth));
      },
      { prefix: "/group" },
    );
    app.register(
      async (outer) => {
        outer.register(
          async (inner) => {
            inner.get("/me", { onRequest: authorize(ampho) }, async (request) => who(request.auth));
          },
          { prefix: "/inner" },
        );
      },
      { prefix: "/outer" },
    );
    app.register(async (raw) => {
      raw.removeAllContentTypeParsers();
      raw.addContentTypeParser("*", (_request, _payload, done) => done(null));
      raw.post("/raw", { onRequest: authorize(ampho) }, async (request) => sizeOf(request.raw));
    });
    app.post("/parsed", { onRequest: authorize(ampho) }, async (request) => request.body);

    const url = await app.listen({ port: 0, host: "127.0.0.1" });
    return { port: Number(new URL(url).port), close: () => app.close() };
  },
};

describeHost(fastifyHost);
