// What a verifier must refuse although at least one of jose, jsonwebtoken, fast-jwt and hono takes it, and the claims rules.
import { describe, expect, test } from "vitest";
import { AmphoError } from "../../dist/errors.js";
import { generateJwk } from "../../dist/keys/generate.js";
import { accessToken, type JwtRules, readJwt, refreshToken, signJwt, verifyJwt } from "../../dist/tokens/jwt.js";
import { rejections } from "../../dist/tokens/rejection.js";
import { createForger, encode, firstOf, goodClaims, now, rules, setOf } from "./forge.js";

const forger = createForger();
const header = { alg: "HS256", kid: forger.key.kid, typ: "at+jwt" };
const good = forger.forge(header, goodClaims);

/** The message of the refusal, or "accepted". */
function judge(token: string, more: Partial<JwtRules> = {}, keys = forger.keys): string {
  try {
    verifyJwt(token, keys, accessToken, { ...rules, ...more });
    return "accepted";
  } catch (error) {
    if (error instanceof AmphoError && error.code === "invalid_token") return error.message;
    throw error;
  }
}

const withHeader = (members: object) => judge(forger.forge({ ...header, ...members }, goodClaims));
const withClaims = (members: object, more: Partial<JwtRules> = {}) =>
  judge(forger.forge(header, { ...goodClaims, ...members }), more);
const withPayload = (payload: string | Uint8Array) => judge(forger.forge(header, payload));

test("a good token is accepted, and again when its header is known", () => {
  expect(judge(good)).toBe("accepted");
  expect(judge(good)).toBe("accepted");
});

test("the seed's token, header alg and claims exp and login, is accepted", () => {
  expect(judge(forger.forge({ alg: "HS256" }, { exp: now + 900, login: "user" }))).toBe("accepted");
});

describe("of the form", () => {
  const [h = "", p = "", s = ""] = good.split(".");
  const flip = (text: string) => text.slice(0, -1) + String.fromCharCode(text.charCodeAt(text.length - 1) + 1);

  test.each([
    ["padding of the signature", `${good}=`],
    ["padding inside", forger.sign(h, `${p}=`)],
    ["a space behind", `${good} `],
    ["a space before", ` ${good}`],
    ["a line end behind", `${good}\n`],
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
    ["nothing", ""],
    ["only dots", ".."],
    ["no signature", `${h}.${p}.`],
    ["no header", `.${p}.${s}`],
    ["unused bits of a payload", forger.sign(h, flip(encode(`${JSON.stringify(goodClaims)} `.padEnd(46))))],
    [
      "a character whose low byte would be right",
      `${h}.${String.fromCharCode(p.charCodeAt(0) + 0x100)}${p.slice(1)}.${s}`,
    ],
  ])("%s is refused", (_what, token) => {
    expect(judge(token)).not.toBe("accepted");
  });

  test("unused bits of the signature are refused", () => {
    // 32 bytes leave two bits of the last character unused.
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const last = alphabet.indexOf(s.slice(-1));
    for (let bits = 1; bits < 4; bits++)
      expect(judge(`${good.slice(0, -1)}${alphabet[last + bits]}`)).toBe(rejections.signature);
  });

  test("a token of 8 KiB is accepted and one character more is not", () => {
    const pad = (count: number) => forger.forge(header, `${JSON.stringify(goodClaims)}${" ".repeat(count)}`);
    const lengths = Array.from({ length: 6200 }, (_, count) => pad(count)).filter(({ length }) => length <= 8193);
    const longest = lengths.filter(({ length }) => length <= 8192).at(-1) ?? "";
    expect(longest.length).toBeGreaterThan(8188);
    expect(judge(longest)).toBe("accepted");
    expect(judge(pad(6300))).toBe(rejections.tooLong);
  });

  test("what is no string is refused", () => {
    for (const value of [undefined, null, 1, {}, [good]])
      expect(judge(value as unknown as string)).toBe(rejections.form);
  });
});

describe("of the header", () => {
  test.each([
    ["an unknown crit", { crit: ["x"], x: 1 }],
    ["an empty crit", { crit: [] }],
    ["a crit that is null", { crit: null }],
    ["b64 without crit", { b64: true }],
    ["b64 with crit", { b64: false, crit: ["b64"] }],
  ])("%s is refused", (_what, members) => {
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
  ])("the foreign typ %j is refused", (typ) => {
    expect(withHeader({ typ })).toBe(rejections.type);
  });

  test.each(["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "Application/JWT", undefined])(
    "the typ %j is accepted",
    (typ) => {
      expect(withHeader({ typ })).toBe("accepted");
    },
  );

  test.each([[1], [null], [["at+jwt"]], [{}]])("a typ of another type, %j, is refused", (typ) => {
    expect(withHeader({ typ })).toBe(rejections.header);
  });

  test.each([
    ["none", { alg: "none" }, rejections.algorithm],
    ["None", { alg: "None", kid: undefined }, rejections.noKey],
    ["another hash", { alg: "HS512" }, rejections.algorithm],
    ["another case", { alg: "hs256" }, rejections.algorithm],
    ["a name of Object.prototype", { alg: "constructor", kid: undefined }, rejections.noKey],
    ["no alg", { alg: undefined }, rejections.header],
    ["an array", { alg: ["HS256"] }, rejections.header],
  ])("an alg that is %s is refused", (_what, members, why) => {
    expect(withHeader(members)).toBe(why);
  });

  test.each([
    ["unknown", "another", rejections.unknownKey],
    ["another case", forger.key.kid.toUpperCase(), rejections.unknownKey],
    ["empty", "", rejections.header],
    ["null", null, rejections.header],
    ["a number", 1, rejections.header],
    ["a path", "../../../dev/null", rejections.unknownKey],
    ["__proto__", "__proto__", rejections.unknownKey],
  ])("a kid that is %s is refused", (_what, kid, why) => {
    expect(withHeader({ kid })).toBe(why);
  });

  test("a member twice is refused, also by escape", () => {
    const claims = JSON.stringify(goodClaims);
    expect(judge(forger.forge('{"alg":"none","alg":"HS256"}', claims))).toBe(rejections.header);
    expect(judge(forger.forge('{"alg":"HS256","\\u0061lg":"HS256"}', claims))).toBe(rejections.header);
    expect(judge(forger.forge('\ufeff{"alg":"HS256"}', claims))).toBe(rejections.header);
    expect(judge(forger.forge("[]", claims))).toBe(rejections.header);
  });

  test("a key that the token brings along is not honoured", () => {
    const thief = createForger();
    for (const members of [
      { jwk: thief.jwk },
      { jku: "https://thief.example/jwks" },
      { x5u: "https://thief.example" },
      { x5c: ["MII"] },
    ]) {
      expect(judge(thief.forge({ alg: "HS256", ...members }, goodClaims))).toBe(rejections.signature);
      expect(judge(thief.forge({ ...header, ...members }, goodClaims))).toBe(rejections.signature);
      expect(withHeader(members)).toBe("accepted");
    }
  });

  test("a public key as an HMAC secret signs nothing", () => {
    const keys = setOf(generateJwk("RS256"));
    const publicJwk = JSON.stringify(firstOf(keys).publicJwk);
    expect(judge(forger.forge({ alg: "HS256" }, goodClaims), {}, keys)).toBe(rejections.noKey);
    expect(judge(forger.forge({ alg: "HS256", kid: firstOf(keys).kid, publicJwk }, goodClaims), {}, keys)).toBe(
      rejections.algorithm,
    );
  });
});

describe("without kid", () => {
  const second = createForger();
  const both = setOf(forger.jwk, second.jwk);

  test("every key of the algorithm is tried", () => {
    for (const from of [forger, second])
      expect(judge(from.forge({ alg: "HS256" }, goodClaims), {}, both)).toBe("accepted");
    expect(judge(createForger().forge({ alg: "HS256" }, goodClaims), {}, both)).toBe(rejections.signature);
  });

  test("a revoked key verifies nothing, the others still do", () => {
    const revokedKeys = new Set([forger.key.kid]);
    expect(judge(forger.forge({ alg: "HS256" }, goodClaims), { revokedKeys }, both)).toBe(rejections.signature);
    expect(judge(second.forge({ alg: "HS256" }, goodClaims), { revokedKeys }, both)).toBe("accepted");
    expect(judge(forger.forge(header, goodClaims), { revokedKeys }, both)).toBe(rejections.revokedKey);
    expect(judge(forger.forge(header, goodClaims), { revokedKeys })).toBe(rejections.revokedKey);
  });

  test("the key that signed is told", () => {
    const token = second.forge({ alg: "HS256" }, goodClaims);
    expect(verifyJwt(token, both, accessToken, rules).key.kid).toBe(second.key.kid);
  });
});

describe("of the payload", () => {
  test.each([
    ["an array", "[1]"],
    ["a string", '"login"'],
    ["null", "null"],
    ["text", "login"],
    ["empty", ""],
    ["a byte order mark", `\ufeff${JSON.stringify(goodClaims)}`],
    ["a member twice", `{"login":"admin","login":"alice","exp":${now + 900}}`],
    ["a member twice by escape", `{"login":"admin","log\\u0069n":"alice","exp":${now + 900}}`],
    ["a member twice deep inside", `{"login":"alice","exp":${now + 900},"x":[{"y":1,"y":2}]}`],
    ["half of a surrogate pair", `{"login":"\\ud800","exp":${now + 900}}`],
    ["deep nesting", `{"login":"alice","exp":${now + 900},"x":${"[".repeat(2000)}${"]".repeat(2000)}}`],
  ])("%s is refused", (_what, payload) => {
    expect(withPayload(payload)).toBe(rejections.payload);
  });

  test("invalid UTF-8 is refused", () => {
    expect(withPayload(Buffer.from(`{"login":"\xff","exp":${now + 900}}`, "latin1"))).toBe(rejections.payload);
  });
});

describe("of the claims", () => {
  test.each([
    ["no exp", { exp: undefined }],
    ["exp as a string", { exp: String(now + 900) }],
    ["exp with a fraction", { exp: now + 900.5 }],
    ["exp of 9e15", { exp: 9e15 }],
    ["exp past the year 9999", { exp: 253_402_300_800 }],
    ["a negative exp", { exp: -1 }],
    ["exp null", { exp: null }],
    ["nbf with a fraction", { nbf: now - 0.5 }],
    ["nbf as a string", { nbf: "0" }],
    ["iat as a string", { iat: "0" }],
    ["iat negative", { iat: -1 }],
    ["no login", { login: undefined }],
    ["an empty login", { login: "" }],
    ["a login that is a number", { login: 1 }],
    ["sub that is a number", { sub: 7 }],
    ["sub empty", { sub: "" }],
    ["sub null", { sub: null }],
    ["sid empty", { sid: "" }],
    ["sid that is an object", { sid: {} }],
    ["jti that is a number", { jti: 1 }],
    ["gen with a fraction", { gen: 1.5 }],
    ["gen as a string", { gen: "1" }],
    ["gen below 0", { gen: -1 }],
    ["ver null", { ver: null }],
    ["auth_time as a string", { auth_time: "1" }],
    ["scope that is an array", { scope: ["a"] }],
    ["roles that is a string", { roles: "admin" }],
    ["roles that holds a number", { roles: ["a", 1] }],
    ["roles that is an object", { roles: { length: 0 } }],
  ])("%s is refused", (_what, members) => {
    expect(withClaims(members)).toBe(rejections.claim);
  });

  test("exp of 1e400 is refused", () => {
    expect(withPayload('{"login":"alice","exp":1e400}')).toBe(rejections.claim);
  });

  test("exp and login inside __proto__ count for nothing", () => {
    expect(withPayload(`{"__proto__":{"login":"alice","exp":${now + 900}}}`)).toBe(rejections.claim);
  });

  test.each([
    ["exp, leeway and not a second more", { exp: now - 59 }, "accepted"],
    ["exp, a second more than the leeway", { exp: now - 60 }, rejections.expired],
    ["nbf within the leeway", { nbf: now + 60 }, "accepted"],
    ["nbf beyond the leeway", { nbf: now + 61 }, rejections.notYet],
    ["iat within the leeway", { iat: now + 60 }, "accepted"],
    ["iat beyond the leeway", { iat: now + 61 }, rejections.issuedAhead],
    ["no sid and exp as far as allowed", { exp: now + 86_400 }, "accepted"],
    ["no sid and exp further", { exp: now + 86_401 }, rejections.farAhead],
    ["a sid and exp further", { exp: now + 86_401, sid: "0.x" }, "accepted"],
    ["the last second of the year 9999 with sid", { exp: 253_402_300_799, sid: "0.x" }, "accepted"],
    ["time zero as nbf and iat", { nbf: 0, iat: 0 }, "accepted"],
    ["an empty scope and no roles", { scope: "", roles: [] }, "accepted"],
    ["claims of others", { email: "a@b.example", nested: { a: [1, { b: null }] } }, "accepted"],
    ["iss and aud of any type where none is configured", { iss: 1, aud: {} }, "accepted"],
  ])("%s: %j is %s", (_what, members, verdict) => {
    expect(withClaims(members)).toBe(verdict);
  });

  test.each([
    ["ours", "https://a.example", "accepted"],
    ["another", "https://b.example", rejections.issuer],
    ["none", undefined, rejections.issuer],
    ["an array", ["https://a.example"], rejections.issuer],
  ])("with a configured issuer, iss that is %s is judged", (_what, iss, verdict) => {
    expect(withClaims({ iss }, { issuer: "https://a.example" })).toBe(verdict);
  });

  test.each([
    ["ours", "api", "accepted"],
    ["the other of ours", "web", "accepted"],
    ["an array that holds ours", ["x", "web"], "accepted"],
    ["another", "x", rejections.audience],
    ["none", undefined, rejections.audience],
    ["an empty array", [], rejections.audience],
    ["an array that holds ours and no string", ["api", 1], rejections.audience],
    ["a part of ours", "ap", rejections.audience],
  ])("with configured audiences, aud that is %s is judged", (_what, aud, verdict) => {
    expect(withClaims({ aud }, { audience: ["api", "web"] })).toBe(verdict);
  });
});

describe("refresh tokens", () => {
  const claims = { sid: "0.x", gen: 3, exp: now + 1_000_000 };
  const token = signJwt(forger.key, refreshToken, claims);

  test("are read with what they say", () => {
    expect(verifyJwt(token, forger.keys, refreshToken, { now, leewaySeconds: 60 }).claims).toEqual(claims);
  });

  test("have to name their key and their type, and to hold sid and gen", () => {
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

  test("are no access tokens, even under the same key", () => {
    expect(
      judge(forger.forge({ alg: "HS256", kid: forger.key.kid, typ: "rt+jwt" }, { ...goodClaims, ...claims })),
    ).toBe(rejections.type);
  });
});

describe("signing", () => {
  test("writes alg, kid and typ in this order", () => {
    const token = signJwt(forger.key, accessToken, goodClaims);
    expect(Buffer.from(token.split(".")[0] ?? "", "base64url").toString()).toBe(
      `{"alg":"HS256","kid":"${forger.key.kid}","typ":"at+jwt"}`,
    );
  });

  test("makes no token that nobody would take for its length", () => {
    expect(() => signJwt(forger.key, accessToken, { ...goodClaims, roles: Array(2000).fill("role") })).toThrow(
      RangeError,
    );
  });

  test("needs a private key", () => {
    const keys = setOf(generateJwk("EdDSA"), firstOf(setOf(generateJwk("EdDSA"))).publicJwk);
    const [, publicKey] = keys.keys;
    expect(publicKey?.canSign).toBe(false);
    expect(() => publicKey && signJwt(publicKey, accessToken, goodClaims)).toThrow(TypeError);
  });
});

test("a token is read for a person without being believed", () => {
  expect(readJwt(createForger().forge(header, goodClaims))).toEqual({ header, claims: goodClaims });
  expect(() => readJwt("a.b.c")).toThrow(AmphoError);
  expect(() => readJwt(`${good}=`)).toThrow(AmphoError);
});

test("no message holds anything of the token", () => {
  const canary = "canary7f3a";
  const tokens = [
    forger.forge({ ...header, kid: canary }, goodClaims),
    forger.forge({ ...header, typ: canary }, goodClaims),
    forger.forge({ alg: canary }, goodClaims),
    forger.forge(header, { ...goodClaims, sub: { canary } }),
    forger.forge(header, canary),
    canary,
  ];
  for (const token of tokens) expect(judge(token)).not.toContain(canary);
});
