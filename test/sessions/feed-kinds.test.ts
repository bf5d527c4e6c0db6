// A verifier that does not know the kind of a revocation receives a broader entry. It must reject at least what the entry
// of the original kind rejects.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { broadenEntry, feedKinds, feedNames, fromFeedEntry, toFeedEntry } from "../../dist/sessions/feed-entry.js";
import { createRevocationSet, type RevocableClaims } from "../../dist/sessions/revocation-set.js";
import type { Revocation } from "../../dist/store/revocation.js";

const at = 1_790_000_000;
const common = { n: 1, at, until: at + 100_000 };
const user = { userId: "u-1", login: "alice" };

const rows: readonly Revocation[] = [
  { ...common, kind: "session", sessionId: "0.one" },
  { ...common, kind: "user", ...user },
  { ...common, kind: "roles", ...user, rolesVersion: 7, roles: ["editor"] },
  { ...common, kind: "all", era: 1 },
];

/** Tokens that were issued before the revocation, of this user and of others, with a session and without. */
const tokens: fc.Arbitrary<RevocableClaims> = fc.record(
  {
    login: fc.constantFrom("alice", "bob"),
    sub: fc.constantFrom("u-1", "u-2"),
    sid: fc.constantFrom("0.one", "0.two", "1.three"),
    ver: fc.constantFrom(6, 7),
    iat: fc.constantFrom(at - 1, at),
    roles: fc.subarray(["editor", "reader"]),
  },
  { requiredKeys: ["login"] },
);

function setOf(row: Revocation, kinds: readonly string[]) {
  const set = createRevocationSet(feedNames, () => undefined);
  const entry: unknown = JSON.parse(JSON.stringify(broadenEntry(toFeedEntry(row), new Set(kinds))));
  const read = fromFeedEntry(entry);
  if (read === undefined) throw new Error("the verifier cannot read the entry");
  set.add([read]);
  return { set, read };
}

describe("a broader entry", () => {
  it("a broader entry rejects every token that the original entry rejects", () => {
    fc.assert(
      fc.property(fc.constantFrom(...rows), fc.subarray([...feedKinds]), tokens, (row, kinds, claims) => {
        const original = setOf(row, feedKinds).set.find(claims);
        const { set, read } = setOf(row, kinds);
        expect([...kinds, "all"]).toContain(read.kind);
        if (original !== undefined) expect(set.find(claims)).toBeDefined();
      }),
      { seed: 20_260_101, numRuns: 2_000 },
    );
  });

  it("a token that was issued after the revocation is not rejected by a broader entry", () => {
    const later = { login: "alice", sub: "u-1", sid: "0.two", iat: at + 1, ver: 7, roles: ["editor"] };
    for (const row of rows.filter(({ kind }) => kind !== "all"))
      expect(setOf(row, ["user", "all"]).set.find(later)).toBeUndefined();
  });

  it("a verifier that does not know revoked keys rejects all tokens, because a thief can sign new ones", () => {
    const { set } = setOf({ ...common, kind: "signing_key", kid: "stolen" }, ["session", "user", "all"]);
    expect(set.find({ login: "bob", sid: "5.x", iat: at + 99_999 })).toBe("all");
    expect(set.find({ login: "bob", iat: at + 99_999 })).toBe("all");
  });
});
