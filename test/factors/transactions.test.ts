// Login transactions. Expected keys and signatures come from node:crypto, without the code under test.
import { createHash, createHmac, hkdfSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createTransactions, type Purpose } from "../../dist/factors/transactions.js";
import { createRevocationSet, databaseNames } from "../../dist/sessions/revocation-set.js";
import { importKeys } from "../../dist/signing-keys/jwk-set.js";
import type { Revocation } from "../../dist/store/revocation.js";
import { deviceProof, refreshToken } from "../../dist/tokens/jwt.js";
import { createKeyring } from "../../dist/tokens/keyring.js";
import { settableClock, start } from "../world/clock.js";
import { claimsOf, newKey, type TestKey } from "../world/tokens.js";

const settings = {
  tokenLeeway: 60,
  tokenIssuer: undefined,
  tokenAudience: undefined,
  tokenForeignTtl: 86_400,
  resources: [],
};
const contents = { login: "ann", sub: "user-1", passwordVersion: 3, factorsVersion: 7, amr: ["pwd"], did: "device-1" };
const everyPurpose: readonly Purpose[] = ["second", "enroll", "totp"];
const over = expect.objectContaining({ code: "transaction_over" });

const keysOf = (...jwks: readonly TestKey[]) => importKeys({ keys: jwks }).keys;

function open(...jwks: readonly TestKey[]) {
  const keys = jwks.length === 0 ? [newKey("key-1")] : jwks;
  const [key] = keys;
  if (key === undefined) throw new Error("there is no key");
  const revocations = createRevocationSet(databaseNames, () => undefined);
  const keyring = createKeyring(keysOf(...keys), settings, revocations);
  const transactions = createTransactions(keyring, revocations);
  const begin = (purpose: Purpose = "second", more: object = {}) =>
    transactions.begin(purpose, { ...contents, ...more }, start);
  const read = (token: string, now = start, purposes = everyPurpose) => transactions.read(token, purposes, now);
  return { transactions, key, keyring, revocations, begin, read };
}

const derive = (key: TestKey, info: string) =>
  Buffer.from(hkdfSync("sha256", Buffer.from(String(key["k"]), "base64url"), "", info, 32));

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** Signs any header and claims with a secret. Without a secret the signature is empty. */
function forge(secret: Buffer | undefined, header: object, claims: object): string {
  const input = `${encode(header)}.${encode(claims)}`;
  const signature = secret === undefined ? "" : createHmac("sha256", secret).update(input).digest("base64url");
  return `${input}.${signature}`;
}

const goodHeader = { alg: "HS256", kid: "key-1", typ: "lt+jwt" };
const goodClaims = { jti: "one", for: "second", iat: start, exp: start + 600, login: "ann", sub: "1", fv: 0, amr: [] };

describe("a login transaction", () => {
  it("a transaction returns its contents, its purpose, its times and its key", () => {
    const { begin, read } = open();
    const { jti, ...rest } = read(begin("enroll", { sid: "0.session" }));
    expect(rest).toEqual({
      ...contents,
      for: "enroll",
      sid: "0.session",
      iat: start,
      exp: start + 600,
      kid: "key-1",
    });
    expect(Buffer.from(jti, "base64url")).toHaveLength(16);
  });

  it("two transactions never have the same id", () => {
    const { begin, read } = open();
    expect(new Set(Array.from({ length: 200 }, () => read(begin()).jti)).size).toBe(200);
  });

  it("a transaction is signed with the key that HKDF derives for login transactions", () => {
    const { begin, key } = open();
    const [header = "", payload = "", signature] = begin().split(".");
    expect(JSON.parse(Buffer.from(header, "base64url").toString())).toEqual(goodHeader);
    const secret = derive(key, "ampho login transaction");
    expect(createHmac("sha256", secret).update(`${header}.${payload}`).digest("base64url")).toBe(signature);
  });

  it("a transaction is over for every other purpose", () => {
    const { begin, read } = open();
    for (const purpose of everyPurpose)
      for (const asked of everyPurpose) {
        const token = begin(purpose);
        if (purpose === asked) expect(read(token, start, [asked]).for).toBe(asked);
        else expect(() => read(token, start, [asked])).toThrow(over);
      }
    expect(() => read(begin(), start, [])).toThrow(over);
  });

  it("a second transaction carries id, beginning and end over from the first one", () => {
    const { begin, read, transactions } = open();
    const first = read(begin("enroll"));
    const token = transactions.begin("totp", contents, start + 300, first);
    const second = read(token, start + 301);
    expect(second).toEqual({ ...first, for: "totp" });
    expect(transactions.spentHash(second)).toBe(transactions.spentHash(first));
    expect(() => read(token, start + 600)).toThrow(over);
  });

  it("the name under which a transaction is spent is the SHA-256 of its id", () => {
    const { begin, read, transactions } = open();
    const transaction = read(begin());
    const expected = createHash("sha256").update(transaction.jti).digest("base64url");
    expect(transactions.spentHash(transaction)).toBe(expected);
  });

  it("a transaction reveals what the client typed and what it proved, in one form for every user", () => {
    const { begin, transactions } = open();
    const members = ["jti", "for", "iat", "exp", "login", "sub", "fv", "amr", "pwv", "did"];
    expect(Object.keys(claimsOf(begin()))).toEqual(members);
    const other = { login: "b", sub: "9", passwordVersion: 1, factorsVersion: 0, amr: ["pwd"], did: "d" };
    expect(Object.keys(claimsOf(transactions.begin("second", other, start)))).toEqual(members);
    const own = {
      login: "b",
      sub: "9",
      passwordVersion: undefined,
      factorsVersion: 0,
      amr: ["pwd"],
      did: undefined,
      sid: undefined,
    };
    expect(Object.keys(claimsOf(transactions.begin("second", own, start)))).toEqual(members.slice(0, -2));
  });
});

describe("a transaction that is no good", () => {
  const { read, keyring, key, begin } = open();
  const secret = derive(key, "ampho login transaction");
  const withClaims = (more: object) => forge(secret, goodHeader, { ...goodClaims, ...more });

  it("a transaction with the right key, type and claims is read, as the other cases need", () => {
    expect(read(withClaims({})).jti).toBe("one");
  });

  it.each([
    ["another kid", forge(secret, { ...goodHeader, kid: "key-2" }, goodClaims)],
    ["no kid", forge(secret, { alg: "HS256", typ: "lt+jwt" }, goodClaims)],
    ["the algorithm none", forge(undefined, { ...goodHeader, alg: "none" }, goodClaims)],
    ["no signature", forge(undefined, goodHeader, goodClaims)],
    ["another algorithm", forge(secret, { ...goodHeader, alg: "HS512" }, goodClaims)],
    ["no type", forge(secret, { alg: "HS256", kid: "key-1" }, goodClaims)],
    ["the type of access tokens", forge(secret, { ...goodHeader, typ: "at+jwt" }, goodClaims)],
    ["the access key itself", forge(Buffer.from(String(key["k"]), "base64url"), goodHeader, goodClaims)],
    ["the key of refresh tokens", forge(derive(key, "ampho refresh token"), goodHeader, goodClaims)],
    ["the key of device proofs", forge(derive(key, "ampho device proof"), goodHeader, goodClaims)],
    ["the key of TOTP seeds", forge(derive(key, "ampho totp seed"), goodHeader, goodClaims)],
    [
      "another signature",
      `${begin()}`.replace(/\.([^.])([^.]*)$/, (_, first, rest) => `.${first === "A" ? "B" : "A"}${rest}`),
    ],
    ["no characters", ""],
    ["only dots", ".."],
  ])("a transaction with %s is over", (_what, token) => {
    expect(() => read(token)).toThrow(over);
  });

  it("an access token, a refresh token and a device proof are no transactions", () => {
    const times = { iat: start, exp: start + 600 };
    const tokens = [
      keyring.signAccess({ ...goodClaims, sid: "0.a" }),
      keyring.sign(refreshToken, { ...goodClaims, sid: "0.a", gen: 1, ...times }),
      keyring.sign(deviceProof, { ...goodClaims, did: "d", ...times }),
    ];
    for (const token of tokens) expect(() => read(token)).toThrow(over);
  });

  it("a transaction is no access token, no refresh token and no device proof", () => {
    const bad = expect.objectContaining({ code: "invalid_token" });
    for (const more of [{}, { sid: "0.a", gen: 1, did: "d" }]) {
      const token = withClaims(more);
      expect(read(token).sub).toBe("1");
      expect(() => keyring.verifyAccess(token, start)).toThrow(bad);
      expect(() => keyring.verify(refreshToken, token, start)).toThrow(bad);
      expect(() => keyring.verify(deviceProof, token, start)).toThrow(bad);
    }
  });

  it("the token of a mailed link is no transaction, and a transaction opens no link", () => {
    const { transactions } = open();
    const { token, begun } = transactions.beginOpen("reset", { login: "ann" }, start);
    const link = transactions.signLink(begun) ?? "";
    expect(transactions.readLink(link, ["reset"], start)).toEqual(transactions.readOpen(token, ["reset"], start));
    expect(() => transactions.readOpen(link, ["reset"], start)).toThrow(over);
    expect(() => transactions.readLink(token, ["reset"], start)).toThrow(over);
    expect(() => transactions.readLink(link, ["mail"], start)).toThrow(over);
    expect(() => transactions.readLink(link, ["reset"], start + 600)).toThrow(over);
  });

  const required = ["jti", "for", "iat", "exp", "login", "sub", "fv", "amr"];

  it.each<readonly [string, object]>([
    ...required.map((name) => [`no ${name}`, { [name]: undefined }] as const),
    ["an unknown `for`", { for: "login" }],
    ["a `for` that is a list", { for: ["second"] }],
    ["an empty id", { jti: "" }],
    ["a version that is a text", { fv: "7" }],
    ["a password version that is null", { pwv: null }],
    ["an amr that is a text", { amr: "pwd" }],
    ["an amr of numbers", { amr: [1] }],
    ["a device that is a number", { did: 1 }],
    ["a session that is empty", { sid: "" }],
  ])("a signed transaction with %s is over", (_what, more) => {
    expect(() => read(withClaims(more))).toThrow(over);
  });

  it("a value that is not a string is over", () => {
    for (const value of [undefined, null, 1, {}, [withClaims({})]])
      expect(() => read(value as unknown as string)).toThrow(over);
  });
});

describe("the time of a transaction", () => {
  const { read, begin, key } = open();
  const withTimes = (iat: number, exp: number) =>
    forge(derive(key, "ampho login transaction"), goodHeader, { ...goodClaims, iat, exp });

  it("a transaction is over from 600 seconds on, without leeway", () => {
    const clock = settableClock();
    const token = begin();
    clock.advance(599);
    expect(read(token, clock.now()).exp).toBe(start + 600);
    for (const seconds of [1, 59, 1, 86_400]) {
      clock.advance(seconds);
      expect(() => read(token, clock.now())).toThrow(over);
    }
  });

  it("a transaction from the future is accepted within the leeway, and is over beyond it", () => {
    const clock = settableClock();
    const token = begin();
    clock.advance(-60);
    expect(read(token, clock.now()).iat).toBe(start);
    clock.advance(-1);
    expect(() => read(token, clock.now())).toThrow(over);
  });

  it("a transaction with a longer life than 600 seconds is over", () => {
    expect(read(withTimes(start, start + 600)).iat).toBe(start);
    expect(() => read(withTimes(start, start + 601))).toThrow(over);
    expect(() => read(withTimes(0, start + 1))).toThrow(over);
  });
});

describe("a revoked transaction", () => {
  const row = { n: 1, at: start, until: start + 86_400 };
  const ofUser = { ...row, userId: "user-1", login: "ann" };

  it.each<readonly [string, Revocation, object]>([
    ["of a revoked key", { ...row, kind: "signing_key", kid: "key-1" }, {}],
    ["of an ended session", { ...row, kind: "session", sessionId: "0.session" }, { sid: "0.session" }],
    ["of a disabled user", { ...ofUser, kind: "user" }, {}],
    ["that was begun before all sessions were ended", { ...row, kind: "all", era: 1 }, {}],
    ["of a session of the era before", { ...row, kind: "all", era: 1 }, { sid: "0.session" }],
  ])("a transaction %s is over", (_what, revocation, more) => {
    const { begin, read, revocations } = open();
    const token = begin("second", more);
    expect(read(token).login).toBe("ann");
    revocations.add([revocation]);
    expect(() => read(token)).toThrow(over);
    if (revocation.kind === "signing_key")
      expect(() => begin()).toThrow(expect.objectContaining({ code: "unavailable" }));
  });

  it("a revocation of another session or user leaves a transaction good", () => {
    const { begin, read, revocations } = open();
    revocations.add([
      { ...row, kind: "session", sessionId: "0.other" },
      { ...ofUser, n: 2, kind: "user", userId: "user-2", login: "bob" },
    ]);
    expect(read(begin("second", { sid: "0.session" })).sid).toBe("0.session");
  });

  it("a second transaction is over after a revocation between it and the first one", () => {
    const { begin, read, revocations, transactions } = open();
    const first = read(begin("enroll"));
    const second = transactions.begin("totp", contents, start + 10, first);
    revocations.add([{ ...ofUser, at: start + 5, kind: "user" }]);
    expect(() => read(second, start + 11)).toThrow(over);
  });
});

describe("the seed of a TOTP set-up", () => {
  it("the seed has 160 bits, which only key and id decide", () => {
    const { begin, read, transactions, key } = open();
    const transaction = read(begin("totp"));
    const expected = createHmac("sha256", derive(key, "ampho totp seed")).update(transaction.jti).digest();
    expect(transactions.totpSeed(transaction)).toEqual(expected.subarray(0, 20));
    expect(transactions.totpSeed(read(begin("totp")))).not.toEqual(transactions.totpSeed(transaction));
    expect(JSON.stringify(claimsOf(begin("totp")))).not.toContain("seed");
  });

  it("the seed stays the same when the key is rotated during the set-up", () => {
    const [old, next] = [newKey("old"), newKey("next")];
    const { begin, read, transactions, keyring } = open(old, next);
    const token = begin("totp");
    const seed = transactions.totpSeed(read(token));
    keyring.replace(keysOf(next, old));
    expect(read(token).kid).toBe("old");
    expect(transactions.totpSeed(read(token))).toEqual(seed);
    expect(read(begin("totp")).kid).toBe("next");
    keyring.replace(keysOf(next));
    expect(() => read(token)).toThrow(over);
  });
});
