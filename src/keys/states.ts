// Where a key of the configured set stands in its rotation. It is written into the set itself, as members of the private
// JWKs (additional members are legal, RFC 7517 §4): `state`, and in `since` the NumericDate (RFC 7519 §2) of when the key
// came into it. They are not published, and a set without them is as good: by the contract its first key signs.
import type { Algorithm } from "./algorithms.js";
import { importJwk, isJwk } from "./jwk.js";
import { importKeys, listJwks } from "./jwk-set.js";
import { type Jwk, sinceOf } from "./members.js";

/**
 * `current`: the first one, which signs, whatever it says of itself. `next`: published and verifying, not signing yet.
 * `previous`: it signed before, and verifies until nothing that it signed is good any more. `unknown`: put behind the first
 * by hand or by a plain `sec-rotate-key`; it verifies, and is nobody's to take out.
 */
export type KeyState = "current" | "next" | "previous" | "unknown";

export interface KeyStanding {
  /** With `alg` and `kid` written out, so that neither depends on a setting any more. */
  readonly jwk: Jwk;
  readonly kid: string;
  readonly state: KeyState;
  /** Unix seconds; undefined when the set does not say. */
  readonly since: number | undefined;
}

export interface KeyStandings {
  readonly current: KeyStanding;
  /** All behind the first, in their order. */
  readonly others: readonly KeyStanding[];
  /** Members of a kind that is passed over (RFC 7517 §5). */
  readonly unsupported: readonly Jwk[];
}

/**
 * Reads a JWK or JWK Set. `algorithm`: AMPHO_SECURITY_TOKEN_ALG, for keys that name none.
 * Throws ConfigurationError when it is not a good configuration.
 */
export function readStandings(set: unknown, algorithm?: Algorithm): KeyStandings {
  importKeys(set, { algorithm });
  const standings: KeyStanding[] = [];
  const unsupported: Jwk[] = [];
  for (const jwk of listJwks(set).filter(isJwk)) {
    const reading = importJwk(jwk, algorithm);
    if (reading.outcome !== "imported") unsupported.push(jwk);
    else {
      const { kid, algorithm: alg } = reading.key;
      const state = standings.length === 0 ? "current" : stateOf(jwk);
      standings.push({ jwk: { ...jwk, alg, kid }, kid, state, since: sinceOf(jwk, state) });
    }
  }
  const [current, ...others] = standings;
  if (current === undefined) throw new TypeError("a good configuration has a key");
  return { current, others, unsupported };
}

function stateOf({ state }: Jwk): KeyState {
  return state === "next" || state === "previous" ? state : "unknown";
}

/** The JWK in a state, from some moment on. */
export function inState(
  { jwk }: KeyStanding,
  state: Exclude<KeyState, "unknown">,
  since: number | undefined,
): Record<string, unknown> {
  const { state: _state, since: _since, ...rest } = jwk;
  return { ...rest, state, ...(since === undefined ? {} : { since }) };
}

/** As it stands. */
export function asIs(standing: KeyStanding): Jwk {
  return standing.state === "unknown" ? standing.jwk : inState(standing, standing.state, standing.since);
}
