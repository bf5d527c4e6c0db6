// `ampho/express`: Ampho on Express 4 and 5.
import type { NextFunction, Request, Response } from "express";
import type { AuthOf, NoRequirements, Requirements } from "../guard/requirements.js";
import { writeResponse } from "../http/node/response.js";
import { isForAmpho, serveNodeRequest } from "../http/node/serve-request.js";
import { type GuardInstance, type HttpInstance, hostOf, type LimitOf } from "../http/rest/host.js";
import { isRedirect, type RejectedRequest } from "../http/rest/responses/rejected-request.js";
import type { Auth } from "../tokens/auth.js";
import {
  createGuarded,
  createMiddleware,
  type Framework,
  type GuardedArguments,
  ofMessage,
  rejectExtra,
} from "./framework.js";
import { renew as renewOnNode } from "./node.js";

declare global {
  namespace Express {
    interface Request {
      /** The user who sent the request. `authorize` of `ampho/express` sets it. */
      auth?: Auth | undefined;
    }
  }
}

export type { RejectedRequest };

/** The type that `app.use` and routes take. With it, exported middleware does not name internal types of Express. */
export type Middleware = (request: Request, response: Response, next: NextFunction) => void;
/**
 * Responds to a rejected request.
 * @example
 * const onRejected: OnRejected = (rejected, request, response) => response.status(rejected.status).send(rejected.code);
 * app.use(mount(ampho, { onRejected }));
 */
export type OnRejected = (
  rejected: RejectedRequest,
  request: Request,
  response: Response,
  next: NextFunction,
) => unknown;

/** The options of `mount`. */
export interface MountOptions {
  /**
   * Responds to the requests that `authorize` and `guarded` reject behind this middleware.
   * `(rejected, req, res, next) => next(rejected)` passes them to the application's error middleware.
   * Without it they get the responses of docs/reference/http.md.
   */
  readonly onRejected?: OnRejected | undefined;
}

/** Its `req.auth` is always set, except under `optional` requirements. */
export type GuardedHandler<N, S extends string = string> = (
  request: WithAuth<N, S>,
  response: Response,
  next: NextFunction,
) => unknown;
type WithAuth<N, S extends string> = Request & { auth: AuthOf<N, S> };

const onRejectedKey = Symbol("onRejected");
type Marked = Request & { [onRejectedKey]?: OnRejected };

const express: Framework<Request, Request, Response, NextFunction> = {
  ...ofMessage,
  reject(rejected, request: Marked, response, next) {
    const onRejected = request[onRejectedKey];
    if (onRejected === undefined || isRedirect(rejected)) writeResponse(request, response, rejected.response);
    else return onRejected(rejected, request, response, next);
  },
};

/**
 * Middleware that serves the REST API under its prefix: `app.use(mount(ampho))`.
 * @example
 * const app = express();
 * app.use(mount(ampho));
 */
export function mount(ampho: HttpInstance, { onRejected }: MountOptions = {}): Middleware {
  const host = hostOf(ampho);
  return (request: Marked, response, next) => {
    if (onRejected !== undefined) request[onRejectedKey] = onRejected;
    if (isForAmpho(host, request)) void serveNodeRequest(host, request, response);
    else next();
  };
}

/**
 * Middleware for routes and routers. It sets `req.auth` and calls `next`, or rejects the request.
 * @example
 * app.use("/admin", authorize(ampho, { roles: ["admin"], acr: "2fa" }));
 * app.get("/articles", authorize(ampho), (request, response) => response.json({ login: request.auth?.login }));
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
  return catching(createMiddleware(express, ampho, requirements, (_request, _response, next) => next()));
}

/**
 * Middleware that renews the session of a page's request whose access token has ended (docs/guides/cookies.md). Later
 * handlers find the new tokens in the request. An error goes to `next`.
 * @example app.use(renew(ampho));
 */
export function renew(ampho: HttpInstance): Middleware {
  return renewOnNode(ampho);
}

/**
 * Wraps a handler whose `req.auth` is always set. Its errors and rejections go to `next`, on Express 4 too.
 * @example
 * app.get("/articles", guarded(ampho, (request, response) => response.json({ login: request.auth.login })));
 * app.post("/articles", guarded(ampho, { roles: ["editor"] }, (request, response) => response.sendStatus(201)));
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
  return catching(createGuarded(express, ampho, args));
}

/** Express 4 ignores what a handler returns, so a promise that rejects would end the process. */
function catching(handle: (request: Request, response: Response, next: NextFunction) => unknown): Middleware {
  return (request, response, next) => {
    const result = handle(request, response, next);
    if (isThenable(result)) result.then(undefined, next);
  };
}

/** By shape, as in Express 5: the promise might not be the platform's. */
const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
