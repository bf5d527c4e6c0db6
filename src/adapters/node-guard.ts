// The guard as adapters on node:http use it: at once where it can be, so that a request costs no turn of the event loop.
import type { IncomingMessage } from "node:http";
import type { Auth, AuthOf, Need } from "../tokens/auth.js";
import { AmphoError } from "../errors.js";
import { type GuardHost, requireHost } from "../http/rest/guard-host.js";
import { headOf, onlyAuthorizationOf } from "../http/node/request.js";
import { type Refusal, refusalOf } from "../http/rest/refusal.js";
import { checkNeed } from "./fetch-authorize.js";

export interface Gate<R, T> {
  readonly host: GuardHost;
  readonly need: Need<R> | undefined;
  /** Holds every raw Authorization value. */
  readonly message: IncomingMessage;
  /** The framework's own request, for `can`. */
  readonly request: R;
  admitted(auth: Auth | undefined): T;
  refused(refusal: Refusal): T;
}

/** Calls exactly one of `admitted` and `refused`; what they throw or reject with is theirs. */
export function admit<R, T>(gate: Gate<R, T>): T | Promise<Awaited<T>> {
  const { host, need, message, request } = gate;
  const refuse = (error: unknown) => gate.refused(refusalOf(host, error));
  let auth: Auth | undefined | Promise<Auth | undefined>;
  try {
    auth = host.guard(
      host.cookies === undefined ? onlyAuthorizationOf(message) : host.cookies.authorizationOf(headOf(message)),
      need,
      request,
    );
  } catch (error) {
    return refuse(error);
  }
  if (auth !== undefined && "then" in auth) return settle(auth, gate, refuse);
  return gate.admitted(auth);
}

async function settle<R, T>(
  pending: Promise<Auth | undefined>,
  gate: Gate<R, T>,
  refuse: (error: unknown) => T,
): Promise<Awaited<T>> {
  let auth: Auth | undefined;
  try {
    auth = await pending;
  } catch (error) {
    return await refuse(error);
  }
  return await gate.admitted(auth);
}

/** The need as it is now, so that nothing done to it later counts; undefined where none was given. Throws TypeErrors. */
export function givenNeed<N extends Need<never>>(need: N | undefined, host: GuardHost): N | undefined {
  requireHost(host);
  return need === undefined ? undefined : checkNeed(need, host);
}

/** What `guarded(ampho, handler)` and `guarded(ampho, need, handler)` were given; the need as `givenNeed` has it. */
export function needAndHandler<N extends Need<never>, H>(
  given: readonly [H] | readonly [N, H],
  host: GuardHost,
): readonly [N | undefined, H] {
  requireHost(host);
  return given.length === 1 ? [undefined, given[0]] : [checkNeed(given[0], host), given[1]];
}

/** For handlers that have `auth` for certain: the guard has seen to it, and nothing runs if it has not. */
export function assertAuth<N extends Need<never>>(
  holder: { readonly auth?: Auth | undefined },
  need: N | undefined,
): asserts holder is { readonly auth: AuthOf<N> } {
  if (holder.auth === undefined && need?.optional !== true)
    throw new AmphoError("missing_token", "A bearer token is needed.");
}
