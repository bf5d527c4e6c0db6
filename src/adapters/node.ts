// `ampho/node`: Ampho on node:http, and on whatever calls handlers by (request, response, next).
import type { IncomingMessage, ServerResponse } from "node:http";
import { AmphoError } from "../errors.js";
import { writeResponse } from "../http/node/response.js";
import { isUnderPrefix, serveNodeRequest } from "../http/node/serve-request.js";
import { type GuardHost, type GuardInstance, type HttpInstance, hostOf } from "../http/rest/host.js";
import type { Auth, AuthOf, NoRequirements, Requirements } from "../tokens/auth.js";
import { assertAuth, nodeGuard, requirementsAndHandler, validRequirements } from "./node-guard.js";

export {
  guardedUpgrade,
  offeredProtocols,
  type UpgradeHandler,
  type UpgradeInstance,
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
export function mount(ampho: HttpInstance): (request: IncomingMessage, response: ServerResponse, next?: Next) => void {
  const host = hostOf(ampho);
  return (request, response, next) => {
    if (isUnderPrefix(host, request)) void serveNodeRequest(host, request, response);
    else if (next !== undefined) next();
    else {
      const error = new AmphoError("not_found", "There is nothing at this path.");
      writeResponse(request, response, host.refusal(error));
    }
  };
}

/** Middleware: sets `request.auth` and calls `next`, or answers with the refusal. */
export function authorize(
  ampho: GuardInstance,
  requirements?: Requirements<IncomingMessage>,
): (request: IncomingMessage, response: ServerResponse, next: Next) => void {
  const host = hostOf(ampho);
  const asked = validRequirements(requirements, host);
  return (request, response, next) => {
    void through(host, asked, request, response, () => next());
  };
}

/** Wraps a handler whose `request.auth` is there for certain; under an `optional` requirements it may be undefined. */
export function guarded(ampho: GuardInstance, handler: GuardedHandler<NoRequirements>): Listener;
export function guarded<const N extends Requirements<IncomingMessage>>(
  ampho: GuardInstance,
  requirements: N,
  handler: GuardedHandler<N>,
): Listener;
export function guarded<N extends Requirements<IncomingMessage>>(
  ampho: GuardInstance,
  ...rest: readonly [GuardedHandler<N>] | readonly [N, GuardedHandler<N>]
): Listener {
  const host = hostOf(ampho);
  const [requirements, handler] = requirementsAndHandler(rest, host);
  return (request, response, next) =>
    through(host, requirements, request, response, () => {
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
