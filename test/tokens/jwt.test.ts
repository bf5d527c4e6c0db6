// Tokens that a verifier must reject although at least one of jose, jsonwebtoken, fast-jwt and hono accepts them, and the
// rules for claims.
import { describe, expect, test } from "vitest";
import { AmphoError } from "../../dist/errors.js";
import { generateJwk } from "../../dist/signing-keys/generate.js";
import { accessToken, type JwtRules, readJwt, refreshToken, signJwt, verifyJwt } from "../../dist/tokens/jwt.js";
import { rejections } from "../../dist/tokens/rejection.js";
import { createForger, encode, firstOf, goodClaims, now, rules, setOf } from "./forge.js";

const forger = createForger();
const header = { alg: "HS256", kid: forger.key.kid, typ: "at+jwt" };
const good = forger.forge(header, goodClaims);

/** The message of the rejection, or "accepted". */
function verdictOf(token: string, more: Partial<JwtRules> = {}, keys = forger.keys): string {
  try {
    verifyJwt(token, keys, accessToken, { ...rules, ...more });
    return "accepted";
  } catch (error) {
    if (error instanceof AmphoError && error.code === "invalid_token") return error.message;
    throw error;
  }
}

const withHeader = (members: object) => verdictOf(forger.forge({ ...header, ...members }, goodClaims));
const withClaims = (members: object, more: Partial<JwtRules> = {}) =>
  verdictOf(forger.forge(header, { ...goodClaims, ...members }), more);
const withPayload = (payload: string | Uint8Array) => verdictOf(forger.forge(header, payload));

test("a valid token is accepted, and again when its header is cached", () => {
  expect(verdictOf(good)).toBe("accepted");
  expect(verdictOf(good)).toBe("accepted");
});

test("a token with only alg in its header and only exp and login as claims is accepted", () => {
  expect(verdictOf(forger.forge({ alg: "HS256" }, { exp: now + 900, login: "user" }))).toBe("accepted");
});

describe("only the exact compact form of a token is accepted", () => {
  const [h = "", p = "", s = ""] = good.split(".");
  const flip = (text: string) => text.slice(0, -1) + String.fromCharCode(text.charCodeAt(text.length - 1) + 1);

  test.each([
    ["padding of the signature", `${good}=`],
    ["padding of the payload", forger.sign(h, `${p}=`)],
    ["a trailing space", `${good} `],
    ["a leading space", ` ${good}`],
    ["a trailing line end", `${good}\n`],
    ["spaces in the signature", `${h}.${p}.${s.slice(0, 5)} ${s.slice(5)}`],
    ["spaces inside a signed header", forger.sign(`${h}    `, p)],
    ["spaces inside a signed payload", forger.sign(h, `    ${p}`)],
    ["a stray character in a signed header", forger.sign(`${h}#`, p)],
    [
      "plain base64 in the payload",
      forger.sign(
        h,
        encode({ ...goodClaims, x: "\u{3ffff}>?" })
          .replaceAll("_", "/")
          .replaceAll("-", "+"),
      ),
    ],
    ["two segments", `${h}.${p}`],
    ["four segments", `${good}.`],
    ["no characters", ""],
    ["only dots", ".."],
    ["no signature", `${h}.${p}.`],
    ["no header", `.${p}.${s}`],
    ["unused bits of a payload", forger.sign(h, flip(encode(`${JSON.stringify(goodClaims)} `.padEnd(46))))],
    [
      "a character whose low byte would be right",
      `${h}.${String.fromCharCode(p.charCodeAt(0) + 0x100)}${p.slice(1)}.${s}`,
    ],
  ])("a token with %s is rejected", (_what, token) => {
    expect(verdictOf(token)).not.toBe("accepted");
  });

  test("a token with unused bits in its signature is rejected", () => {
    // 32 bytes leave two bits of the last character unused.
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const last = alphabet.indexOf(s.slice(-1));
    for (let bits = 1; bits < 4; bits++)
      expect(verdictOf(`${good.slice(0, -1)}${alphabet[last + bits]}`)).toBe(rejections.signature);
  });

  test("a token of 8 KiB is accepted, and a longer one is rejected", () => {
    const pad = (count: number) => forger.forge(header, `${JSON.stringify(goodClaims)}${" ".repeat(count)}`);
    const lengths = Array.from({ length: 6200 }, (_, count) => pad(count)).filter(({ length }) => length <= 8193);
    const longest = lengths.filter(({ length }) => length <= 8192).at(-1) ?? "";
    expect(longest.length).toBeGreaterThan(8188);
    expect(verdictOf(longest)).toBe("accepted");
    expect(verdictOf(pad(6300))).toBe(rejections.tooLong);
  });

  test("a value that is not a string is rejected", () => {
    for (const value of [undefined, null, 1, {}, [good]])
      expect(verdictOf(value as unknown as string)).toBe(rejections.form);
  });
});

describe("the header of a token", () => {
  test.each([
    ["an unknown crit", { crit: ["x"], x: 1 }],
    ["an empty crit", { crit: [] }],
    ["a crit that is null", { crit: null }],
    ["b64 without crit", { b64: true }],
    ["b64 with crit", { b64: false, crit: ["b64"] }],
  ])("a header with %s is rejected", (_what, members) => {
    expect(withHeader(members)).toBe(rejections.extension);
  });

  test.each([
    "JWE",
    "rt+jwt",
    "dpop+jwt",
    "secevent+jwt",
    "application/rt+jwt",
    "jwt ",
    "at+jwt;x=1",
    "application/",
    "id+jwt",
    "",
  ])("the typ %j of another kind of token is rejected", (typ) => {
    expect(withHeader({ typ })).toBe(rejections.type);
  });

  test.each(["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "Application/JWT", undefined])(
    "the typ %j is accepted",
    (typ) => {
      expect(withHeader({ typ })).toBe("accepted");
    },
  );

  test.each([[1], [null], [["at+jwt"]], [{}]])("the typ %j, which is not a string, is rejected", (typ) => {
    expect(withHeader({ typ })).toBe(rejections.header);
  });

  test.each([
    ["none", { alg: "none" }, rejections.algorithm],
    ["None", { alg: "None", kid: undefined }, rejections.noKey],
    ["another hash", { alg: "HS512" }, rejections.algorithm],
    ["another case", { alg: "hs256" }, rejections.algorithm],
    ["a name of Object.prototype", { alg: "constructor", kid: undefined }, rejections.noKey],
    ["a missing value", { alg: undefined }, rejections.header],
    ["an array", { alg: ["HS256"] }, rejections.header],
  ])("the verifier rejects %s as alg", (_what, members, why) => {
    expect(withHeader(members)).toBe(why);
  });

  test.each([
    ["unknown", "another", rejections.unknownKey],
    ["in another case", forger.key.kid.toUpperCase(), rejections.unknownKey],
    ["empty", "", rejections.header],
    ["null", null, rejections.header],
    ["a number", 1, rejections.header],
    ["a path", "../../../dev/null", rejections.unknownKey],
    ["__proto__", "__proto__", rejections.unknownKey],
  ])("a kid that is %s is rejected", (_what, kid, why) => {
    expect(withHeader({ kid })).toBe(why);
  });

  test("a header with a repeated member is rejected, also when it is escaped", () => {
    const claims = JSON.stringify(goodClaims);
    expect(verdictOf(forger.forge('{"alg":"none","alg":"HS256"}', claims))).toBe(rejections.header);
    expect(verdictOf(forger.forge('{"alg":"HS256","\\u0061lg":"HS256"}', claims))).toBe(rejections.header);
    expect(verdictOf(forger.forge('\ufeff{"alg":"HS256"}', claims))).toBe(rejections.header);
    expect(verdictOf(forger.forge("[]", claims))).toBe(rejections.header);
  });

  test("a key inside the token is not used", () => {
    const thief = createForger();
    for (const members of [
      { jwk: thief.jwk },
      { jku: "https://thief.example/jwks" },
      { x5u: "https://thief.example" },
      { x5c: ["MII"] },
    ]) {
      expect(verdictOf(thief.forge({ alg: "HS256", ...members }, goodClaims))).toBe(rejections.signature);
      expect(verdictOf(thief.forge({ ...header, ...members }, goodClaims))).toBe(rejections.signature);
      expect(withHeader(members)).toBe("accepted");
    }
  });

  test("a token that was signed with the public key as HMAC secret is rejected", () => {
    const keys = setOf(generateJwk("RS256"));
    const publicJwk = JSON.stringify(firstOf(keys).publicJwk);
    expect(verdictOf(forger.forge({ alg: "HS256" }, goodClaims), {}, keys)).toBe(rejections.noKey);
    expect(verdictOf(forger.forge({ alg: "HS256", kid: firstOf(keys).kid, publicJwk }, goodClaims), {}, keys)).toBe(
      rejections.algorithm,
    );
  });
});

describe("a token without kid", () => {
  const second = createForger();
  const both = setOf(forger.jwk, second.jwk);

  test("a token without kid is verified with every key of its algorithm", () => {
    for (const from of [forger, second])
      expect(verdictOf(from.forge({ alg: "HS256" }, goodClaims), {}, both)).toBe("accepted");
    expect(verdictOf(createForger().forge({ alg: "HS256" }, goodClaims), {}, both)).toBe(rejections.signature);
  });

  test("a revoked key verifies no token, and the other keys still verify", () => {
    const revokedKeys = new Set([forger.key.kid]);
    expect(verdictOf(forger.forge({ alg: "HS256" }, goodClaims), { revokedKeys }, both)).toBe(rejections.signature);
    expect(verdictOf(second.forge({ alg: "HS256" }, goodClaims), { revokedKeys }, both)).toBe("accepted");
    expect(verdictOf(forger.forge(header, goodClaims), { revokedKeys }, both)).toBe(rejections.revokedSigningKey);
    expect(verdictOf(forger.forge(header, goodClaims), { revokedKeys })).toBe(rejections.revokedSigningKey);
  });

  test("the verification returns the key that signed", () => {
    const token = second.forge({ alg: "HS256" }, goodClaims);
    expect(verifyJwt(token, both, accessToken, rules).key.kid).toBe(second.key.kid);
  });
});

describe("the payload of a token", () => {
  test.each([
    ["an array in place of an object", "[1]"],
    ["a string in place of an object", '"login"'],
    ["null in place of an object", "null"],
    ["text that is not JSON", "login"],
    ["no characters", ""],
    ["a byte order mark", `\ufeff${JSON.stringify(goodClaims)}`],
    ["a repeated member", `{"login":"admin","login":"alice","exp":${now + 900}}`],
    ["an escaped repeated member", `{"login":"admin","log\\u0069n":"alice","exp":${now + 900}}`],
    ["a repeated member deep inside", `{"login":"alice","exp":${now + 900},"x":[{"y":1,"y":2}]}`],
    ["half of a surrogate pair", `{"login":"\\ud800","exp":${now + 900}}`],
    ["deep nesting", `{"login":"alice","exp":${now + 900},"x":${"[".repeat(2000)}${"]".repeat(2000)}}`],
  ])("a payload with %s is rejected", (_what, payload) => {
    expect(withPayload(payload)).toBe(rejections.payload);
  });

  test("a payload with invalid UTF-8 is rejected", () => {
    expect(withPayload(Buffer.from(`{"login":"\xff","exp":${now + 900}}`, "latin1"))).toBe(rejections.payload);
  });
});

describe("the claims of a token", () => {
  test.each([
    ["no exp", { exp: undefined }],
    ["exp as a string", { exp: String(now + 900) }],
    ["exp with a fraction", { exp: now + 900.5 }],
    ["exp of 9e15", { exp: 9e15 }],
    ["exp after the year 9999", { exp: 253_402_300_800 }],
    ["a negative exp", { exp: -1 }],
    ["an exp of null", { exp: null }],
    ["nbf with a fraction", { nbf: now - 0.5 }],
    ["nbf as a string", { nbf: "0" }],
    ["iat as a string", { iat: "0" }],
    ["a negative iat", { iat: -1 }],
    ["no login", { login: undefined }],
    ["an empty login", { login: "" }],
    ["a login that is a number", { login: 1 }],
    ["sub that is a number", { sub: 7 }],
    ["an empty sub", { sub: "" }],
    ["a sub of null", { sub: null }],
    ["an empty sid", { sid: "" }],
    ["sid that is an object", { sid: {} }],
    ["jti that is a number", { jti: 1 }],
    ["gen with a fraction", { gen: 1.5 }],
    ["gen as a string", { gen: "1" }],
    ["a negative gen", { gen: -1 }],
    ["a ver of null", { ver: null }],
    ["auth_time as a string", { auth_time: "1" }],
    ["amr that is a string", { amr: "mfa" }],
    ["amr that contains a number", { amr: ["pwd", 1] }],
    ["an amr of null", { amr: null }],
    ["acr that is a number", { acr: 2 }],
    ["acr that is an array", { acr: ["2fa"] }],
    ["an empty acr", { acr: "" }],
    ["an acr of null", { acr: null }],
    ["scope that is an array", { scope: ["a"] }],
    ["roles that are a string", { roles: "admin" }],
    ["roles that contain a number", { roles: ["a", 1] }],
    ["roles that are an object", { roles: { length: 0 } }],
  ])("a token with %s is rejected", (_what, members) => {
    expect(withClaims(members)).toBe(rejections.claim);
  });

  test("a token with an exp of 1e400 is rejected", () => {
    expect(withPayload('{"login":"alice","exp":1e400}')).toBe(rejections.claim);
  });

  test("a token with exp and login only inside __proto__ is rejected", () => {
    expect(withPayload(`{"__proto__":{"login":"alice","exp":${now + 900}}}`)).toBe(rejections.claim);
  });

  test.each([
    ["exp in the last second of the leeway", { exp: now - 59 }, "accepted"],
    ["exp one second beyond the leeway", { exp: now - 60 }, rejections.expired],
    ["nbf within the leeway", { nbf: now + 60 }, "accepted"],
    ["nbf beyond the leeway", { nbf: now + 61 }, rejections.notYet],
    ["iat within the leeway", { iat: now + 60 }, "accepted"],
    ["iat beyond the leeway", { iat: now + 61 }, rejections.issuedAhead],
    ["no sid and the latest allowed exp", { exp: now + 86_400 }, "accepted"],
    ["no sid and a later exp", { exp: now + 86_401 }, rejections.farAhead],
    ["a sid and a later exp", { exp: now + 86_401, sid: "0.x" }, "accepted"],
    ["exp in the last second of the year 9999", { exp: 253_402_300_799, sid: "0.x" }, "accepted"],
    ["time zero as nbf and iat", { nbf: 0, iat: 0 }, "accepted"],
    ["an empty scope and no roles", { scope: "", roles: [] }, "accepted"],
    ["an empty amr and no acr", { amr: [] }, "accepted"],
    ["methods and a level of other software", { amr: ["sms", "kba"], acr: "urn:aal:2" }, "accepted"],
    ["unknown claims", { email: "a@b.example", nested: { a: [1, { b: null }] } }, "accepted"],
    ["iss and aud of any type while none is configured", { iss: 1, aud: {} }, "accepted"],
  ])("a token with %s is judged right: %j is %s", (_what, members, verdict) => {
    expect(withClaims(members)).toBe(verdict);
  });

  test.each([
    ["the configured one", "https://a.example", "accepted"],
    ["another one", "https://b.example", rejections.issuer],
    ["missing", undefined, rejections.issuer],
    ["an array", ["https://a.example"], rejections.issuer],
  ])("an iss that is %s is judged against the configured issuer", (_what, iss, verdict) => {
    expect(withClaims({ iss }, { issuer: "https://a.example" })).toBe(verdict);
  });

  test.each([
    ["the first configured one", "api", "accepted"],
    ["the second configured one", "web", "accepted"],
    ["an array with a configured one", ["x", "web"], "accepted"],
    ["another one", "x", rejections.audience],
    ["missing", undefined, rejections.audience],
    ["an empty array", [], rejections.audience],
    ["an array with a configured one and a number", ["api", 1], rejections.audience],
    ["a part of a configured one", "ap", rejections.audience],
  ])("an aud that is %s is judged against the configured audiences", (_what, aud, verdict) => {
    expect(withClaims({ aud }, { audience: ["api", "web"] })).toBe(verdict);
  });
});

describe("refresh tokens", () => {
  const claims = { sid: "0.x", gen: 3, exp: now + 1_000_000 };
  const token = signJwt(forger.key, refreshToken, claims);

  test("a refresh token is read with its claims", () => {
    expect(verifyJwt(token, forger.keys, refreshToken, { now, leewaySeconds: 60 }).claims).toEqual(claims);
  });

  test("a refresh token without kid, typ, sid or gen is rejected", () => {
    const named = { alg: "HS256", kid: forger.key.kid, typ: "rt+jwt" };
    const read = (h: object, c: object) => () =>
      verifyJwt(forger.forge(h, c), forger.keys, refreshToken, { now, leewaySeconds: 60 });
    expect(read(named, claims)).not.toThrow();
    expect(read({ ...named, kid: undefined }, claims)).toThrow(rejections.noKid);
    expect(read({ ...named, typ: undefined }, claims)).toThrow(rejections.type);
    expect(read({ ...named, typ: "at+jwt" }, claims)).toThrow(rejections.type);
    expect(read(named, { ...claims, sid: undefined })).toThrow(rejections.claim);
    expect(read(named, { ...claims, gen: undefined })).toThrow(rejections.claim);
  });

  test("a refresh token is rejected as an access token, even if the same key signed it", () => {
    expect(
      verdictOf(forger.forge({ alg: "HS256", kid: forger.key.kid, typ: "rt+jwt" }, { ...goodClaims, ...claims })),
    ).toBe(rejections.type);
  });
});

describe("signing", () => {
  test("a signed token has alg, kid and typ in its header, in this order", () => {
    const token = signJwt(forger.key, accessToken, goodClaims);
    expect(Buffer.from(token.split(".")[0] ?? "", "base64url").toString()).toBe(
      `{"alg":"HS256","kid":"${forger.key.kid}","typ":"at+jwt"}`,
    );
  });

  test("signing rejects claims whose token would be too long to be accepted", () => {
    expect(() => signJwt(forger.key, accessToken, { ...goodClaims, roles: Array(2000).fill("role") })).toThrow(
      RangeError,
    );
  });

  test("signing requires a private key", () => {
    const keys = setOf(generateJwk("EdDSA"), firstOf(setOf(generateJwk("EdDSA"))).publicJwk);
    const [, publicKey] = keys.keys;
    expect(publicKey?.canSign).toBe(false);
    expect(() => publicKey && signJwt(publicKey, accessToken, goodClaims)).toThrow(TypeError);
  });
});

test("a token can be read for display without verification", () => {
  expect(readJwt(createForger().forge(header, goodClaims))).toEqual({ header, claims: goodClaims });
  expect(() => readJwt("a.b.c")).toThrow(AmphoError);
  expect(() => readJwt(`${good}=`)).toThrow(AmphoError);
});

test("no message contains a part of the token", () => {
  const canary = "canary7f3a";
  const tokens = [
    forger.forge({ ...header, kid: canary }, goodClaims),
    forger.forge({ ...header, typ: canary }, goodClaims),
    forger.forge({ alg: canary }, goodClaims),
    forger.forge(header, { ...goodClaims, sub: { canary } }),
    forger.forge(header, canary),
    canary,
  ];
  for (const token of tokens) expect(verdictOf(token)).not.toContain(canary);
});
