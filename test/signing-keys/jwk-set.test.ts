import { describe, expect, test } from "vitest";
import { ConfigurationError } from "../../dist/errors.js";
import { generateJwk } from "../../dist/signing-keys/generate.js";
import { importKeys, publicJwkSet } from "../../dist/signing-keys/jwk-set.js";

const hs256 = generateJwk("HS256");
const ed25519 = generateJwk("EdDSA");
const es256 = generateJwk("ES256");
const rs256 = generateJwk("RS256");
const publicOnly = importKeys(ed25519).keys[0]?.publicJwk;

const idsOf = (value: unknown) => importKeys(value).keys.map(({ kid }) => kid);

test("the import accepts a single key and a set, and keeps the order", () => {
  expect(idsOf(hs256)).toEqual([hs256["kid"]]);
  expect(idsOf({ keys: [es256, hs256, publicOnly] })).toEqual([es256["kid"], hs256["kid"], ed25519["kid"]]);
});

test("one set can contain symmetric and asymmetric keys, as a change from HS256 to EdDSA requires", () => {
  expect(importKeys({ keys: [ed25519, hs256] }).keys.map(({ algorithm }) => algorithm)).toEqual(["EdDSA", "HS256"]);
});

test("the thumbprint is the kid of a key that has none", () => {
  expect(idsOf({ ...es256, kid: undefined })).toEqual([es256["kid"]]);
});

test("the import skips a key of an unknown type after the first, with a warning", () => {
  const { keys, warnings } = importKeys({ keys: [es256, { kty: "AKP", kid: "pq" }, { kty: "OKP", crv: "X25519" }] });
  expect(keys).toHaveLength(1);
  expect(warnings).toHaveLength(2);
  expect(warnings[0]).toContain("key 2 of 3");
});

describe("a bad configuration", () => {
  test.each([
    ["a text", "secret", "JSON object"],
    ["nothing", undefined, "JSON object"],
    ["an array", [hs256], "JSON object"],
    ["an empty set", { keys: [] }, "empty"],
    ["a set whose keys member is not an array", { keys: {} }, "must be an array"],
    ["a public key where a private one must sign", publicOnly, "private part"],
    ["a public key as the first key", { keys: [publicOnly, hs256] }, "key 1 of 2 must sign"],
    [
      "a first key whose key_ops forbids signing",
      { ...es256, key_ops: ["verify"] },
      "must sign, but its `key_ops` does not allow it",
    ],
    [
      "a secret whose key_ops forbids signing",
      { ...hs256, key_ops: ["verify"] },
      "must sign, but its `key_ops` does not allow it",
    ],
    ["an unknown key type as the first key", { keys: [{ kty: "AKP" }, hs256] }, "key 1 of 2"],
    ["a single key of an unknown curve", { kty: "OKP", crv: "Ed448" }, "crv"],
    ["two keys with one kid", { keys: [es256, { ...hs256, kid: es256["kid"] }] }, "same `kid` as key 1 of 2"],
    ["a repeated key", { keys: [es256, es256] }, "same `kid`"],
    [
      "one secret under two kids",
      { keys: [hs256, { ...hs256, kid: "x" }] },
      "key 2 of 2 is the same secret as key 1 of 2 under another `kid`",
    ],
    ["one RSA key under two algorithms", { keys: [rs256, { ...rs256, kid: "x", alg: "PS256" }] }, "another algorithm"],
    [
      "one secret under two algorithms",
      { keys: [generateJwk("HS512"), hs256, { ...hs256, kid: "x", alg: "HS384" }] },
      "HS384 requires 48",
    ],
    ["an encryption key after the first", { keys: [es256, { ...rs256, use: "enc" }] }, "key 2 of 2: `use`"],
    ["a number in place of the second key", { keys: [es256, 1] }, "key 2 of 2: a key must be a JSON object"],
  ])("the configuration rejects %s", (_what, value, why) => {
    expect(() => importKeys(value)).toThrow(ConfigurationError);
    expect(() => importKeys(value)).toThrow(why);
  });

  test("the error names every problem of every key", () => {
    const wrong = {
      keys: [
        { ...es256, use: "enc" },
        { kty: "oct", k: "AA" },
        { ...rs256, alg: "ES256" },
      ],
    };
    expect(() => importKeys(wrong)).toThrow(/key 1 of 3.*key 2 of 3.*key 3 of 3/);
  });
});

test("a set can contain a key pair under two names, so that tokens from before it got its kid still verify", () => {
  expect(idsOf({ keys: [{ ...es256, kid: "new" }, es256] })).toEqual(["new", es256["kid"]]);
});

test("the public set contains no symmetric key and no private member", () => {
  const { keys } = importKeys({ keys: [hs256, ed25519, es256, rs256] });
  const set = publicJwkSet(keys);
  expect(set.keys.map((jwk) => Object.keys(jwk).sort().join())).toEqual([
    "alg,crv,kid,kty,use,x",
    "alg,crv,kid,kty,use,x,y",
    "alg,e,kid,kty,n,use",
  ]);
  expect(set.keys.every((jwk) => jwk["use"] === "sig")).toBe(true);
  expect(publicJwkSet(importKeys(hs256).keys)).toEqual({ keys: [] });
});
