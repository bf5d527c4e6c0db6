// `ampho/fastify`: Ampho on Fastify 5.
import type { FastifyPluginCallback, FastifyReply, FastifyRequest, FastifySchema } from "fastify";
import { ConfigurationError } from "../errors.js";
import { serveNodeRequest } from "../http/node/serve-request.js";
import { type GuardInstance, type HttpInstance, hostOf } from "../http/rest/host.js";
import { isUnder } from "../http/rest/request/target.js";
import type { RejectedRequest } from "../http/rest/responses/rejected-request.js";
import type { Auth, AuthOf, NoRequirements, Requirements } from "../tokens/auth.js";
import { assertAuth, nodeGuard, requirementsAndHandler, validRequirements } from "./node-guard.js";

declare module "fastify" {
  interface FastifyRequest {
    /** Who is asking; set by `authorize` of `ampho/fastify`. */
    auth?: Auth | undefined;
  }
}

export type { RejectedRequest };

/** Has `request.auth` for certain; under an `optional` requirements it may be undefined. */
export type GuardedHandler<N, Q = FastifyRequest, Y = FastifyReply> = (
  request: Q & { readonly auth: AuthOf<N> },
  reply: Y,
) => unknown;

// The compiler compares what `app.get` and `app.register` are given with what they take, member by member: a reply anew for
// every route, an instance at the cost of 100 000 instantiations. So what only Fastify passes is named by one member, and
// stands in methods, which may be written with the whole type.
interface Shapes {
  hook(request: { readonly id: unknown }, reply: { readonly sent: boolean }, done: (error?: Error) => void): void;
  plugin(app: { readonly prefix: string }, options: object, done: (error?: Error) => void): void;
}

/** What `onRequest`, `preHandler` and the like take. */
export type Hook = Shapes["hook"];

/** What `app.register` takes. */
export type Plugin = Shapes["plugin"];

/**
 * Plugin that serves the REST API under its prefix: `app.register(mount(ampho))`. It is not encapsulated: `request.auth` is
 * declared where it is registered. Fails to load under a route prefix that AMPHO_SECURITY_REST_PREFIX does not start with.
 */
export function mount(ampho: HttpInstance): Plugin {
  const host = hostOf(ampho);
  const plugin: FastifyPluginCallback = (app, _options, done) => {
    if (!isUnder(app.prefix, host.prefix))
      return done(
        new ConfigurationError(`AMPHO_SECURITY_REST_PREFIX is not under ${app.prefix}, where the plugin is registered`),
      );
    if (!app.hasRequestDecorator("auth")) app.decorateRequest("auth", undefined);
    // After every onRequest hook (CORS, rate limits), before any body parser: the body is ours to read, and to bound.
    const preParsing = (request: FastifyRequest, reply: FastifyReply): void => {
      for (const [name, value] of Object.entries(reply.getHeaders()))
        if (value !== undefined) reply.raw.setHeader(name, value);
      reply.hijack();
      void serveNodeRequest(host, request.raw, reply.raw);
    };
    const path = host.prefix.slice(app.prefix.length);
    // GET {prefix}/openapi.json describes them: plugins that describe the application's routes leave them out.
    const schema: FastifySchema & { hide: boolean } = { hide: true };
    for (const url of [path || "/", `${path}/*`]) app.all(url, { preParsing, schema }, () => undefined);
    done();
  };
  return Object.assign(plugin, {
    [Symbol.for("skip-override")]: true,
    [Symbol.for("fastify.display-name")]: "ampho",
  });
}

/**
 * Hook: `{ onRequest: authorize(ampho) }` or `app.addHook("onRequest", authorize(ampho))`. Sets `request.auth`, or refuses:
 * with an error that has `statusCode`, `headers` and `code` where the application has set an error handler, else with the
 * answer of docs/http.md.
 */
export function authorize(ampho: GuardInstance, requirements?: Requirements<FastifyRequest>): Hook {
  const host = hostOf(ampho);
  const asked = validRequirements(requirements, host);
  return (request: FastifyRequest, reply: FastifyReply, done) => {
    void nodeGuard({
      host,
      requirements: asked,
      message: request.raw,
      request,
      onAccepted(auth) {
        request.auth = auth;
        done();
      },
      onRejected(refusal) {
        if (hasErrorHandler(request)) done(withHeaders(refusal, reply));
        else sendRejection(refusal, reply);
      },
    });
  };
}

/** Wraps a handler whose `request.auth` is there for certain. */
export function guarded<Q extends FastifyRequest, Y extends FastifyReply>(
  ampho: GuardInstance,
  handler: GuardedHandler<NoRequirements, Q, Y>,
): (request: Q, reply: Y) => unknown;
export function guarded<const N extends Requirements<Q>, Q extends FastifyRequest, Y extends FastifyReply>(
  ampho: GuardInstance,
  requirements: N,
  handler: GuardedHandler<N, Q, Y>,
): (request: Q, reply: Y) => unknown;
export function guarded<N extends Requirements<Q>, Q extends FastifyRequest, Y extends FastifyReply>(
  ampho: GuardInstance,
  ...rest: readonly [GuardedHandler<N, Q, Y>] | readonly [N, GuardedHandler<N, Q, Y>]
): (request: Q, reply: Y) => unknown {
  const host = hostOf(ampho);
  const [requirements, handler] = requirementsAndHandler(rest, host);
  return (request, reply) =>
    nodeGuard<Q, unknown>({
      host,
      requirements,
      message: request.raw,
      request,
      onAccepted(auth) {
        request.auth = auth;
        assertAuth(request, requirements);
        return handler(request, reply);
      },
      onRejected(refusal) {
        if (hasErrorHandler(request)) throw withHeaders(refusal, reply);
        return sendRejection(refusal, reply);
      },
    });
}

function sendRejection({ response: { status, headers, body } }: RejectedRequest, reply: FastifyReply): FastifyReply {
  return reply.code(status).headers(headers).send(body);
}

/** Error handlers seldom look at `headers`: the challenge stands whatever they answer. */
function withHeaders(refusal: RejectedRequest, reply: FastifyReply): RejectedRequest {
  reply.headers(refusal.headers);
  return refusal;
}

/** Fastify's own handler knows no bodies but its own; one that the application has set gets the refusal. */
function hasErrorHandler({ server }: FastifyRequest): boolean {
  return server.errorHandler.name !== "defaultErrorHandler";
}
