// One framework (BENCH_FRAMEWORK) with the same route several times: /plain, /guarded behind one guard (BENCH_GUARD), and
// /header behind a guard that only reads the header, as every guard must. The guard is Ampho or a usual guard of the framework.
// Each gets a key object, which is its fastest form. On node:http the route /recent also requires a level and a recent login.
// On Hono the route /empty is behind middleware that does nothing. For each message the server sends its processor time.
import { createSecretKey } from "node:crypto";
import { createServer } from "node:http";
import { createAmpho } from "../../dist/index.js";
import { announce } from "./announce.mjs";

const { BENCH_FRAMEWORK: framework, BENCH_GUARD: guard, BENCH_KEY } = process.env;
const jwk = JSON.parse(BENCH_KEY);
const secret = Buffer.from(jwk.k, "base64url");
const keyObject = createSecretKey(secret);
const ampho =
  guard === "ampho" ? await createAmpho({ key: jwk, databaseUrl: "sqlite::memory:", log: () => {} }) : undefined;
const body = { hello: "world" };

async function passport() {
  const [{ default: passport }, { ExtractJwt, Strategy }] = await Promise.all([
    import("passport"),
    import("passport-jwt"),
  ]);
  const jwtFromRequest = ExtractJwt.fromAuthHeaderAsBearerToken();
  passport.use(
    new Strategy({ jwtFromRequest, secretOrKey: keyObject, algorithms: ["HS256"] }, (claims, done) =>
      done(null, claims),
    ),
  );
  return passport.authenticate("jwt", { session: false });
}

/** Creates a session for the memory adapter. Its cookie is sent beside the bearer token that the other guards read. */
async function betterAuth() {
  const { auth, cookie } = await (await import("./better-auth-instance.mjs")).openBetterAuth();
  const { fromNodeHeaders } = await import("better-auth/node");
  const check = async (request, response, next) => {
    const session = await auth.api.getSession({ headers: fromNodeHeaders(request.headers) });
    if (session) next();
    else response.status(401).end();
  };
  return { check, cookie };
}

/** Every guard must do at least this. */
const isBearer = (authorization) => authorization?.startsWith("Bearer ") === true;

let cookie;
const builders = {
  async node() {
    const { authorize } = await import("../../dist/adapters/node.js");
    const respond = (_request, response) => {
      const text = JSON.stringify(body);
      response.writeHead(200, { "Content-Type": "application/json", "Content-Length": text.length }).end(text);
    };
    const guards = { "/guarded": authorize(ampho), "/recent": authorize(ampho, { acr: "2fa", maxAge: "1d" }) };
    return createServer((request, response) => {
      if (request.url === "/plain") respond(request, response);
      else if (request.url === "/header") {
        if (isBearer(request.headers.authorization)) respond(request, response);
        else response.writeHead(401).end();
      } else guards[request.url](request, response, () => respond(request, response));
    });
  },
  async express() {
    const { default: express } = await import("express");
    const app = express();
    const guards = {
      ampho: async () => (await import("../../dist/adapters/express.js")).authorize(ampho),
      "express-jwt": async () => (await import("express-jwt")).expressjwt({ secret: keyObject, algorithms: ["HS256"] }),
      "passport-jwt": passport,
      "better-auth": async () => {
        const { check, cookie: own } = await betterAuth();
        cookie = own;
        return check;
      },
    };
    const respond = (_request, response) => response.json(body);
    const readHeader = (request, response, next) =>
      isBearer(request.headers.authorization) ? next() : response.status(401).end();
    app.get("/plain", respond);
    app.get("/header", readHeader, respond);
    app.get("/guarded", await guards[guard](), respond);
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
    } else {
      const { default: jwt } = await import("@fastify/jwt");
      await app.register(jwt, { secret, ...(guard.endsWith("cache") ? { verify: { cache: true } } : {}) });
      options.onRequest = (request) => request.jwtVerify();
    }
    const onRequest = (request, reply, done) =>
      isBearer(request.headers.authorization) ? done() : reply.code(401).send();
    app.get("/plain", async () => body);
    app.get("/header", { onRequest }, async () => body);
    app.get("/guarded", options, async () => body);
    await app.ready();
    return app.server;
  },
  async koa() {
    const { default: Koa } = await import("koa");
    const app = new Koa();
    const check =
      guard === "ampho"
        ? (await import("../../dist/adapters/koa.js")).authorize(ampho)
        : (await import("koa-jwt")).default({ secret: keyObject });
    const readHeader = (context, next) => (isBearer(context.headers.authorization) ? next() : context.throw(401));
    const guards = { "/plain": (_context, next) => next(), "/header": readHeader, "/guarded": check };
    app.use((context, next) => guards[context.path](context, next));
    app.use((context) => {
      context.body = body;
    });
    return createServer(app.callback());
  },
  async hono() {
    const { Hono } = await import("hono");
    const { createAdaptorServer } = await import("@hono/node-server");
    const app = new Hono();
    const check =
      guard === "ampho"
        ? (await import("../../dist/adapters/hono.js")).authorize(ampho)
        : (await import("hono/jwt")).jwt({
            secret: await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]),
            alg: "HS256",
            verification: { typ: "at+jwt" },
          });
    const readHeader = (context, next) =>
      isBearer(context.req.header("authorization")) ? next() : context.body(null, 401);
    app.get("/plain", (context) => context.json(body));
    app.get(
      "/empty",
      (_context, next) => next(),
      (context) => context.json(body),
    );
    app.get("/header", readHeader, (context) => context.json(body));
    app.get("/guarded", check, (context) => context.json(body));
    return createAdaptorServer({ fetch: app.fetch });
  },
};

process.on("message", () => process.send(process.cpuUsage()));
announce(await builders[framework](), { cookie });
