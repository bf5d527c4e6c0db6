// `ampho/koa`: Ampho on Koa.
import type { Context, DefaultContext, DefaultState, Middleware, Next, ParameterizedContext, Request } from "koa";
import { writeResponse } from "../http/node/response.js";
import { isUnderPrefix, serveNodeRequest } from "../http/node/serve-request.js";
import { type GuardHost, type GuardInstance, type HttpHost, type HttpInstance, hostOf } from "../http/rest/host.js";
import { isUnder, parseTarget } from "../http/rest/request/target.js";
import type { RejectedRequest } from "../http/rest/responses/rejected-request.js";
import type { Auth, AuthOf, NoRequirements, Requirements } from "../tokens/auth.js";
import { assertAuth, nodeGuard, requirementsAndHandler, validRequirements } from "./node-guard.js";

declare module "koa" {
  interface DefaultState {
    /** Who is asking; set by `authorize` of `ampho/koa`. */
    auth?: Auth | undefined;
  }
}

export type { RejectedRequest };

/** Has `ctx.state.auth` for certain; under an `optional` requirements it may be undefined. */
export type GuardedHandler<N> = (context: GuardedContext<N>, next: Next) => unknown;
export type GuardedContext<N> = ParameterizedContext<DefaultState & { auth: AuthOf<N> }, DefaultContext>;

/** Middleware that serves the REST API under its prefix: `app.use(mount(ampho))`. */
export function mount(ampho: HttpInstance): Middleware {
  const host = hostOf(ampho);
  return async (context, next) => {
    restoreTarget(host, context);
    if (!isUnderPrefix(host, context.req)) {
      await next();
      return;
    }
    // The one writer of answers also deals with what is left of a request's body.
    context.respond = false;
    await serveNodeRequest(host, context.req, context.res, parsedBodyOf(context.request));
  };
}

/**
 * Middleware: sets `ctx.state.auth` and goes on, or throws a refusal with `status`, `headers` and `code`.
 * Any middleware around it may catch it; where none does, the answer is that of docs/http.md.
 */
export function authorize(ampho: GuardInstance, requirements?: Requirements<Request>): Middleware {
  const host = hostOf(ampho);
  const asked = validRequirements(requirements, host);
  return (context, next) => through(host, asked, context, next);
}

/** Wraps a middleware whose `ctx.state.auth` is there for certain. */
export function guarded(ampho: GuardInstance, handler: GuardedHandler<NoRequirements>): Middleware;
export function guarded<const N extends Requirements<Request>>(
  ampho: GuardInstance,
  requirements: N,
  handler: GuardedHandler<N>,
): Middleware;
export function guarded<N extends Requirements<Request>>(
  ampho: GuardInstance,
  ...rest: readonly [GuardedHandler<N>] | readonly [N, GuardedHandler<N>]
): Middleware {
  const host = hostOf(ampho);
  const [requirements, handler] = requirementsAndHandler(rest, host);
  return (context, next) =>
    through(host, requirements, context, async () => {
      assertState<N>(context, requirements);
      return handler(context, next);
    });
}

/** Koa cuts a mount path off `req.url` and keeps what clients see elsewhere than connect and Express do. */
function restoreTarget({ prefix }: HttpHost, { req, originalUrl }: Context): void {
  if (isUnder(prefix, parseTarget(originalUrl).path)) Object.assign(req, { originalUrl });
}

function assertState<N extends Requirements<Request>>(
  context: Context,
  requirements: N | undefined,
): asserts context is Context & GuardedContext<N> {
  assertAuth(context.state, requirements);
}

/** The text, where the parser has kept it: it is judged as strictly as an unread body. */
function parsedBodyOf(request: Request): unknown {
  const text = "rawBody" in request ? request.rawBody : undefined;
  return text ?? ("body" in request ? request.body : undefined);
}

function through(
  host: GuardHost,
  requirements: Requirements<Request> | undefined,
  context: Context,
  proceed: () => Promise<unknown>,
) {
  return nodeGuard<Request, Promise<unknown>>({
    host,
    requirements,
    message: context.req,
    request: context.request,
    onAccepted(auth) {
      context.state.auth = auth;
      return proceed();
    },
    onRejected(refusal) {
      answerUncaught(context, refusal);
      return Promise.reject(refusal);
    },
  });
}

/** Koa's last resort for errors writes text: for this one error, on this one request, it writes the refusal's own answer. */
function answerUncaught(context: Context, refusal: RejectedRequest): void {
  const lastResort = context.onerror;
  context.onerror = (error) => {
    if (error !== refusal || context.headerSent) return lastResort.call(context, error);
    context.app.emit("error", error, context);
    writeResponse(context.req, context.res, refusal.response);
  };
}
