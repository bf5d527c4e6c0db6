// The stages of a rotation: how each of them changes a set of keys, and when it rejects the change.
import { describe, expect, test } from "vitest";
import { ConfigurationError } from "../../dist/errors.js";
import { generateJwk } from "../../dist/signing-keys/generate.js";
import { importKeys, publicJwkSet } from "../../dist/signing-keys/jwk-set.js";
import { loginHashKeyOf } from "../../dist/signing-keys/login-hash-key.js";
import type { Jwk } from "../../dist/signing-keys/members.js";
import {
  activateNext,
  publishNext,
  retirePrevious,
  rotateKeys,
  type StageOutcome,
} from "../../dist/signing-keys/stages.js";
import { readStandings } from "../../dist/signing-keys/states.js";

const now = 1_790_000_000;
const waiting = { now: now + 600, waitSeconds: 600, forced: false };
const [a, b, c] = [generateJwk("HS256"), generateJwk("EdDSA"), generateJwk("ES256")];

function setOf(outcome: StageOutcome): { readonly keys: readonly Jwk[] } {
  if (outcome.outcome !== "done") throw new Error(`rejected: ${outcome.reason}`);
  return outcome.set;
}
const loginHashKeys = (set: unknown) =>
  importKeys(set)
    .keys.slice(0, 1)
    .map((key) => loginHashKeyOf(key).export());
/** The members that the file of keys contains about the rotation. */
const states = (set: { readonly keys: readonly Jwk[] }) => set.keys.map(({ kid, state, since }) => [kid, state, since]);

const published = setOf(publishNext(a, b, { now }));
const activated = setOf(activateNext(published, waiting));
const retired = setOf(retirePrevious(activated, { ...waiting, now: now + 1200 }));

describe("a rotation", () => {
  test("each stage writes the states of the keys and their times into the set", () => {
    expect(states(published)).toEqual([
      [a["kid"], "current", undefined],
      [b["kid"], "next", now],
    ]);
    expect(states(activated)).toEqual([
      [b["kid"], "current", now + 600],
      [a["kid"], "previous", now + 600],
    ]);
    expect(states(retired)).toEqual([[b["kid"], "current", now + 600]]);
  });

  test("the set is a valid configuration after each stage, with the signing key first", () => {
    const kids = (set: unknown) => importKeys(set).keys.map(({ kid }) => kid);
    expect([published, activated, retired].map(kids)).toEqual([[a["kid"], b["kid"]], [b["kid"], a["kid"]], [b["kid"]]]);
  });

  test("a stage that comes too early reports the second from which it is allowed", () => {
    const early = { ...waiting, now: now + 599 };
    expect(activateNext(published, early)).toEqual({
      outcome: "rejected",
      reason: "too_early",
      kid: b["kid"],
      until: now + 600,
    });
    expect(retirePrevious(activated, { ...waiting, now: now + 1199 })).toMatchObject({
      reason: "too_early",
      kid: a["kid"],
      until: now + 1200,
    });
  });

  test("a forced stage does not wait", () => {
    const forced = { now, waitSeconds: 600, forced: true };
    const next = setOf(activateNext(published, forced));
    expect(states(setOf(retirePrevious(next, forced)))).toEqual([[b["kid"], "current", now]]);
  });

  test("a revoked key is removed at once, whatever its state, and a revoked key that signs stays", () => {
    const set = { keys: [a, { ...b, state: "next", since: now }, c] };
    const revoked = new Set([a["kid"], b["kid"], c["kid"]].map(String));
    const outcome = retirePrevious(set, { ...waiting, revoked });
    expect(outcome).toMatchObject({ outcome: "done", kids: [b["kid"], c["kid"]] });
    expect(states(setOf(outcome)).map(([kid]) => kid)).toEqual([a["kid"]]);
  });

  test("a revoked next key never signs, whether it has waited or is forced", () => {
    const revoked = new Set([String(b["kid"])]);
    for (const rules of [waiting, { ...waiting, forced: true }])
      expect(activateNext(published, { ...rules, revoked })).toEqual({
        outcome: "rejected",
        reason: "revoked_next",
        kid: b["kid"],
      });
    expect(activateNext(published, { ...waiting, revoked: new Set([String(a["kid"])]) })).toMatchObject({
      outcome: "done",
    });
  });

  test("a set has at most one next key, and a stage without its key is rejected", () => {
    expect(publishNext(published, c, { now })).toEqual({ outcome: "rejected", reason: "next_exists", kid: b["kid"] });
    expect(activateNext(a, waiting)).toEqual({ outcome: "rejected", reason: "no_next" });
    expect(retirePrevious(published, waiting)).toEqual({ outcome: "rejected", reason: "no_previous" });
  });

  test("a rotation can begin before the last one ends, and each previous key has its own wait", () => {
    const again = setOf(publishNext(activated, c, { now: now + 700 }));
    expect(states(again).map(([, state]) => state)).toEqual(["current", "next", "previous"]);
    const two = setOf(activateNext(again, { ...waiting, now: now + 1300 }));
    expect(states(two).map(([kid, state]) => [kid, state])).toEqual([
      [c["kid"], "current"],
      [b["kid"], "previous"],
      [a["kid"], "previous"],
    ]);
    const outcome = retirePrevious(two, { ...waiting, now: now + 1300 });
    expect(outcome).toMatchObject({ outcome: "done", kids: [a["kid"]] });
    expect(states(setOf(outcome)).map(([kid]) => kid)).toEqual([c["kid"], b["kid"]]);
  });

  test("the secret of the login hashes stays the same through every stage and the next rotation", () => {
    const next = setOf(activateNext(setOf(publishNext(retired, c, { now })), { ...waiting, forced: true }));
    for (const set of [published, activated, retired, next]) expect(loginHashKeys(set)).toEqual(loginHashKeys(a));
    expect(loginHashKeys(rotateKeys(a, b))).not.toEqual(loginHashKeys(a));
    // Only the signing key contains the secret.
    expect(next.keys.map((jwk) => "conceal" in jwk)).toEqual([true, false]);
  });

  test("the public key set contains nothing about the rotation", () => {
    for (const set of [published, activated])
      for (const jwk of publicJwkSet(importKeys(set).keys).keys)
        expect(Object.keys(jwk).sort()).toEqual(["alg", "crv", "kid", "kty", "use", "x"]);
  });
});

describe("a set that was written by hand or by a rotation without stages", () => {
  const plain = rotateKeys({ keys: [b, a] }, c);

  test("a stage changes only its own key, because the owner of the other keys is unknown", () => {
    const foreign = { kty: "AKP", x: 1 };
    const next = setOf(publishNext({ keys: [...plain.keys, foreign] }, generateJwk("HS256"), { now }));
    expect(states(next).map(([, state]) => state)).toEqual(["current", "next", undefined, undefined, undefined]);
    expect(next.keys.slice(2)).toEqual([b, a, foreign]);
    const [, previous] = setOf(activateNext(next, waiting)).keys;
    expect(previous).toMatchObject({ kid: c["kid"], state: "previous" });
    const end = setOf(retirePrevious(setOf(activateNext(next, waiting)), { ...waiting, forced: true }));
    expect(end.keys.slice(1)).toEqual([b, a, foreign]);
  });

  test("the first key signs, whatever state it has", () => {
    const standings = readStandings({
      keys: [
        { ...a, state: "next", since: now },
        { ...b, state: "current" },
      ],
    });
    expect([standings.current, ...standings.others].map(({ state, since }) => [state, since])).toEqual([
      ["current", undefined],
      ["unknown", undefined],
    ]);
  });

  test.each(["soon", -1, 1.5, null, {}])("a next key with the time %j waits until the stage is forced", (since) => {
    const set = { keys: [a, { ...b, state: "next", since }] };
    expect(activateNext(set, waiting)).toEqual({
      outcome: "rejected",
      reason: "too_early",
      kid: b["kid"],
      until: undefined,
    });
    expect(setOf(activateNext(set, { ...waiting, forced: true })).keys[0]).toMatchObject({
      kid: b["kid"],
      since: now + 600,
    });
  });

  test("a `conceal` of another length or spelling is rejected, without its value", () => {
    for (const conceal of ["c2hvcnQ", "?", 7]) {
      const load = () => importKeys({ ...a, conceal });
      expect(load).toThrow(ConfigurationError);
      expect(load).toThrow(/^`conceal` must /);
      expect(load).not.toThrow(String(conceal) === "?" ? "?" : String(conceal));
    }
  });
});
