// The guard as adapters on node:http use it: at once where it can be, so that a request costs no turn of the event loop.
import type { IncomingMessage } from "node:http";
import { AmphoError } from "../errors.js";
import { headOf, onlyAuthorizationOf } from "../http/node/request.js";
import type { GuardHost } from "../http/rest/host.js";
import { type RejectedRequest, toRejectedRequest } from "../http/rest/responses/rejected-request.js";
import type { Auth, AuthOf, Requirements } from "../tokens/auth.js";
import { checkRequirements } from "./fetch-authorize.js";

export interface NodeGuardOptions<R, T> {
  readonly host: GuardHost;
  readonly requirements: Requirements<R> | undefined;
  /** Holds every raw Authorization value. */
  readonly message: IncomingMessage;
  /** The framework's own request, for `can`. */
  readonly request: R;
  onAccepted(auth: Auth | undefined): T;
  onRejected(refusal: RejectedRequest): T;
}

/** Calls exactly one of `admitted` and `refused`; what they throw or reject with is theirs. */
export function nodeGuard<R, T>(gate: NodeGuardOptions<R, T>): T | Promise<Awaited<T>> {
  const { host, requirements, message, request } = gate;
  const refuse = (error: unknown) => gate.onRejected(toRejectedRequest(host, error));
  let auth: Auth | undefined | Promise<Auth | undefined>;
  try {
    auth = host.guard(
      host.cookies === undefined ? onlyAuthorizationOf(message) : host.cookies.authorizationOf(headOf(message)),
      requirements,
      request,
    );
  } catch (error) {
    return refuse(error);
  }
  if (auth !== undefined && "then" in auth) return settle(auth, gate, refuse);
  return gate.onAccepted(auth);
}

async function settle<R, T>(
  pending: Promise<Auth | undefined>,
  gate: NodeGuardOptions<R, T>,
  refuse: (error: unknown) => T,
): Promise<Awaited<T>> {
  let auth: Auth | undefined;
  try {
    auth = await pending;
  } catch (error) {
    return await refuse(error);
  }
  return await gate.onAccepted(auth);
}

/** The requirements as it is now, so that nothing done to it later counts; undefined where none was given. Throws TypeErrors. */
export function validRequirements<N extends Requirements<never>>(
  requirements: N | undefined,
  host: GuardHost,
): N | undefined {
  return requirements === undefined ? undefined : checkRequirements(requirements, host);
}

/** What `guarded(ampho, handler)` and `guarded(ampho, requirements, handler)` were given; the requirements as `givenNeed` has it. */
export function requirementsAndHandler<N extends Requirements<never>, H>(
  given: readonly [H] | readonly [N, H],
  host: GuardHost,
): readonly [N | undefined, H] {
  return given.length === 1 ? [undefined, given[0]] : [checkRequirements(given[0], host), given[1]];
}

/** For handlers that have `auth` for certain: the guard has seen to it, and nothing runs if it has not. */
export function assertAuth<N extends Requirements<never>>(
  holder: { readonly auth?: Auth | undefined },
  requirements: N | undefined,
): asserts holder is { readonly auth: AuthOf<N> } {
  if (holder.auth === undefined && requirements?.optional !== true)
    throw new AmphoError("missing_token", "A bearer token is needed.");
}
