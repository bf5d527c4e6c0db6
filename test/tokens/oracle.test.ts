// jose is the oracle in both directions. Each of the two accepts the tokens of the other, and Ampho rejects what jose rejects.
// With our key or JWKS, jose, jsonwebtoken and fast-jwt reject tokens that were signed with a derived key.
import { createPublicKey, createSecretKey, type KeyObject } from "node:crypto";
import fc from "fast-check";
import { createVerifier } from "fast-jwt";
import { createLocalJWKSet, importJWK, jwtVerify, SignJWT } from "jose";
import jsonwebtoken from "jsonwebtoken";
import { describe, expect, test } from "vitest";
import { AmphoError } from "../../dist/errors.js";
import { type Algorithm, algorithmFacts, algorithmNames } from "../../dist/signing-keys/algorithms.js";
import { deriveKey } from "../../dist/signing-keys/derived-key.js";
import { generateJwk } from "../../dist/signing-keys/generate.js";
import { publicJwkSet } from "../../dist/signing-keys/jwk-set.js";
import { createKeySet, type Key } from "../../dist/signing-keys/key.js";
import { accessToken, refreshToken, signJwt, verifyJwt } from "../../dist/tokens/jwt.js";
import { createForger, firstOf, goodClaims, now, rules, setOf } from "./forge.js";
import { readVectors } from "./vectors.js";

const currentDate = new Date(now * 1000);
/** The key of RFC 7520 §3.4, because to generate RSA keys takes seconds. */
const rsa = readVectors<Readonly<Record<string, string>>>("jose-cookbook/jwk/3_4.rsa_private_key.json");

function makeJwk(algorithm: Algorithm): Readonly<Record<string, string>> {
  return algorithmFacts(algorithm).kty === "RSA" ? { ...rsa, alg: algorithm } : generateJwk(algorithm);
}

const jwks = new Map(algorithmNames.map((algorithm) => [algorithm, makeJwk(algorithm)]));
const otherRsa = generateJwk("RS256");

function jwkFor(algorithm: Algorithm): Readonly<Record<string, string>> {
  const jwk = jwks.get(algorithm);
  if (jwk === undefined) throw new Error("no such key");
  return jwk;
}

function otherJwk(algorithm: Algorithm, kid: string): Readonly<Record<string, string>> {
  const jwk = algorithmFacts(algorithm).kty === "RSA" ? { ...otherRsa, alg: algorithm } : generateJwk(algorithm);
  return { ...jwk, kid };
}

/** The key with which jose verifies. */
function josePublic(key: Key, jwk: Readonly<Record<string, string>>): ReturnType<typeof importJWK> {
  return importJWK(key.publicJwk ?? jwk, key.algorithm);
}

function joseSet(keys: readonly Key[]): ReturnType<typeof createLocalJWKSet> {
  return createLocalJWKSet({ keys: publicJwkSet(keys).keys.map((jwk) => ({ ...jwk, kty: jwk["kty"] ?? "" })) });
}

const claims = {
  ...goodClaims,
  sub: "1",
  sid: "0.x",
  gen: 1,
  roles: ["a"],
  scope: "a b",
  jti: "j",
  amr: ["pwd", "otp", "mfa"],
  acr: "2fa",
  iat: now,
  nbf: now,
};

describe.each(algorithmNames)("%s", (algorithm) => {
  const jwk = jwkFor(algorithm);
  const keys = setOf(jwk);
  const key = firstOf(keys);

  test("jose accepts our token, and our verifier returns the same claims", async () => {
    const token = signJwt(key, accessToken, claims);
    const options = { algorithms: [algorithm], typ: "at+jwt", currentDate };
    const { payload, protectedHeader } = await jwtVerify(token, await josePublic(key, jwk), options);
    expect(payload).toEqual(claims);
    expect(protectedHeader).toEqual({ alg: algorithm, kid: jwk["kid"], typ: "at+jwt" });
    expect(verifyJwt(token, keys, accessToken, rules)).toEqual({ claims, key });
    if (key.publicJwk !== undefined) {
      await expect(jwtVerify(token, joseSet([key]), options)).resolves.toBeDefined();
    }
  });

  test("our verifier accepts a token of jose", async () => {
    for (const header of [{ kid: key.kid, typ: "at+jwt" }, { kid: key.kid }, {}]) {
      const signer = new SignJWT(claims).setProtectedHeader({ alg: algorithm, ...header });
      const token = await signer.sign(await importJWK(jwk, algorithm));
      expect(verifyJwt(token, keys, accessToken, rules).claims).toEqual(claims);
    }
  });

  test("a token of another key with the same algorithm and kid is rejected", async () => {
    const token = signJwt(firstOf(setOf(otherJwk(algorithm, key.kid))), accessToken, claims);
    expect(() => verifyJwt(token, keys, accessToken, rules)).toThrow(AmphoError);
  });
});

test("our verifier rejects every token that jose rejects", async () => {
  const forger = createForger();
  const secret = await importJWK(forger.jwk, "HS256");
  const time = fc.oneof(
    fc.integer({ min: now - 200, max: now + 200 }),
    fc.constantFrom("1", null, -1, 1.5, Number.POSITIVE_INFINITY, undefined),
  );
  const text = fc.oneof(fc.string(), fc.constantFrom(1, null, undefined, []));
  const members = fc.record(
    { exp: time, nbf: time, iat: time, login: text, sub: text, jti: text, scope: text },
    { requiredKeys: [] },
  );
  const headers = fc.record(
    {
      alg: fc.constantFrom("HS256", "HS256", "HS256", "none", "HS512", "hs256", 1),
      kid: fc.constantFrom(forger.key.kid, "x", 1),
      typ: fc.constantFrom("at+jwt", "JWT", "x", 1),
    },
    { requiredKeys: ["alg"] },
  );
  const extended = fc.record({
    alg: fc.constant("HS256"),
    crit: fc.constantFrom(["x"], [], ["b64"]),
    b64: fc.boolean(),
  });
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.oneof({ weight: 9, arbitrary: headers }, extended),
      fc.oneof(members, fc.constant({ ...goodClaims })),
      async (header, body) => {
        const token = forger.forge(header, body);
        let ours = true;
        try {
          verifyJwt(token, forger.keys, accessToken, rules);
          accepted++;
        } catch (error) {
          expect(error).toBeInstanceOf(AmphoError);
          ours = false;
        }
        if (!ours) return;
        // Our leeway includes its last second. In jose it ends one second earlier.
        await expect(jwtVerify(token, secret, { currentDate, clockTolerance: 61 })).resolves.toBeDefined();
      },
    ),
    { numRuns: 1500 },
  );
  // About 80 are expected, and fewer than 20 never.
  expect(accepted).toBeGreaterThan(20);
});

describe("every verifier rejects a token that was signed with a derived key", () => {
  const all = algorithmNames.map((algorithm) => [algorithm, jwkFor(algorithm)] as const);
  const longLived = { ...claims, exp: now + 1_000_000 };

  function derivedToken(jwk: Readonly<Record<string, string>>): string {
    const derived = deriveKey(firstOf(setOf(jwk)), "ampho refresh token");
    if (derived === undefined) throw new Error("not derived");
    const token = signJwt(derived, refreshToken, longLived);
    expect(verifyJwt(token, createKeySet([derived]), refreshToken, rules).claims).toEqual(longLived);
    return token;
  }

  function nodeKey(jwk: Readonly<Record<string, string>>): KeyObject {
    if (jwk["k"] !== undefined) return createSecretKey(Buffer.from(jwk["k"], "base64url"));
    return createPublicKey({ key: { ...jwk }, format: "jwk" });
  }

  test.each(all)(
    "jose rejects a token of a derived key, with our key and with our JWKS (%s)",
    async (_algorithm, jwk) => {
      const token = derivedToken(jwk);
      const key = await josePublic(firstOf(setOf(jwk)), jwk);
      await expect(jwtVerify(token, key, { currentDate })).rejects.toThrow();
      await expect(jwtVerify(token, joseSet(setOf(jwk).keys), { currentDate })).rejects.toThrow();
    },
  );

  test.each(all)("jsonwebtoken rejects a token of a derived key (%s)", (_algorithm, jwk) => {
    const key = nodeKey(jwk);
    const verify = (secret: jsonwebtoken.Secret) =>
      jsonwebtoken.verify(derivedToken(jwk), secret, { clockTimestamp: now });
    expect(() => verify(key)).toThrow();
    if (key.type === "public") expect(() => verify(key.export({ format: "pem", type: "spki" }))).toThrow();
  });

  test.each(all)("fast-jwt rejects a token of a derived key (%s)", (_algorithm, jwk) => {
    const key = nodeKey(jwk);
    const material = key.type === "secret" ? key.export() : key.export({ format: "pem", type: "spki" });
    // An error about an unknown curve or key is a rejection too.
    expect(() => createVerifier({ key: material, clockTimestamp: now * 1000 })(derivedToken(jwk))).toThrow();
  });

  test.each(all)("our verifier rejects a token of a derived key under the key itself (%s)", (_algorithm, jwk) => {
    const token = derivedToken(jwk);
    expect(() => verifyJwt(token, setOf(jwk), accessToken, rules)).toThrow(AmphoError);
    expect(() => verifyJwt(token, setOf(jwk), refreshToken, rules)).toThrow(AmphoError);
  });

  test.each(all)(
    "our verifier rejects a token of a derived key under the derived key of another kind (%s)",
    (_algorithm, jwk) => {
      const other = deriveKey(firstOf(setOf(jwk)), "ampho device proof");
      expect(() => other && verifyJwt(derivedToken(jwk), createKeySet([other]), refreshToken, rules)).toThrow(
        AmphoError,
      );
    },
  );
});

test("two derivations give the same key, and a public key has no derived key", () => {
  const jwk = jwkFor("EdDSA");
  const [one, two] = [deriveKey(firstOf(setOf(jwk)), "x"), deriveKey(firstOf(setOf(jwk)), "x")];
  if (one === undefined || two === undefined) throw new Error("not derived");
  expect(verifyJwt(signJwt(one, refreshToken, claims), createKeySet([two]), refreshToken, rules).claims).toEqual(
    claims,
  );
  const [, publicKey] = setOf(generateJwk("HS256"), firstOf(setOf(jwk)).publicJwk).keys;
  expect(publicKey && deriveKey(publicKey, "x")).toBeUndefined();
});

test("a derived key follows RFC 5869", () => {
  // Computed with another implementation of HKDF-SHA-256: no salt, info "ampho refresh token", 32 bytes.
  const k = Buffer.from(Array.from({ length: 32 }, (_, at) => at)).toString("base64url");
  const derived = deriveKey(firstOf(setOf({ kty: "oct", k })), "ampho refresh token");
  const secret = derived?.material.kind === "secret" ? derived.material.secret.export().toString("hex") : "";
  expect(secret).toBe("275c4a02c3ca3c656d203ba761d70555c196c834e5d6f1985f8c9906044c544e");
});
