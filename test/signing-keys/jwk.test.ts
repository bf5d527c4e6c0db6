// The import of keys: the examples of RFC 7638 and RFC 8037, and the keys that RFC 7518 and docs/reference/contract.md forbid.
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { generateJwk } from "../../dist/signing-keys/generate.js";
import { importJwk } from "../../dist/signing-keys/jwk.js";
import { thumbprint } from "../../dist/signing-keys/thumbprint.js";
import { keyPair } from "../world/key-pairs.js";

const ed25519 = generateJwk("EdDSA");
const es256 = generateJwk("ES256");
const hs256 = generateJwk("HS256");
const rsa = { ...keyPair("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" }) };

/** The problems of a key, the reason to skip it, or nothing. */
function problemsOf(jwk: unknown): readonly string[] {
  const reading = importJwk(jwk);
  if (reading.outcome === "unsupported") return [`unsupported: ${reading.why}`];
  return reading.outcome === "rejected" ? reading.problems : [];
}

function algorithmOf(jwk: unknown): string | undefined {
  const reading = importJwk(jwk);
  return reading.outcome === "imported" ? reading.key.algorithm : undefined;
}

const bytes = (length: number) =>
  Buffer.from(Array.from({ length }, (_, at) => (at * 89 + 7) % 256)).toString("base64url");

test("the thumbprint of the example key of RFC 7638 §3.1 matches the RFC", () => {
  const jwk = {
    kty: "RSA",
    n: "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    e: "AQAB",
    alg: "RS256",
    kid: "2011-04-29",
  };
  expect(thumbprint("RSA", jwk)).toBe("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
  expect(problemsOf(jwk)).toEqual([]);
});

test("the thumbprint of the Ed25519 key of RFC 8037 appendix A.3 matches the RFC", () => {
  const jwk = {
    kty: "OKP",
    crv: "Ed25519",
    d: "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
    x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
  };
  const reading = importJwk(jwk);
  expect(reading.outcome === "imported" && reading.key.kid).toBe("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
});

describe("the algorithm", () => {
  test.each([
    ["HS256", hs256],
    ["EdDSA", ed25519],
    ["ES256", es256],
    ["ES384", generateJwk("ES384")],
    ["ES512", generateJwk("ES512")],
    ["RS256", rsa],
  ])("the algorithm of a key without alg follows from its type: %s", (algorithm, jwk) => {
    expect(algorithmOf({ ...jwk, alg: undefined })).toBe(algorithm);
  });

  test("a key that states its alg keeps it, and Ed25519 stays Ed25519", () => {
    expect(algorithmOf({ ...rsa, alg: "PS256" })).toBe("PS256");
    expect(algorithmOf({ ...ed25519, alg: "Ed25519" })).toBe("Ed25519");
  });

  test.each([
    ["RS256", ed25519],
    ["ES384", es256],
    ["ES521", es256],
    ["ES256K", es256],
    ["A256GCM", hs256],
    ["RSA-OAEP", rsa],
    ["none", hs256],
    ["constructor", hs256],
    [256, hs256],
    [null, hs256],
  ])("the import rejects the alg %j, which does not fit the key", (alg, jwk) => {
    expect(problemsOf({ ...jwk, alg }).join()).toContain("`alg` does not fit");
  });
});

describe("an invalid key", () => {
  test.each([
    ["a text in place of an object", "secret", "a JSON object"],
    ["an array", [hs256], "a JSON object"],
    ["a key without kty", { k: bytes(32) }, "`kty`"],
    ["a use for encryption", { ...es256, use: "enc" }, "`use`"],
    ["key_ops without verify", { ...hs256, key_ops: ["sign"] }, "`key_ops`"],
    ["key_ops for encryption", { ...es256, key_ops: ["sign", "encrypt"] }, "`key_ops`"],
    ["key_ops with a repeated value", { ...es256, key_ops: ["sign", "sign"] }, "`key_ops`"],
    ["empty key_ops", { ...es256, key_ops: [] }, "`key_ops`"],
    ["key_ops that is a string", { ...es256, key_ops: "sign" }, "`key_ops`"],
    ["an empty kid", { ...es256, kid: "" }, "`kid`"],
    ["a kid with a line end", { ...es256, kid: "a\nb" }, "`kid`"],
    ["a kid that is a number", { ...es256, kid: 1 }, "`kid`"],
    ["a long kid", { ...es256, kid: "k".repeat(256) }, "`kid`"],
    ["an HS256 secret of 31 bytes", { ...hs256, k: bytes(31) }, "31 bytes, but HS256 requires 32"],
    ["an HS384 secret of 47 bytes", { ...hs256, alg: "HS384", k: bytes(47) }, "HS384 requires 48"],
    ["an HS512 secret of 63 bytes", { ...hs256, alg: "HS512", k: bytes(63) }, "HS512 requires 64"],
    ["an empty secret", { ...hs256, k: "" }, "empty"],
    ["a secret with padding", { ...hs256, k: `${bytes(32)}=` }, "`k` must be a base64url"],
    ["a secret in plain base64", { ...hs256, k: Buffer.alloc(33, 0xfb).toString("base64") }, "`k` must be a base64url"],
    ["a secret with unused bits", { ...hs256, k: `${"A".repeat(42)}B` }, "`k` must be a base64url"],
    ["an oct key without a secret", { kty: "oct" }, "`k` must be a base64url"],
    ["an Ed25519 point of 31 bytes", { kty: "OKP", crv: "Ed25519", x: bytes(31) }, "`x` must have 32 bytes"],
    [
      "an Ed25519 point of small order",
      { kty: "OKP", crv: "Ed25519", x: Buffer.alloc(32).toString("base64url") },
      "small order",
    ],
    ["the private value of another Ed25519 key", { ...ed25519, d: generateJwk("EdDSA")["d"] }, "not a pair"],
    ["a private value that is a number", { ...ed25519, d: 1 }, "`d` must be a base64url"],
    ["a private value that is null", { ...ed25519, d: null }, "`d` must be a base64url"],
    ["a shortened coordinate", { ...es256, x: bytes(31) }, "`x` must have 32 bytes"],
    ["a coordinate with a leading zero", { ...es256, y: bytes(33) }, "`y` must have 32 bytes"],
    ["a point that is not on the curve", { ...es256, y: es256["x"] }, "not a point of the curve"],
    ["the private value of another EC key", { ...es256, d: generateJwk("ES256")["d"] }, "not a pair"],
    ["an EC private value of zero", { ...es256, d: Buffer.alloc(32).toString("base64url") }, "not a pair"],
    [
      "an EC private value above the order",
      { ...es256, d: Buffer.alloc(32, 0xff).toString("base64url") },
      "not a pair",
    ],
    ["an exponent of 3", { ...rsa, e: "Aw" }, "65537"],
    ["an exponent of 1", { kty: "RSA", n: rsa.n, e: "AQ" }, "65537"],
    ["an even exponent", { kty: "RSA", n: rsa.n, e: "AQAC" }, "odd"],
    ["a huge exponent", { kty: "RSA", n: rsa.n, e: rsa.n }, "64 bits"],
    ["an exponent with a leading zero", { kty: "RSA", n: rsa.n, e: "AAEAAQ" }, "leading zero"],
    ["a modulus with a leading zero", { kty: "RSA", n: `AA${rsa.n}`, e: "AQAB" }, "`n`"],
    [
      "a modulus of 16392 bits",
      { kty: "RSA", n: Buffer.alloc(2049, 0xff).toString("base64url"), e: "AQAB" },
      "too long",
    ],
    ["an even modulus", { kty: "RSA", n: Buffer.alloc(256, 0xfe).toString("base64url"), e: "AQAB" }, "even"],
    ["an RSA private key that has only d", { kty: "RSA", n: rsa.n, e: rsa.e, d: rsa.d }, "`p`"],
    ["an RSA key of three primes", { ...rsa, oth: [] }, "oth"],
    ["a changed dp", { ...rsa, dp: rsa.dq }, "do not match"],
    ["swapped primes", { ...rsa, p: rsa.q, q: rsa.p }, "do not match"],
    ["the private members of another RSA key", { ...generateJwk("RS256"), n: rsa.n }, "do not match"],
  ])("the import rejects %s", (_what, jwk, why) => {
    expect(problemsOf(jwk).join("; ")).toContain(why);
  });

  test("the import rejects an RSA modulus of 2047 bits and accepts one of 2048", () => {
    const short = keyPair("rsa", { modulusLength: 2047 }).publicKey.export({ format: "jwk" });
    expect(problemsOf(short).join()).toContain("2047 bits");
    expect(problemsOf(rsa)).toEqual([]);
  });

  test("the import reports all problems of a key at once", () => {
    expect(problemsOf({ ...es256, use: "enc", alg: "HS256", kid: "" })).toHaveLength(3);
  });
});

test.each([
  ["an unknown kty", { kty: "AKP", alg: "ML-DSA-65" }],
  ["a kty in another case", { ...hs256, kty: "OCT" }],
  ["a kty of Object.prototype", { kty: "constructor" }],
  ["the curve X25519", { kty: "OKP", crv: "X25519", x: bytes(32) }],
  ["the curve Ed448", { kty: "OKP", crv: "Ed448", x: bytes(57) }],
  ["the curve secp256k1", { ...es256, crv: "secp256k1" }],
])("a key with %s is unsupported, which differs from invalid", (_what, jwk) => {
  expect(problemsOf(jwk).join()).toMatch(/^unsupported/);
});

test("the import accepts `use` and `key_ops` that allow signatures", () => {
  expect(problemsOf({ ...es256, use: "sig", key_ops: ["sign"] })).toEqual([]);
  expect(problemsOf({ ...hs256, use: "sig", key_ops: ["verify", "sign"], ext: true })).toEqual([]);
});

test("a private key whose key_ops contains only verify cannot sign", () => {
  const reading = importJwk({ ...es256, key_ops: ["verify"] });
  expect(reading.outcome === "imported" && reading.key.canSign).toBe(false);
});

test("a public JWK contains no private member", () => {
  const privateNames = ["d", "k", "p", "q", "dp", "dq", "qi"];
  for (const jwk of [ed25519, es256, rsa, hs256]) {
    const reading = importJwk(jwk);
    if (reading.outcome !== "imported") throw new Error("not imported");
    expect(Object.keys(reading.key.publicJwk ?? {}).filter((name) => privateNames.includes(name))).toEqual([]);
    expect(reading.key.publicJwk === undefined).toBe(jwk === hs256);
  }
});

test("a printed key shows no secret", () => {
  for (const jwk of [ed25519, es256, rsa, hs256]) {
    const reading = importJwk(jwk);
    const printed = inspect(reading, { depth: 20, showHidden: true }) + JSON.stringify(reading);
    for (const name of ["d", "k", "p", "q"] as const) {
      const secret = (jwk as Record<string, string | undefined>)[name];
      if (secret === undefined) continue;
      expect(printed).not.toContain(secret);
      expect(printed).not.toContain(Buffer.from(secret, "base64url").toString("hex"));
    }
  }
});

test("no error message contains a value of the key", () => {
  const canary = "canary-7f3a9c";
  const keys = [
    { kty: canary },
    { ...hs256, alg: canary, kid: `${canary}\n`, use: canary, key_ops: [canary] },
    { kty: "oct", k: canary },
    { ...ed25519, crv: canary },
    { ...es256, d: canary },
    { ...rsa, p: canary },
    canary,
  ];
  for (const jwk of keys) expect(problemsOf(jwk).join()).not.toContain(canary);
});
