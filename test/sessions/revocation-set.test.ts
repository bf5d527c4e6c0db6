// The bounded set of revocations: the tokens that each kind of row rejects, and how the set follows the numbers of the database.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRevocationSet, databaseNames, type RevocableClaims } from "../../dist/sessions/revocation-set.js";
import type { Revocation } from "../../dist/store/revocation.js";
import type { RevocationPage } from "../../dist/store/sql/rows/revocations.js";

const at = 1000;
const session = (n: number, sessionId: string, until = 2000): Revocation => ({
  kind: "session",
  n,
  at,
  until,
  sessionId,
});
const user = (n: number): Revocation => ({ kind: "user", n, at, until: 2000, userId: "u1", login: "Ann" });
const roles = (n: number): Revocation => ({
  kind: "roles",
  n,
  at,
  until: 2000,
  userId: "u1",
  login: "Ann",
  rolesVersion: 3,
  roles: ["editor"],
});
const all = (n: number, era: number): Revocation => ({ kind: "all", n, at, until: 2000, era });
const page = (last: number, rows: readonly Revocation[], epoch = "e1"): RevocationPage => ({
  epoch,
  last,
  more: false,
  rows,
});

function createSet(...rows: readonly Revocation[]) {
  const errors: unknown[] = [];
  const set = createRevocationSet(databaseNames, (error) => errors.push(error));
  set.add(rows);
  const reported: Revocation[] = [];
  set.listen((row) => reported.push(row));
  return { set, errors, reported };
}

describe("the tokens that a row rejects", () => {
  const tokens: Readonly<Record<string, RevocableClaims>> = {
    ofSession: { sub: "u1", login: "Ann", sid: "0.s1", ver: 3, iat: 900, roles: ["editor"] },
    ofSessionWithOldRoles: { sub: "u1", login: "Ann", sid: "0.s2", ver: 2, iat: 900, roles: ["editor"] },
    ofSessionWithOtherRoles: { sub: "u1", login: "Ann", sid: "0.s3", ver: 2, iat: 900, roles: ["reader"] },
    ofSessionWithoutVersion: { sub: "u1", login: "Ann", sid: "0.s4", iat: 900, roles: ["editor"] },
    ofNextEra: { sub: "u1", login: "Ann", sid: "1.s5", ver: 3, iat: 900 },
    ofLaterEra: { sub: "u1", login: "Ann", sid: "a.s6", ver: 3, iat: 900 },
    ofNoEra: { sub: "u1", login: "Ann", sid: "made-elsewhere", iat: 900 },
    bySub: { sub: "u1", login: "other", iat: at },
    bySubLater: { sub: "u1", login: "other", iat: at + 1 },
    byLogin: { login: "ANN", iat: 900, roles: ["editor"] },
    byLoginWithoutIat: { login: "ａnn" },
    byLoginLater: { login: "ann", iat: at + 1, roles: ["editor"] },
    ofAnother: { sub: "u2", login: "anna", iat: 900, roles: ["editor"] },
    // The login of a deleted user can be another user's by now. With a session, `sub` alone names the user.
    ofAnotherSession: { sub: "u2", login: "ann", sid: "0.s7", ver: 1, iat: 900, roles: ["editor"] },
  };

  const rejectedBy = (row: Revocation) => {
    const { set } = createSet(row);
    return Object.entries(tokens)
      .filter(([, claims]) => set.find(claims) === row.kind)
      .map(([name]) => name);
  };

  it.each<[Revocation, readonly string[]]>([
    [session(1, "0.s1"), ["ofSession"]],
    [user(1), ["ofNoEra", "bySub", "byLogin", "byLoginWithoutIat"]],
    [roles(1), ["ofSessionWithOldRoles", "ofSessionWithoutVersion", "byLogin"]],
    [
      all(1, 1),
      [
        "ofSession",
        "ofSessionWithOldRoles",
        "ofSessionWithOtherRoles",
        "ofSessionWithoutVersion",
        "ofNoEra",
        "bySub",
        "byLogin",
        "byLoginWithoutIat",
        "ofAnother",
        "ofAnotherSession",
      ],
    ],
    [{ kind: "signing_key", n: 1, at, until: 2000, kid: "k1" }, []],
  ])("%o", (row, names) => {
    expect(rejectedBy(row)).toEqual(names);
  });

  it("a revoked key is in the set of keys, and in no other", () => {
    const { set } = createSet({ kind: "signing_key", n: 1, at, until: 2000, kid: "k1" });
    expect([...set.revokedKeys]).toEqual(["k1"]);
  });

  it("the latest of two ends of everything counts, in whatever order they come", () => {
    for (const rows of [
      [all(1, 1), all(2, 2)],
      [all(2, 2), all(1, 1)],
    ])
      expect(createSet(...rows).set.find({ login: "x", sid: "1.s", iat: 900 })).toBe("all");
  });

  it("a later end of everything, by a clock that was set back, does not undo an earlier one", () => {
    const [first, later] = [all(1, 1), { ...all(2, 2), at: at - 60 }];
    for (const rows of [
      [first, later],
      [later, first],
    ]) {
      const { set } = createSet(...rows);
      expect(set.find({ login: "x", iat: at - 30 })).toBe("all");
      expect(set.find({ login: "x", iat: at + 1 })).toBeUndefined();
      expect(set.find({ login: "x", sid: "1.s", iat: at + 1 })).toBe("all");
    }
  });
});

it("no further revocation, by any clock, makes a rejected token valid again", () => {
  const common = { n: fc.constant(0), at: fc.integer({ min: 998, max: 1002 }), until: fc.constant(2000) };
  const person = { userId: fc.constantFrom("u1", "u2"), login: fc.constantFrom("Ann", "eve") };
  const someRoles = fc.subarray(["editor", "reader"], { minLength: 1 });
  const version = fc.integer({ min: 1, max: 4 });
  const sessionId = fc.constantFrom("0.s", "1.s", "2.s", "made-elsewhere");
  const row: fc.Arbitrary<Revocation> = fc.oneof(
    fc.record({ ...common, kind: fc.constant("session"), sessionId }),
    fc.record({ ...common, kind: fc.constant("user"), ...person }),
    fc.record({ ...common, kind: fc.constant("roles"), ...person, rolesVersion: version, roles: someRoles }),
    fc.record({ ...common, kind: fc.constant("all"), era: fc.integer({ min: 0, max: 3 }) }),
  );
  const token: fc.Arbitrary<RevocableClaims> = fc.record({
    sub: fc.option(person.userId, { nil: undefined }),
    login: person.login,
    sid: fc.option(sessionId, { nil: undefined }),
    ver: fc.option(version, { nil: undefined }),
    iat: fc.option(common.at, { nil: undefined }),
    roles: someRoles,
  });
  fc.assert(
    fc.property(fc.array(row, { maxLength: 8 }), token, (rows, claims) => {
      const { set } = createSet();
      let rejected = false;
      for (const [index, each] of rows.entries()) {
        set.add([{ ...each, n: index + 1 }]);
        const isRejected = set.find(claims) !== undefined;
        expect(isRejected).toBe(isRejected || rejected);
        rejected = isRejected;
      }
    }),
    { numRuns: 3000 },
  );
});

describe("following the database", () => {
  it("the set applies pages, reports each row once, and changes its version only for a new row", () => {
    const { set, reported } = createSet();
    set.add([session(1, "0.own")]);
    const { version } = set;
    expect(set.applyPage(page(1, [session(1, "0.own")]), 0)).toBe(false);
    expect(set.applyPage(page(2, [session(2, "0.other")]), 1)).toBe(false);
    expect(set.applyPage(page(2, []), 2)).toBe(false);
    expect([set.after, set.size]).toEqual([2, 2]);
    expect(reported.map(({ n }) => n)).toEqual([1, 2]);
    expect(set.version).toBeGreaterThan(version);
    const settled = set.version;
    set.applyPage(page(2, []), 2);
    expect(set.version).toBe(settled);
  });

  it("the set misses no row below one that this process wrote", () => {
    const { set, reported } = createSet();
    set.applyPage(page(3, []), 0);
    set.add([session(5, "0.own")]);
    set.applyPage(page(5, [session(4, "0.other"), session(5, "0.own")]), 3);
    expect(reported.map(({ n }) => n)).toEqual([5, 4]);
    expect(set.find({ login: "x", sid: "0.other" })).toBe("session");
  });

  it.each([
    ["another epoch", page(9, [], "e2")],
    ["a number that went back", page(1, [])],
  ])("%s makes the set ask to read everything again, and its rows stay in effect", (_, strange) => {
    const { set, reported } = createSet();
    set.applyPage(page(2, [session(1, "0.old"), session(2, "0.lost")]), 0);
    expect(set.applyPage(strange, 2)).toBe(true);
    expect(set.after).toBe(0);
    // The store knows one of the rows still, under its number, and gives the other's number to something else.
    expect(set.applyPage(page(2, [session(1, "0.old"), session(2, "0.new")], strange.epoch), 0)).toBe(false);
    for (const sid of ["0.old", "0.lost", "0.new"]) expect(set.find({ login: "x", sid })).toBe("session");
    expect(reported.map((row) => row.kind === "session" && row.sessionId)).toEqual(["0.old", "0.lost", "0.new"]);
    set.applyPage(page(3, [session(3, "0.next")], strange.epoch), 2);
    expect(set.find({ login: "x", sid: "0.next" })).toBe("session");
  });

  it("a set that is read again in several pages has and reports each row once", () => {
    const { set, reported } = createSet();
    set.applyPage(page(3, [session(1, "0.s1"), user(2), session(3, "0.s3")]), 0);
    expect(set.applyPage(page(3, [], "e2"), 3)).toBe(true);
    for (const [last, row] of [session(1, "0.s1"), user(2), session(3, "0.s3")].entries())
      expect(set.applyPage(page(last + 1, [row], "e2"), last)).toBe(false);
    expect([set.size, reported.length, set.after]).toEqual([3, 3, 3]);
    for (const sid of ["0.s1", "0.s3"]) expect(set.find({ login: "x", sid })).toBe("session");
    set.sweep(2000);
    expect(set.size).toBe(0);
  });

  it("the set keeps both rows of a number that a restored database assigns again", () => {
    const { set, reported } = createSet(session(1, "0.s1"));
    set.applyPage(page(1, [session(1, "0.s1")]), 0);
    set.add([session(1, "0.s2")]);
    set.add([session(1, "0.s2")]);
    expect(reported).toEqual([session(1, "0.s2")]);
    // And what else the store has by now is read.
    expect(set.after).toBe(0);
    const rejected = () => ["0.s1", "0.s2", "0.s3"].filter((sid) => set.find({ login: "ann", sid }) !== undefined);
    expect(rejected()).toEqual(["0.s1", "0.s2"]);
    set.sweep(1999);
    expect(rejected()).toEqual(["0.s1", "0.s2"]);
    set.sweep(2000);
    expect([rejected(), set.size]).toEqual([[], 0]);
  });

  it("the set asks to read everything again when its last number means another row", () => {
    const { set } = createSet();
    set.applyPage(page(1, [session(1, "0.s1")]), 0);
    expect(set.applyPage({ ...page(1, []), reached: session(1, "0.s1") }, 1)).toBe(false);
    expect(set.applyPage({ ...page(1, []), reached: session(1, "0.s2") }, 1)).toBe(true);
    expect(set.after).toBe(0);
    expect(set.applyPage(page(1, [session(1, "0.s2")]), 0)).toBe(false);
    for (const sid of ["0.s1", "0.s2"]) expect(set.find({ login: "ann", sid })).toBe("session");
  });

  it("the set asks to read everything again when its own row showed that during a read", () => {
    const { set } = createSet();
    set.applyPage(page(2, [session(1, "0.s1"), session(2, "0.s2")]), 0);
    // The read is after 2. Meanwhile this process ends a session, and the restored database assigns the number 2 to it.
    set.add([session(2, "0.s3")]);
    expect(set.applyPage(page(3, [session(3, "0.s4")]), 2)).toBe(true);
    expect(set.after).toBe(0);
    for (const sid of ["0.s1", "0.s2", "0.s3", "0.s4"]) expect(set.find({ login: "ann", sid })).toBe("session");
  });

  it("the set drops expired rows, keeps the rest, and applies a row that is read again", () => {
    const { set } = createSet(session(1, "0.short", 1500), session(2, "0.long", 2000));
    set.sweep(1500);
    expect([set.find({ login: "x", sid: "0.short" }), set.find({ login: "x", sid: "0.long" })]).toEqual([
      undefined,
      "session",
    ]);
    set.applyPage(page(2, [session(1, "0.short", 1500), session(2, "0.long", 2000)]), 0);
    expect(set.find({ login: "x", sid: "0.short" })).toBe("session");
  });

  it("a listener that throws or stops within its call harms no other", () => {
    const { set, errors, reported } = createSet();
    set.listen(() => {
      throw new Error("broken");
    });
    const stop = set.listen(() => stop());
    set.add([session(1, "0.a"), session(2, "0.b")]);
    expect(reported).toHaveLength(2);
    expect(errors).toHaveLength(2);
  });
});
