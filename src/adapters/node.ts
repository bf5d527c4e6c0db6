// `ampho/node`: Ampho on node:http, and on every framework whose handlers are called by (request, response, next).
import type { IncomingMessage, ServerResponse } from "node:http";
import { AmphoError } from "../errors.js";
import type { AuthOf, NoRequirements, Requirements } from "../guard/requirements.js";
import { writeResponse } from "../http/node/response.js";
import { isForAmpho, serveNodeRequest } from "../http/node/serve-request.js";
import { type GuardInstance, type HttpInstance, hostOf, type LimitOf } from "../http/rest/host.js";
import type { Auth } from "../tokens/auth.js";
import {
  createGuarded,
  createMiddleware,
  type Framework,
  type GuardedArguments,
  ofMessage,
  rejectExtra,
} from "./framework.js";
import { addNodeCookies, renewMessage, requireRenewal } from "./renew.js";

export {
  guardedUpgrade,
  offeredProtocols,
  type UpgradeHandler,
  type UpgradeInstance,
  type UpgradeListener,
} from "./node-upgrade.js";

declare module "node:http" {
  interface IncomingMessage {
    /** The user who sent the request. `authorize` of `ampho/node` sets it. */
    auth?: Auth | undefined;
  }
}

/** Passes the request on, or its error. */
export type Next = (error?: unknown) => void;
/** A listener of a server of `node:http`, or middleware. */
export type Listener = (request: IncomingMessage, response: ServerResponse, next?: Next) => unknown;

/** Its `request.auth` is always set, except under `optional` requirements. */
export type GuardedHandler<N, S extends string = string> = (
  request: WithAuth<N, S>,
  response: ServerResponse,
  next?: Next,
) => unknown;
type WithAuth<N, S extends string> = IncomingMessage & { auth: AuthOf<N, S> };

const node: Framework<IncomingMessage, IncomingMessage, ServerResponse, Next | undefined> = {
  ...ofMessage,
  reject: (rejected, request, response) => writeResponse(request, response, rejected.response),
};

/**
 * Serves the REST API under its prefix. Other paths go to `next`, or get 404 if there is no `next`.
 * @example
 * const rest = mount(ampho);
 * createServer((request, response) => rest(request, response, () => response.end("Not found")));
 */
export function mount(ampho: HttpInstance): (request: IncomingMessage, response: ServerResponse, next?: Next) => void {
  const host = hostOf(ampho);
  return (request, response, next) => {
    if (isForAmpho(host, request)) void serveNodeRequest(host, request, response);
    else if (next !== undefined) next();
    else {
      const error = new AmphoError("not_found", "There is nothing at this path.");
      writeResponse(request, response, host.errorResponse(error));
    }
  };
}

/**
 * Middleware that sets `request.auth` and calls `next`, or writes the response of a rejected request.
 * @example
 * const guard = authorize(ampho, { roles: ["editor"] });
 * createServer((request, response) => guard(request, response, () => response.end(request.auth?.login)));
 */
export function authorize<S extends string, I extends GuardInstance>(
  ampho: I & GuardInstance<S>,
  requirements?: Requirements<IncomingMessage, NoInfer<S>> & LimitOf<I>,
): (request: IncomingMessage, response: ServerResponse, next: Next) => void;
export function authorize<S extends string>(
  ampho: GuardInstance<S>,
  requirements?: Requirements<IncomingMessage, S>,
  ...extra: readonly unknown[]
): (request: IncomingMessage, response: ServerResponse, next: Next) => void {
  rejectExtra(extra);
  return createMiddleware(node, ampho, requirements, (_request, _response, next) => next?.());
}

/**
 * Middleware that renews the session of a page's request whose access token has ended (docs/guides/cookies.md). Later
 * handlers find the new tokens in the request. An error goes to `next`.
 * @example
 * const session = renew(ampho);
 * createServer((request, response) => session(request, response, () => response.end("Hello")));
 */
export function renew(ampho: HttpInstance): (request: IncomingMessage, response: ServerResponse, next: Next) => void {
  const host = hostOf(ampho);
  requireRenewal(host);
  return (request, response, next) => {
    renewMessage(host, request).then(({ cookies }) => {
      addNodeCookies(response, cookies);
      next();
    }, next);
  };
}

/**
 * Wraps a handler whose `request.auth` is always set, except under `optional` requirements.
 * @example
 * createServer(guarded(ampho, { roles: ["editor"] }, (request, response) => response.end(request.auth.login)));
 */
export function guarded<S extends string>(
  ampho: GuardInstance<S>,
  handler: GuardedHandler<NoRequirements, S>,
): Listener;
export function guarded<S extends string, const N extends Requirements<IncomingMessage, S>, I extends GuardInstance>(
  ampho: I & GuardInstance<S>,
  requirements: N & LimitOf<I>,
  handler: GuardedHandler<N, S>,
): Listener;
export function guarded<N extends Requirements<IncomingMessage>>(
  ampho: GuardInstance,
  ...args: GuardedArguments<N, GuardedHandler<N>>
): Listener {
  return createGuarded(node, ampho, args);
}
