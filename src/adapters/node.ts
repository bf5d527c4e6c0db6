// `ampho/node`: Ampho on node:http, and on whatever calls handlers by (request, response, next).
import type { IncomingMessage, ServerResponse } from "node:http";
import { AmphoError } from "../errors.js";
import { writeResponse } from "../http/node/response.js";
import { isUnderPrefix, serveNodeRequest } from "../http/node/serve-request.js";
import { type GuardHost, type HttpHost, requireHost } from "../http/rest/host.js";
import type { Auth, AuthOf, NoRequirements, Requirements } from "../tokens/auth.js";
import { assertAuth, nodeGuard, requirementsAndHandler, validRequirements } from "./node-guard.js";

export {
  guardedUpgrade,
  offeredProtocols,
  type UpgradeHandler,
  type UpgradeHost,
  type UpgradeListener,
} from "./node-upgrade.js";

declare module "node:http" {
  interface IncomingMessage {
    /** Who is asking; set by `authorize` of `ampho/node`. */
    auth?: Auth | undefined;
  }
}

export type Next = (error?: unknown) => void;
export type Listener = (request: IncomingMessage, response: ServerResponse, next?: Next) => unknown;

/** Has `request.auth` for certain; under an `optional` requirements it may be undefined. */
export type GuardedHandler<N> = (request: WithAuth<N>, response: ServerResponse, next?: Next) => unknown;
type WithAuth<N> = IncomingMessage & { auth: AuthOf<N> };

/** Serves the REST API under its prefix; other paths go to `next`, or get 404 without one. */
export function mount(ampho: HttpHost): (request: IncomingMessage, response: ServerResponse, next?: Next) => void {
  requireHost(ampho);
  return (request, response, next) => {
    if (isUnderPrefix(ampho, request)) void serveNodeRequest(ampho, request, response);
    else if (next !== undefined) next();
    else {
      const error = new AmphoError("not_found", "There is nothing at this path.");
      writeResponse(request, response, ampho.refusal(error));
    }
  };
}

/** Middleware: sets `request.auth` and calls `next`, or answers with the refusal. */
export function authorize(
  ampho: GuardHost,
  requirements?: Requirements<IncomingMessage>,
): (request: IncomingMessage, response: ServerResponse, next: Next) => void {
  const asked = validRequirements(requirements, ampho);
  return (request, response, next) => {
    void through(ampho, asked, request, response, () => next());
  };
}

/** Wraps a handler whose `request.auth` is there for certain; under an `optional` requirements it may be undefined. */
export function guarded(ampho: GuardHost, handler: GuardedHandler<NoRequirements>): Listener;
export function guarded<const N extends Requirements<IncomingMessage>>(
  ampho: GuardHost,
  requirements: N,
  handler: GuardedHandler<N>,
): Listener;
export function guarded<N extends Requirements<IncomingMessage>>(
  ampho: GuardHost,
  ...rest: readonly [GuardedHandler<N>] | readonly [N, GuardedHandler<N>]
): Listener {
  const [requirements, handler] = requirementsAndHandler(rest, ampho);
  return (request, response, next) =>
    through(ampho, requirements, request, response, () => {
      assertAuth(request, requirements);
      return handler(request, response, next);
    });
}

function through(
  host: GuardHost,
  requirements: Requirements<IncomingMessage> | undefined,
  request: IncomingMessage,
  response: ServerResponse,
  proceed: () => unknown,
): unknown {
  return nodeGuard({
    host,
    requirements,
    message: request,
    request,
    onAccepted(auth) {
      request.auth = auth;
      return proceed();
    },
    onRejected: (rejected) => writeResponse(request, response, rejected.response),
  });
}
