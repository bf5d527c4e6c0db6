// One route in one framework (BENCH_FRAMEWORK) behind one guard (BENCH_GUARD): none, ampho, or what the framework's users take.
import { createServer } from "node:http";
import { generateJwk } from "../../dist/crypto/jwk-generate.js";
import { createAmpho } from "../../dist/index.js";
import { announce } from "./announce.mjs";

const { BENCH_FRAMEWORK: framework, BENCH_GUARD: guard } = process.env;
const jwk = generateJwk("HS256");
const secret = Buffer.from(jwk.k, "base64url");
const ampho = await createAmpho({ key: jwk, databaseUrl: "sqlite::memory:", notice: () => {}, sessionsMax: 100_000 });
const user = await ampho.users.create({ login: "guarded" });
const tokens = [];
for (let count = Number(process.env.BENCH_TOKENS ?? 1); count > 0; count--)
  tokens.push((await ampho.sessions.create(user.id)).token);
const body = { hello: "world" };

const builders = {
  async node() {
    const { authorize } = await import("../../dist/adapters/node.js");
    const answer = (_request, response) =>
      response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(body));
    if (guard === "none") return createServer(answer);
    const middleware = authorize(ampho);
    return createServer((request, response) => middleware(request, response, () => answer(request, response)));
  },
  async express() {
    const { default: express } = await import("express");
    const app = express();
    const { authorize } = await import("../../dist/adapters/express.js");
    const { expressjwt } = await import("express-jwt");
    const guards = {
      none: [],
      ampho: [authorize(ampho)],
      peer: [expressjwt({ secret, algorithms: ["HS256"] })],
    };
    app.get("/guarded", ...guards[guard], (_request, response) => response.json(body));
    return createServer(app);
  },
  async fastify() {
    const { default: createFastify } = await import("fastify");
    const app = createFastify();
    const options = {};
    if (guard === "ampho") {
      const { authorize, mount } = await import("../../dist/adapters/fastify.js");
      await app.register(mount(ampho));
      options.onRequest = authorize(ampho);
    }
    if (guard === "peer") {
      const { default: jwt } = await import("@fastify/jwt");
      await app.register(jwt, { secret });
      options.onRequest = (request) => request.jwtVerify();
    }
    app.get("/guarded", options, async () => body);
    await app.ready();
    return app.server;
  },
  async koa() {
    const { default: Koa } = await import("koa");
    const app = new Koa();
    if (guard === "ampho") app.use((await import("../../dist/adapters/koa.js")).authorize(ampho));
    if (guard === "peer") app.use((await import("koa-jwt")).default({ secret }));
    app.use((context) => {
      context.body = body;
    });
    return createServer(app.callback());
  },
  async hono() {
    const { Hono } = await import("hono");
    const { createAdaptorServer } = await import("@hono/node-server");
    const app = new Hono();
    if (guard === "ampho") app.use((await import("../../dist/adapters/hono.js")).authorize(ampho));
    if (guard === "peer") {
      const { jwt } = await import("hono/jwt");
      app.use(jwt({ secret: secret.toString("latin1"), alg: "HS256" }));
    }
    app.get("/guarded", (context) => context.json(body));
    return createAdaptorServer({ fetch: app.fetch });
  },
};

// hono/jwt takes a secret as text only, and no typ of ours: its tokens are of its own making.
if (framework === "hono" && guard === "peer") {
  const { sign } = await import("hono/jwt");
  for (let at = 0; at < tokens.length; at++)
    tokens[at] = await sign(
      { login: "guarded", jti: String(at), exp: Math.floor(Date.now() / 1000) + 3600 },
      secret.toString("latin1"),
    );
}
announce(await builders[framework](), { loginPath: "", tokens });
