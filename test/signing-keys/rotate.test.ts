import { describe, expect, test } from "vitest";
import { ConfigurationError } from "../../dist/errors.js";
import { generateJwk } from "../../dist/signing-keys/generate.js";
import { importKeys } from "../../dist/signing-keys/jwk-set.js";
import { rotateKeys } from "../../dist/signing-keys/stages.js";
import { accessToken, signJwt, verifyJwt } from "../../dist/tokens/jwt.js";
import { firstOf, goodClaims, rules, setOf } from "../tokens/forge.js";

describe("rotation", () => {
  const [a, b, c] = [generateJwk("HS256"), generateJwk("HS256"), generateJwk("EdDSA")];

  test("a rotation puts the new key first and all old keys after it, with their private members", () => {
    expect(rotateKeys(a, b)).toEqual({ keys: [b, a] });
    expect(rotateKeys({ keys: [b, a] }, c)).toEqual({ keys: [c, b, a] });
  });

  test("a rotation with `keep` keeps only that many of the newest old keys", () => {
    expect(rotateKeys({ keys: [b, a] }, c, { keep: 1 })).toEqual({ keys: [c, b] });
    expect(rotateKeys({ keys: [b, a] }, c, { keep: 0 })).toEqual({ keys: [c] });
    expect(rotateKeys({ keys: [b, a] }, c, { keep: 5 })).toEqual({ keys: [c, b, a] });
  });

  test("a rotation writes alg and kid into old keys that had none, so that their tokens stay valid", () => {
    const bare = { ...generateJwk("RS256"), alg: "PS256", kid: undefined, use: "sig" };
    const signer = firstOf(setOf(JSON.parse(JSON.stringify(bare))));
    const token = signJwt(importKeys(bare).keys[0] ?? signer, accessToken, goodClaims);
    const { keys } = rotateKeys(bare, c);
    expect(keys[1]).toMatchObject({ alg: "PS256", kid: signer.kid, use: "sig" });
    expect(verifyJwt(token, setOf(...keys), accessToken, rules).claims).toEqual(goodClaims);
  });

  test("a rotation does not change keys of unsupported types", () => {
    expect(rotateKeys({ keys: [a, { kty: "AKP", x: 1 }] }, c)).toEqual({ keys: [c, a, { kty: "AKP", x: 1 }] });
  });

  test("a rotation rejects a set that is invalid before or after it", () => {
    expect(() => rotateKeys({ keys: [] }, c)).toThrow(ConfigurationError);
    expect(() => rotateKeys(a, a)).toThrow(ConfigurationError);
  });
});
