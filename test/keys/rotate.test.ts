import { describe, expect, test } from "vitest";
import { ConfigurationError } from "../../dist/errors.js";
import { generateJwk } from "../../dist/keys/generate.js";
import { importKeys } from "../../dist/keys/jwk-set.js";
import { rotateKeys } from "../../dist/keys/rotate.js";
import { accessToken, signJwt, verifyJwt } from "../../dist/tokens/jwt.js";
import { firstOf, goodClaims, rules, setOf } from "../tokens/forge.js";

describe("rotation", () => {
  const [a, b, c] = [generateJwk("HS256"), generateJwk("HS256"), generateJwk("EdDSA")];

  test("puts the new key in front and all old ones behind it, with their private members", () => {
    expect(rotateKeys(a, b)).toEqual({ keys: [b, a] });
    expect(rotateKeys({ keys: [b, a] }, c)).toEqual({ keys: [c, b, a] });
  });

  test("keeps the newest of the old ones when told how many", () => {
    expect(rotateKeys({ keys: [b, a] }, c, { keep: 1 })).toEqual({ keys: [c, b] });
    expect(rotateKeys({ keys: [b, a] }, c, { keep: 0 })).toEqual({ keys: [c] });
    expect(rotateKeys({ keys: [b, a] }, c, { keep: 5 })).toEqual({ keys: [c, b, a] });
  });

  test("writes out what old keys left to the settings, so that their tokens stay good", () => {
    const bare = { ...generateJwk("RS256"), alg: undefined, kid: undefined, use: "sig" };
    const signer = firstOf(setOf(JSON.parse(JSON.stringify(bare))));
    const token = signJwt(importKeys(bare, { algorithm: "PS256" }).keys[0] ?? signer, accessToken, goodClaims);
    const { keys } = rotateKeys(bare, c, { algorithm: "PS256" });
    expect(keys[1]).toMatchObject({ alg: "PS256", kid: signer.kid, use: "sig" });
    expect(verifyJwt(token, setOf(...keys), accessToken, rules).claims).toEqual(goodClaims);
  });

  test("leaves keys of other kinds as they are", () => {
    expect(rotateKeys({ keys: [a, { kty: "AKP", x: 1 }] }, c)).toEqual({ keys: [c, a, { kty: "AKP", x: 1 }] });
  });

  test("refuses what is no good configuration before or after", () => {
    expect(() => rotateKeys({ keys: [] }, c)).toThrow(ConfigurationError);
    expect(() => rotateKeys(a, a)).toThrow(ConfigurationError);
  });
});
