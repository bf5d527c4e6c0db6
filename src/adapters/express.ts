// `ampho/express`: Ampho on Express 4 and 5.
import type { NextFunction, Request, Response } from "express";
import { writeResponse } from "../http/node/response.js";
import { isUnderPrefix, serveNodeRequest } from "../http/node/serve-request.js";
import { type GuardHost, type GuardInstance, type HttpInstance, hostOf } from "../http/rest/host.js";
import type { RejectedRequest } from "../http/rest/responses/rejected-request.js";
import type { Auth, AuthOf, NoRequirements, Requirements } from "../tokens/auth.js";
import { assertAuth, nodeGuard, requirementsAndHandler, validRequirements } from "./node-guard.js";

declare global {
  namespace Express {
    interface Request {
      /** Who is asking; set by `authorize` of `ampho/express`. */
      auth?: Auth | undefined;
    }
  }
}

export type { RejectedRequest };
/** What `app.use` and routes take: a name of its own, so that whoever exports one need not name what Express's types stand on. */
export type Middleware = (request: Request, response: Response, next: NextFunction) => void;
export type OnRefusal = (refusal: RejectedRequest, request: Request, response: Response, next: NextFunction) => void;

export interface MountOptions {
  /**
   * Takes over what `authorize` and `guarded` refuse behind this middleware; `(refusal, req, res, next) => next(refusal)`
   * gives it to the application's error middleware. Without it the answer is that of docs/http.md.
   */
  readonly onRefusal?: OnRefusal | undefined;
}

/** Has `req.auth` for certain; under an `optional` requirements it may be undefined. */
export type GuardedHandler<N> = (request: WithAuth<N>, response: Response, next: NextFunction) => unknown;
type WithAuth<N> = Request & { auth: AuthOf<N> };

const onRefusalKey = Symbol("onRefusal");
type Marked = Request & { [onRefusalKey]?: OnRefusal };

/** Middleware that serves the REST API under its prefix: `app.use(mount(ampho))`. */
export function mount(ampho: HttpInstance, { onRefusal }: MountOptions = {}): Middleware {
  const host = hostOf(ampho);
  return (request: Marked, response, next) => {
    if (onRefusal !== undefined) request[onRefusalKey] = onRefusal;
    if (isUnderPrefix(host, request)) void serveNodeRequest(host, request, response);
    else next();
  };
}

/** Middleware for routes and routers: sets `req.auth` and goes on, or refuses. */
export function authorize(ampho: GuardInstance, requirements?: Requirements<Request>): Middleware {
  const host = hostOf(ampho);
  const asked = validRequirements(requirements, host);
  return (request, response, next) => through(host, asked, request, response, next, () => next());
}

/** Wraps a handler whose `req.auth` is there for certain. What it throws or rejects with goes to `next`, on Express 4 too. */
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
  return (request, response, next) =>
    through(host, requirements, request, response, next, () => {
      assertAuth(request, requirements);
      return handler(request, response, next);
    });
}

function through(
  host: GuardHost,
  requirements: Requirements<Request> | undefined,
  request: Marked,
  response: Response,
  next: NextFunction,
  proceed: () => unknown,
): void {
  const done = nodeGuard<Request, unknown>({
    host,
    requirements,
    message: request,
    request,
    onAccepted(auth) {
      request.auth = auth;
      return proceed();
    },
    onRejected(refusal) {
      const take = request[onRefusalKey];
      if (take === undefined) writeResponse(request, response, refusal.response);
      else take(refusal, request, response, next);
    },
  });
  if (isThenable(done)) done.then(undefined, next);
}

/** As Express 5 tells a promise: it need not be the platform's. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
