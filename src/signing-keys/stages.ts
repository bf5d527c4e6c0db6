// The stages of a rotation that rejects no good token (docs/operate/signing-keys.md). A new key is published before it
// signs, and the old key verifies until all that it signed has expired. Each stage returns the next JWK Set.
import { importKeys } from "./jwk-set.js";
import { loginHashKeyOf } from "./login-hash-key.js";
import type { Jwk } from "./members.js";
import { asIs, inState, type KeyStanding, type KeyStandings, readStandings } from "./states.js";

export interface StageRules {
  /** Unix seconds. */
  readonly now: number;
}

export interface WaitingStageRules extends StageRules {
  /** How long a key has to have been in its state. */
  readonly waitSeconds: number;
  /** Does not wait. */
  readonly forced: boolean;
  readonly revoked?: ReadonlySet<string>;
}

export type StageOutcome =
  | {
      readonly outcome: "done";
      readonly set: { readonly keys: readonly Jwk[] };
      /** The keys that changed their state. The first is the key that the stage is about. */
      readonly kids: readonly [string, ...string[]];
    }
  | {
      readonly outcome: "rejected";
      readonly reason: "next_exists" | "no_next" | "revoked_next" | "no_previous" | "too_early";
      /** The key that is in the way or must wait. Undefined where there is nothing to do. */
      readonly kid?: string;
      /** When the stage can run. Also undefined when the set does not state since when the key waits. */
      readonly until?: number | undefined;
    };

/** Puts `jwk` behind the key that signs. Every stage throws ConfigurationError for a set that is not valid. */
export function publishNext(present: unknown, jwk: Jwk, { now }: StageRules): StageOutcome {
  const standings = readStandings(present);
  const [waiting] = nextOf(standings);
  if (waiting !== undefined) return { outcome: "rejected", reason: "next_exists", kid: waiting.kid };
  const { kid } = readStandings(jwk).current;
  return done(
    [asIs(standings.current), { ...jwk, state: "next", since: now }, ...standings.others.map(asIs)],
    standings,
    [kid],
  );
}

/** The `next` key signs from now on, and the key that signed becomes `previous`. */
export function activateNext(present: unknown, rules: WaitingStageRules): StageOutcome {
  const standings = readStandings(present);
  const [next] = nextOf(standings);
  if (next === undefined) return { outcome: "rejected", reason: "no_next" };
  // Every process rejects what it signs, so no login would succeed. Waiting or force does not change that.
  if (rules.revoked?.has(next.kid)) return { outcome: "rejected", reason: "revoked_next", kid: next.kid };
  const until = dueAt(next, rules);
  if (!isDue(until, rules)) return { outcome: "rejected", reason: "too_early", kid: next.kid, until };
  const { current, others } = standings;
  // Only the first key uses it, and fewer copies are better.
  const { conceal: _conceal, ...previous } = inState(current, "previous", rules.now);
  const activated = { ...inState(next, "current", rules.now), conceal: loginHashKeyText(present) };
  const behind = others.filter((one) => one !== next).map(asIs);
  return done([activated, previous, ...behind], standings, [next.kid, current.kid]);
}

/** Takes out the `previous` keys that have waited for long enough, and revoked keys, which nothing accepts, at once. */
export function retirePrevious(present: unknown, rules: WaitingStageRules): StageOutcome {
  const standings = readStandings(present);
  const isRevoked = ({ kid }: KeyStanding) => rules.revoked?.has(kid) === true;
  const previous = standings.others.filter((one) => one.state === "previous" || isRevoked(one));
  const [first, ...rest] = previous.filter((one) => isRevoked(one) || isDue(dueAt(one, rules), rules));
  if (first === undefined) {
    const [soonest] = [...previous].sort((a, b) => (a.since ?? Infinity) - (b.since ?? Infinity));
    if (soonest === undefined) return { outcome: "rejected", reason: "no_previous" };
    return { outcome: "rejected", reason: "too_early", kid: soonest.kid, until: dueAt(soonest, rules) };
  }
  const gone = [first, ...rest];
  const kept = standings.others.filter((one) => !gone.includes(one));
  const kids = [first.kid, ...rest.map(({ kid }) => kid)] as const;
  return done([asIs(standings.current), ...kept.map(asIs)], standings, kids);
}

const nextOf = ({ others }: KeyStandings) => others.filter(({ state }) => state === "next");

const dueAt = ({ since }: KeyStanding, { waitSeconds }: WaitingStageRules) =>
  since === undefined ? undefined : since + waitSeconds;

const isDue = (until: number | undefined, { now, forced }: WaitingStageRules): boolean =>
  forced || (until !== undefined && now >= until);

/** The secret of the login hashes stays the same when another key signs. */
function loginHashKeyText(present: unknown): string {
  const [signing] = importKeys(present).keys;
  if (signing === undefined) throw new TypeError("a good configuration has a key");
  return loginHashKeyOf(signing).export().toString("base64url");
}

function done(keys: readonly Jwk[], { unsupported }: KeyStandings, kids: readonly [string, ...string[]]): StageOutcome {
  const set = { keys: [...keys, ...unsupported] };
  // The processes check the same.
  importKeys(set);
  return { outcome: "done", set, kids };
}

/**
 * The JWK Set to configure next. `next` is first. The keys of `current` (a JWK or a JWK Set) follow, the first `keep`
 * of them or all, with their own members. `alg` and `kid` are written out, so that they no longer depend on a
 * parameter. Throws ConfigurationError when `current` or the result is not a good configuration.
 */
export function rotateKeys(
  current: unknown,
  next: Jwk,
  options: { readonly keep?: number | undefined } = {},
): { readonly keys: readonly Jwk[] } {
  const { jwks } = readStandings(current);
  const rotated = { keys: [next, ...jwks.slice(0, options.keep ?? jwks.length)] };
  importKeys(rotated);
  return rotated;
}
