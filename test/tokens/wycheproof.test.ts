// The vectors of Project Wycheproof for JSON Web Signatures, keys and primitives, with the verdicts of
// test/vectors/wycheproof/README.md.
import { createPublicKey, createSecretKey } from "node:crypto";
import { describe, expect, test } from "vitest";
import { AmphoError, ConfigurationError } from "../../dist/errors.js";
import type { Algorithm } from "../../dist/signing-keys/algorithms.js";
import { importJwk } from "../../dist/signing-keys/jwk.js";
import { importKeys } from "../../dist/signing-keys/jwk-set.js";
import { createKeySet, createSecretMaterial, type Key } from "../../dist/signing-keys/key.js";
import { createVerification, verifyInput } from "../../dist/signing-keys/signature.js";
import { verifyJws } from "../../dist/tokens/jws.js";
import { accessToken, verifyJwt } from "../../dist/tokens/jwt.js";
import { createForger, rules } from "./forge.js";
import { readVectors } from "./vectors.js";

interface JsonWebTest {
  readonly tcId: number;
  readonly comment: string;
  readonly result: "valid" | "invalid";
  /** A string, except for two JSON serializations that are written as objects. */
  readonly jws?: string;
  readonly jwe?: string;
}

interface JsonWebFile {
  readonly testGroups: readonly {
    readonly public?: Readonly<Record<string, unknown>> | null;
    readonly private?: Readonly<Record<string, unknown>>;
    readonly tests: readonly JsonWebTest[];
  }[];
}

const noneRevoked: ReadonlySet<string> = new Set();
const into = Buffer.alloc(8192);

/** Imports each key by itself, because some groups contain only public keys or published test keys. */
function readKeys(value: Readonly<Record<string, unknown>>): readonly Key[] {
  const jwks = Array.isArray(value["keys"]) ? value["keys"] : [value];
  return jwks.flatMap((jwk) => {
    const reading = importJwk(jwk);
    return reading.outcome === "imported" ? [reading.key] : [];
  });
}

function accepts(keys: readonly Key[], token: string): boolean {
  try {
    verifyJws(token, createKeySet(keys), noneRevoked, into);
    return true;
  } catch (error) {
    if (error instanceof AmphoError && error.code === "invalid_token") return false;
    throw error;
  }
}

function listTests(file: string): { test: JsonWebTest; key: Readonly<Record<string, unknown>> }[] {
  const { testGroups } = readVectors<JsonWebFile>(`wycheproof/${file}`);
  return testGroups.flatMap((group) => group.tests.map((test) => ({ test, key: group.public ?? group.private ?? {} })));
}

describe("json_web_signature", () => {
  /** The vectors whose verdict is wrong for a strict verifier. The README of the vectors has the reasons. */
  const others = new Map<number, "valid" | "invalid">([
    [346, "invalid"],
    [347, "invalid"],
    [350, "invalid"],
    [351, "invalid"],
    [367, "valid"],
    [370, "valid"],
    [372, "invalid"],
    [373, "invalid"],
  ]);
  const tests = listTests("json_web_signature_test.json");

  test("the file contains all 401 vectors", () => {
    expect(tests).toHaveLength(401);
  });

  test.each(
    tests.map(({ test, key }) => [test.tcId, test.comment, others.get(test.tcId) ?? test.result, key, test.jws]),
  )("vector %i of json_web_signature (%s) is %s", (_id, _comment, verdict, key, token) => {
    expect(accepts(readKeys(key), token ?? "")).toBe(verdict === "valid");
  });
});

describe("json_web_key", () => {
  const tests = listTests("json_web_key_test.json");
  const { testGroups } = readVectors<JsonWebFile>("wycheproof/json_web_key_test.json");
  /** One set can contain symmetric and asymmetric keys, because a change from HS256 to EdDSA requires it. */
  const policy = new Map<number, "valid" | "invalid">([[1, "valid"]]);

  test("the file contains all 26 vectors", () => {
    expect(tests).toHaveLength(26);
  });

  test.each(
    tests.map(({ test, key }) => [test.tcId, test.comment, policy.get(test.tcId) ?? test.result, key, test.jws]),
  )("vector %i of json_web_key (%s) is %s", (id, _comment, verdict, _key, token) => {
    const group = testGroups.find(({ tests: own }) => own.some(({ tcId }) => tcId === id));
    let keys: readonly Key[] = [];
    try {
      keys = importKeys(group?.private).keys;
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigurationError);
    }
    expect(accepts(keys, token ?? "")).toBe(verdict === "valid");
  });
});

describe("json_web_crypto", () => {
  const tests = listTests("json_web_crypto_test.json");
  const policy = new Map<number, "valid" | "invalid">([[47, "valid"]]);

  test("the file contains 49 signatures and 34 encrypted tokens", () => {
    expect(tests.filter(({ test }) => test.jws !== undefined)).toHaveLength(49);
    expect(tests).toHaveLength(83);
  });

  test.each(tests.map(({ test, key }) => [test.tcId, test.comment, policy.get(test.tcId) ?? test.result, key, test]))(
    "vector %i of json_web_crypto (%s) is %s, or encrypted and rejected",
    (_id, _comment, verdict, key, { jws, jwe }) => {
      expect(accepts(readKeys(key), jws ?? jwe ?? "")).toBe(jws !== undefined && verdict === "valid");
    },
  );
});

test("no verifier accepts one of the 139 encrypted tokens as a signed token", () => {
  const tests = listTests("json_web_encryption_test.json");
  expect(tests).toHaveLength(139);
  const forger = createForger();
  for (const { test, key } of tests) {
    expect(accepts(readKeys(key), test.jwe ?? "")).toBe(false);
    expect(() => verifyJwt(test.jwe ?? "", forger.keys, accessToken, rules)).toThrow(AmphoError);
  }
});

interface PrimitiveTest {
  readonly tcId: number;
  readonly msg: string;
  readonly sig: string;
  readonly tag: string;
  readonly key: string;
  readonly result: "valid" | "acceptable" | "invalid";
}

interface PrimitiveFile {
  readonly testGroups: readonly {
    readonly publicKeyDer: string;
    readonly tagSize: number;
    readonly tests: readonly PrimitiveTest[];
  }[];
}

/** A text with one character for each byte, as the primitives expect a signing input. */
function toInput(hex: string): string {
  return Buffer.from(hex, "hex").toString("latin1");
}

function toSignature(hex: string): string {
  return Buffer.from(hex, "hex").toString("base64url");
}

/** A key without the checks of the import, because one group has the exponent 3. */
function keyFromDer(algorithm: Algorithm, der: string): Key {
  const publicKey = createPublicKey({ key: Buffer.from(der, "hex"), format: "der", type: "spki" });
  const material = { kind: "pair", verify: createVerification(algorithm, publicKey), signing: undefined } as const;
  return { kid: "wycheproof", algorithm, canSign: false, publicJwk: undefined, material };
}

describe("primitives", () => {
  test.each([
    ["EdDSA", "ed25519_test.json", 151],
    ["ES256", "ecdsa_secp256r1_sha256_p1363_test.json", 262],
    ["RS256", "rsa_signature_2048_sha256_test.json", 259],
  ] as const)("%s meets every vector of %s", (algorithm, file, count) => {
    const { testGroups } = readVectors<PrimitiveFile>(`wycheproof/${file}`);
    let run = 0;
    for (const group of testGroups) {
      const key = keyFromDer(algorithm, group.publicKeyDer);
      for (const { tcId, msg, sig, result } of group.tests) {
        run++;
        const verdict = verifyInput(key, toInput(msg), toSignature(sig));
        if (result !== "acceptable") expect({ tcId, verdict }).toEqual({ tcId, verdict: result === "valid" });
      }
    }
    expect(run).toBe(count);
  });

  test("HS256 meets every vector of hmac_sha256_test.json, and no tag that is cut short verifies", () => {
    const { testGroups } = readVectors<PrimitiveFile>("wycheproof/hmac_sha256_test.json");
    let run = 0;
    for (const { tagSize, tests } of testGroups) {
      for (const { tcId, key, msg, tag, result } of tests) {
        run++;
        const secret = createSecretKey(Buffer.from(key, "hex"));
        const material = createSecretMaterial(secret, "HS256");
        if (material.kind !== "secret") throw new TypeError("not an HMAC");
        const whole: Key = { kid: "w", algorithm: "HS256", canSign: true, publicJwk: undefined, material };
        const verdict = verifyInput(whole, toInput(msg), toSignature(tag));
        expect({ tcId, verdict }).toEqual({ tcId, verdict: tagSize === 256 && result === "valid" });
        if (tagSize < 256 && result === "valid") {
          expect(
            Buffer.from(material.computeHmac(toInput(msg)), "base64url")
              .toString("hex")
              .startsWith(tag),
          ).toBe(true);
        }
      }
    }
    expect(run).toBe(174);
  });
});
