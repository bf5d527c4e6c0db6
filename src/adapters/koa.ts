// `ampho/koa`: Ampho on Koa.
import type { Context, DefaultContext, DefaultState, Middleware, Next, ParameterizedContext, Request } from "koa";
import type { AuthOf, NoRequirements, Requirements } from "../guard/requirements.js";
import { writeResponse } from "../http/node/response.js";
import { isForAmpho, serveNodeRequest } from "../http/node/serve-request.js";
import {
  type GuardInstance,
  type HttpHost,
  type HttpInstance,
  hostOf,
  isServed,
  type LimitOf,
} from "../http/rest/host.js";
import { parseTarget } from "../http/rest/request/target.js";
import { pageHeadersOf } from "../http/rest/responses/redirect-to-pages.js";
import { isRedirect, type RejectedRequest } from "../http/rest/responses/rejected-request.js";
import type { Auth } from "../tokens/auth.js";
import {
  createGuarded,
  createMiddleware,
  type Framework,
  type GuardedArguments,
  nodeAuthorizationOf,
  rejectExtra,
} from "./framework.js";
import { addNodeCookies, renewMessage, requireRenewal } from "./renew.js";

declare module "koa" {
  interface DefaultState {
    /** The user who sent the request. `authorize` of `ampho/koa` sets it. */
    auth?: Auth | undefined;
  }
}

export type { RejectedRequest };

/** Its `ctx.state.auth` is always set, except under `optional` requirements. */
export type GuardedHandler<N, S extends string = string> = (context: GuardedContext<N, S>, next: Next) => unknown;
/** The context of a guarded middleware, with its `state.auth`. */
export type GuardedContext<N, S extends string = string> = ParameterizedContext<
  DefaultState & { auth: AuthOf<N, S> },
  DefaultContext
>;

const koa: Framework<Request, Context, Next, void> = {
  authorizationOf: (host, context) => nodeAuthorizationOf(host, context.req),
  requestOf: (context) => context.request,
  setAuth(context, auth) {
    context.state.auth = auth;
  },
  pageOf: (context) => ({
    method: context.method,
    target: context.originalUrl,
    ...pageHeadersOf((name) => context.get(name)),
  }),
  reject(rejected, context) {
    if (isRedirect(rejected)) {
      context.respond = false;
      return writeResponse(context.req, context.res, rejected.response);
    }
    respondIfUncaught(context, rejected);
    throw rejected;
  },
};

/**
 * Middleware that serves the REST API under its prefix: `app.use(mount(ampho))`.
 * @example
 * const app = new Koa();
 * app.use(mount(ampho));
 */
export function mount(ampho: HttpInstance): Middleware {
  const host = hostOf(ampho);
  return async (context, next) => {
    restoreTarget(host, context);
    if (!isForAmpho(host, context.req)) {
      await next();
      return;
    }
    // `serveNodeRequest` writes the response, and also reads what is left of the request's body.
    context.respond = false;
    await serveNodeRequest(host, context.req, context.res, parsedBodyOf(context.request));
  };
}

/**
 * Middleware that sets `ctx.state.auth` and calls `next`, or throws a `RejectedRequest` with `status`, `headers` and
 * `code`. Any middleware around it can catch it. Otherwise the response is that of docs/reference/http.md.
 * @example
 * app.use(authorize(ampho, { roles: ["editor"] }));
 * app.use((context) => {
 *   context.body = { login: context.state.auth?.login };
 * });
 */
export function authorize<S extends string, I extends GuardInstance>(
  ampho: I & GuardInstance<S>,
  requirements?: Requirements<Request, NoInfer<S>> & LimitOf<I>,
): Middleware;
export function authorize<S extends string>(
  ampho: GuardInstance<S>,
  requirements?: Requirements<Request, S>,
  ...extra: readonly unknown[]
): Middleware {
  rejectExtra(extra);
  return createMiddleware(koa, ampho, requirements, (_context, next) => next());
}

/**
 * Middleware that renews the session of a page's request whose access token has ended (docs/guides/cookies.md). Later
 * handlers find the new tokens in the request.
 * @example app.use(renew(ampho));
 */
export function renew(ampho: HttpInstance): Middleware {
  const host = hostOf(ampho);
  requireRenewal(host);
  return async (context, next) => {
    restoreTarget(host, context);
    addNodeCookies(context.res, (await renewMessage(host, context.req)).cookies);
    await next();
  };
}

/**
 * Wraps a middleware whose `ctx.state.auth` is always set, except under `optional` requirements.
 * @example
 * app.use(
 *   guarded(ampho, { roles: ["editor"] }, (context) => {
 *     context.body = { login: context.state.auth.login };
 *   }),
 * );
 */
export function guarded<S extends string>(
  ampho: GuardInstance<S>,
  handler: GuardedHandler<NoRequirements, S>,
): Middleware;
export function guarded<S extends string, const N extends Requirements<Request, S>, I extends GuardInstance>(
  ampho: I & GuardInstance<S>,
  requirements: N & LimitOf<I>,
  handler: GuardedHandler<N, S>,
): Middleware;
export function guarded<N extends Requirements<Request>>(
  ampho: GuardInstance,
  ...args: GuardedArguments<N, GuardedHandler<N>>
): Middleware {
  return createGuarded(koa, ampho, args);
}

/** Koa removes a mount path from `req.url`, and keeps the client's target elsewhere than connect and Express do. */
function restoreTarget(host: HttpHost, { req, originalUrl }: Context): void {
  if (isServed(host, parseTarget(originalUrl).path)) Object.assign(req, { originalUrl });
}

/** Returns the text if the parser has kept it, so that it is checked as strictly as an unread body. */
function parsedBodyOf(request: Request): unknown {
  const text = "rawBody" in request ? request.rawBody : undefined;
  return text ?? ("body" in request ? request.body : undefined);
}

/** Koa's `onerror` writes plain text. For this error it writes the response of docs/reference/http.md instead. */
function respondIfUncaught(context: Context, rejected: RejectedRequest): void {
  const { onerror } = context;
  context.onerror = (error) => {
    if (error !== rejected || context.headerSent) return onerror.call(context, error);
    context.app.emit("error", error, context);
    writeResponse(context.req, context.res, rejected.response);
  };
}
