// `ampho/fastify`: Ampho on Fastify 5.
import type { FastifyPluginCallback, FastifyReply, FastifyRequest, FastifySchema } from "fastify";
import { ConfigurationError } from "../errors.js";
import type { AuthOf, NoRequirements, Requirements } from "../guard/requirements.js";
import { serveNodeRequest } from "../http/node/serve-request.js";
import { type GuardInstance, type HttpInstance, hostOf, type LimitOf } from "../http/rest/host.js";
import { isUnder } from "../http/rest/request/target.js";
import { isRedirect, type RejectedRequest } from "../http/rest/responses/rejected-request.js";
import type { Auth } from "../tokens/auth.js";
import {
  createGuarded,
  createMiddleware,
  type Framework,
  type GuardedArguments,
  nodeAuthorizationOf,
  nodePageOf,
  rejectExtra,
} from "./framework.js";
import { addNodeCookies, renewMessage, requireRenewal } from "./renew.js";

declare module "fastify" {
  interface FastifyRequest {
    /** The user who sent the request. `authorize` of `ampho/fastify` sets it. */
    auth?: Auth | undefined;
  }
}

export type { RejectedRequest };

/** Its `request.auth` is always set, except under `optional` requirements. */
export type GuardedHandler<N, Q = FastifyRequest, Y = FastifyReply, S extends string = string> = (
  request: Q & { readonly auth: AuthOf<N, S> },
  reply: Y,
) => unknown;

// The compiler compares the arguments of `app.get` and `app.register` with their parameters, member by member. It
// creates a reply type for every route, and an instance type costs 100 000 instantiations. So each of Fastify's types
// is named by one of its members. A method takes a function whose parameters have the whole type.
interface Shapes {
  hook(request: { readonly id: unknown }, reply: { readonly sent: boolean }, done: (error?: Error) => void): void;
  plugin(app: { readonly prefix: string }, options: object, done: (error?: Error) => void): void;
}

/** The type of `onRequest`, `preHandler` and similar hooks. */
export type Hook = Shapes["hook"];

/** The type that `app.register` takes. */
export type Plugin = Shapes["plugin"];

type Done = (error?: Error) => void;
type Handle = (request: FastifyRequest, reply: FastifyReply) => unknown;

/** A hook has a `done`, a guarded handler has none. */
const framework: Framework<FastifyRequest, FastifyRequest, FastifyReply, Done | undefined> = {
  authorizationOf: (host, request) => nodeAuthorizationOf(host, request.raw),
  requestOf: (request) => request,
  setAuth(request, auth) {
    request.auth = auth;
  },
  pageOf: (request) => nodePageOf(request.raw),
  reject(rejected, request, reply, done) {
    const { status, headers, body } = rejected.response;
    if (isRedirect(rejected) || !hasErrorHandler(request)) return reply.code(status).headers(headers).send(body);
    // Error handlers seldom read the `headers` of an error, so the challenge is set here.
    reply.headers(rejected.headers);
    if (done === undefined) throw rejected;
    return done(rejected);
  },
};

/**
 * Plugin that serves the REST API under its prefix: `app.register(mount(ampho))`. It is not encapsulated, so
 * `request.auth` is declared where the plugin is registered. Loading fails under a route prefix that
 * AMPHO_SECURITY_REST_PREFIX does not start with.
 * @example
 * const app = fastify();
 * await app.register(mount(ampho));
 */
export function mount(ampho: HttpInstance): Plugin {
  const host = hostOf(ampho);
  const plugin: FastifyPluginCallback = (app, _options, done) => {
    if (!isUnder(app.prefix, host.prefix))
      return done(
        new ConfigurationError(
          `AMPHO_SECURITY_REST_PREFIX must start with ${app.prefix}, the prefix under which the plugin is registered.`,
        ),
      );
    if (!app.hasRequestDecorator("auth")) app.decorateRequest("auth", undefined);
    // After every onRequest hook (CORS, rate limits) and before any body parser, so that Ampho limits the body.
    const preParsing = (request: FastifyRequest, reply: FastifyReply): void => {
      for (const [name, value] of Object.entries(reply.getHeaders()))
        if (value !== undefined) reply.raw.setHeader(name, value);
      reply.hijack();
      void serveNodeRequest(host, request.raw, reply.raw);
    };
    // A plugin under a route prefix does not get the requests for the root, nor for pages that are elsewhere.
    const { pagesPrefix } = host;
    const prefixes = [
      host.prefix,
      ...(pagesPrefix !== undefined && isUnder(app.prefix, pagesPrefix) ? [pagesPrefix] : []),
    ];
    const paths = prefixes.map((prefix) => prefix.slice(app.prefix.length));
    const rootPaths = app.prefix === "" ? host.rootPaths : [];
    // GET {prefix}/openapi.json describes them. Plugins that describe the application's routes leave them out.
    const schema: FastifySchema & { hide: boolean } = { hide: true };
    for (const url of [...paths.flatMap((path) => [path || "/", `${path}/*`]), ...rootPaths])
      app.all(url, { preParsing, schema }, () => undefined);
    done();
  };
  return Object.assign(plugin, { [Symbol.for("skip-override")]: true, [Symbol.for("fastify.display-name")]: "ampho" });
}

/**
 * Hook: `{ onRequest: authorize(ampho) }` or `app.addHook("onRequest", authorize(ampho))`. It sets `request.auth` or
 * rejects the request. An error handler of the application gets an error with `statusCode`, `headers` and `code`.
 * Without one the response is that of docs/reference/http.md.
 * @example
 * app.get("/articles", { onRequest: authorize(ampho, { roles: ["editor"] }) }, async (request) => ({
 *   login: request.auth?.login,
 * }));
 */
export function authorize<S extends string, I extends GuardInstance>(
  ampho: I & GuardInstance<S>,
  requirements?: Requirements<FastifyRequest, NoInfer<S>> & LimitOf<I>,
): Hook;
export function authorize<S extends string>(
  ampho: GuardInstance<S>,
  requirements?: Requirements<FastifyRequest, S>,
  ...extra: readonly unknown[]
): Hook {
  rejectExtra(extra);
  const hook = createMiddleware(framework, ampho, requirements, (_request, _reply, done) => done?.());
  return (request: FastifyRequest, reply: FastifyReply, done) => {
    // Fastify would call the next hook twice if a hook with `done` also returned a promise.
    void hook(request, reply, done);
  };
}

/**
 * Hook that renews the session of a page's request whose access token has ended (docs/guides/cookies.md). Later
 * handlers find the new tokens in the request.
 * @example app.addHook("onRequest", renew(ampho));
 */
export function renew(ampho: HttpInstance): Hook {
  const host = hostOf(ampho);
  requireRenewal(host);
  return (request: FastifyRequest, reply: FastifyReply, done) => {
    renewMessage(host, request.raw).then(({ cookies }) => {
      addNodeCookies(reply.raw, cookies);
      done();
    }, done);
  };
}

/**
 * Wraps a handler whose `request.auth` is always set, except under `optional` requirements.
 * @example
 * app.get("/articles", guarded(ampho, { roles: ["editor"] }, async (request) => ({ login: request.auth.login })));
 */
export function guarded<S extends string, Q extends FastifyRequest, Y extends FastifyReply>(
  ampho: GuardInstance<S>,
  handler: GuardedHandler<NoRequirements, Q, Y, S>,
): (request: Q, reply: Y) => unknown;
export function guarded<
  S extends string,
  const N extends Requirements<Q, S>,
  Q extends FastifyRequest,
  Y extends FastifyReply,
  I extends GuardInstance,
>(
  ampho: I & GuardInstance<S>,
  requirements: N & LimitOf<I>,
  // GuardedHandler, written out: the alias costs seven instantiations more in each route.
  handler: (request: Q & { readonly auth: AuthOf<N, S> }, reply: Y) => unknown,
): (request: Q, reply: Y) => unknown;
// The types of the route's own request and reply exist at compile time only.
export function guarded(ampho: GuardInstance, ...args: GuardedArguments<Requirements<FastifyRequest>, Handle>): Handle {
  const handle = createGuarded(framework, ampho, args);
  return (request, reply) => handle(request, reply, undefined);
}

/** Fastify's own error handler writes its own body. An application's error handler gets the rejected request. */
const hasErrorHandler = ({ server }: FastifyRequest): boolean => server.errorHandler.name !== "defaultErrorHandler";
