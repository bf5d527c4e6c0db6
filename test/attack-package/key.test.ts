// The keys and settings of the attacks are those of Ampho, although the package imports nothing of it.
import { describe, expect, it, test } from "vitest";
import { parameters } from "../../dist/config/parameters.js";
import { cookieNames } from "../../dist/http/rest/cookies/cookie-mode.js";
import { type Algorithm, algorithmNames } from "../../dist/signing-keys/algorithms.js";
import { generateJwk } from "../../dist/signing-keys/generate.js";
import { importKeys } from "../../dist/signing-keys/jwk-set.js";
import { verifyInput } from "../../dist/signing-keys/signature.js";
import { cookieNames as attackedCookies } from "../../packages/attack/dist/grant.js";
import { importKey, newJwk } from "../../packages/attack/dist/key.js";
import { apiOf, readSettings } from "../../packages/attack/dist/settings.js";
import { freshFolder } from "../world/folder.js";

const input = "header.payload";

describe.each(algorithmNames)("a key for %s", (algorithm: Algorithm) => {
  const { kid, alg, ...bare } = generateJwk(algorithm);

  it("the attacks sign as Ampho verifies, and know the key by the same id", () => {
    for (const jwk of [{ ...bare, alg }, { ...bare, alg, kid: "one" }, { keys: [{ ...bare, alg }] }]) {
      const [ours] = importKeys(jwk).keys;
      const theirs = importKey(jwk);
      expect([theirs.kid, theirs.algorithm]).toEqual([ours?.kid, algorithm]);
      expect(ours !== undefined && verifyInput(ours, input, theirs.sign(input))).toBe(true);
    }
  });

  it("a key that names no algorithm has the one that Ampho chooses", () => {
    expect(importKey(bare).algorithm).toBe(importKeys(bare).keys[0]?.algorithm);
  });
});

it.each(["HS256", "EdDSA", "ES256"] as const)("a new key for %s is one that Ampho accepts", (algorithm) => {
  for (let n = 0; n < 300; n++) {
    const jwk = newJwk(algorithm);
    const [ours] = importKeys(jwk).keys;
    if (n % 100 === 0) expect(ours !== undefined && verifyInput(ours, input, importKey(jwk).sign(input))).toBe(true);
    expect([ours?.algorithm, jwk["kid"]]).toEqual([algorithm, undefined]);
  }
});

it("a key without a usable private part is rejected", () => {
  const { d: _, ...publicPart } = generateJwk("ES256");
  for (const jwk of [{}, [], "x", { keys: [] }, publicPart, { kty: "oct" }, { kty: "EC", crv: "P-256", alg: "RS256" }])
    expect(() => importKey(jwk)).toThrow(TypeError);
});

test("the cookies and defaults of the attacks are those of Ampho", () => {
  expect(attackedCookies).toEqual(cookieNames);
  const { rules, restPrefix, passwordMinCharacters } = readSettings(freshFolder(), {});
  expect([rules.leewaySeconds, rules.foreignMaxSeconds, restPrefix, passwordMinCharacters]).toEqual([
    parameters.AMPHO_SECURITY_TOKEN_LEEWAY.default,
    parameters.AMPHO_SECURITY_TOKEN_FOREIGN_TTL.default,
    parameters.AMPHO_SECURITY_REST_PREFIX.default,
    parameters.AMPHO_SECURITY_PASSWORD_MIN.default,
  ]);
});

test("the attacks read durations and lists in each form that Ampho takes", () => {
  const rulesOf = (env: Readonly<Record<string, string>>) => readSettings(freshFolder(), env).rules;
  for (const [text, expected] of [
    ["30", 30],
    ["1h30m", 5400],
    ["1d", 86_400],
    ["0", 0],
  ] as const)
    expect(rulesOf({ AMPHO_SECURITY_TOKEN_LEEWAY: text }).leewaySeconds).toBe(expected);
  for (const text of ["a,b", "a, b", '["a","b"]'])
    expect(rulesOf({ AMPHO_SECURITY_TOKEN_AUDIENCE: text }).audience).toEqual(["a", "b"]);
  for (const wrong of [
    { AMPHO_SECURITY_TOKEN_LEEWAY: "soon" },
    { AMPHO_SECURITY_TOKEN_LEEWAY: "1m1h" },
    { AMPHO_SECURITY_CORS_ORIGINS: "[1]" },
    { AMPHO_APP_URL: "app" },
  ])
    expect(() => rulesOf(wrong)).toThrow(/^AMPHO_/);
});

test("the prefix is put behind a URL that does not have it", () => {
  for (const typed of ["https://api.example", "https://api.example/", "https://api.example/auth/"])
    expect(apiOf(typed, "/auth").href).toBe("https://api.example/auth");
});
