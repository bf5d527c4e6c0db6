// The state of a key in its rotation. The set itself contains it, as additional members of the private JWKs (RFC 7517
// §4). They are `state`, and in `since` the NumericDate (RFC 7519 §2) at which the key came into it. These members are
// not published. A set without them works too, because its first key signs.
import { importJwk, isJwk } from "./jwk.js";
import { importKeys, listJwks } from "./jwk-set.js";
import { type Jwk, sinceOf } from "./members.js";

/**
 * `current` is the first key, which signs, whatever its member states. `next` is published and verifies, but does not
 * sign yet. `previous` signed before, and verifies until all that it signed has expired. `unknown` was added behind the
 * first by hand or by `sec-rotate-key` without a stage. It verifies, and no stage removes it.
 */
export type KeyState = "current" | "next" | "previous" | "unknown";

export interface KeyStanding {
  /** The JWK with `alg` and `kid` written out, so that neither depends on a parameter. */
  readonly jwk: Jwk;
  readonly kid: string;
  readonly state: KeyState;
  /** Unix seconds, undefined when the set does not state it. */
  readonly since: number | undefined;
}

export type KeyStandings = ReturnType<typeof readStandings>;

/** Throws ConfigurationError for a bad set. */
export function readStandings(set: unknown) {
  importKeys(set);
  const standings: KeyStanding[] = [];
  /** All keys, in their order. */
  const jwks: Jwk[] = [];
  /** Keys of an unsupported type are skipped (RFC 7517 §5). */
  const unsupported: Jwk[] = [];
  for (const jwk of listJwks(set).filter(isJwk)) {
    const reading = importJwk(jwk);
    if (reading.outcome === "imported") {
      const { kid, algorithm: alg } = reading.key;
      const state = standings.length === 0 ? "current" : stateOf(jwk);
      const standing = { jwk: { ...jwk, alg, kid }, kid, state, since: sinceOf(jwk, state) };
      standings.push(standing);
      jwks.push(standing.jwk);
    } else {
      unsupported.push(jwk);
      jwks.push(jwk);
    }
  }
  const [current, ...others] = standings;
  if (current === undefined) throw new TypeError("a good configuration has a key");
  return { current, others, unsupported, jwks };
}

const stateOf = ({ state }: Jwk): KeyState => (state === "next" || state === "previous" ? state : "unknown");

/** The JWK with a state and the time since which it has the state. */
export function inState(
  { jwk }: KeyStanding,
  state: Exclude<KeyState, "unknown">,
  since: number | undefined,
): Record<string, unknown> {
  const { state: _state, since: _since, ...rest } = jwk;
  return { ...rest, state, ...(since === undefined ? {} : { since }) };
}

/** The JWK with its present state. */
export const asIs = (standing: KeyStanding): Jwk =>
  standing.state === "unknown" ? standing.jwk : inState(standing, standing.state, standing.since);

/** Within this time every process has read a changed key file. A Kubernetes secret takes two minutes. */
export const rolloutSeconds = 300;
/** `max-age` of the published JWK Set. A proxy can serve an older set for this long. */
export const publishedKeysMaxAgeSeconds = 300;
/** How long verifiers keep a set by themselves. 5 minutes are common, and 10 are the default of jose and jwks-rsa. */
const verifierCacheSeconds = 600;

/** The wait from the publication of a key to its first signature. */
export const activateWaitSeconds = rolloutSeconds + publishedKeysMaxAgeSeconds + verifierCacheSeconds;
