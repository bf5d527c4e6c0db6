// Properties of every token. A valid token with one changed character is rejected. Any input causes an AmphoError at most. The
// claims that were signed are read back.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AmphoError } from "../../dist/errors.js";
import type { Algorithm } from "../../dist/signing-keys/algorithms.js";
import { generateJwk } from "../../dist/signing-keys/generate.js";
import { accessToken, readJwt, signJwt, verifyJwt } from "../../dist/tokens/jwt.js";
import { createForger, encode, firstOf, goodClaims, rules, setOf } from "./forge.js";
import { readVectors } from "./vectors.js";

/** The key of RFC 7520 §3.4, because to generate RSA keys takes seconds. */
const rsa = readVectors<object>("jose-cookbook/jwk/3_4.rsa_private_key.json");
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const strays = [..."=+/. \n\t\0%~", "é", "\u0141", "\u{1f600}"];

describe.each(["HS256", "HS512", "EdDSA", "ES256", "RS256", "PS256"] satisfies Algorithm[])("%s", (algorithm) => {
  const keys = setOf({ ...(/^[RP]S/.test(algorithm) ? rsa : generateJwk(algorithm)), alg: algorithm });
  const token = signJwt(firstOf(keys), accessToken, goodClaims);
  const expectRejected = (text: string) => {
    if (text !== token) expect(() => verifyJwt(text, keys, accessToken, rules)).toThrow(AmphoError);
  };

  test("a token with one changed, missing or added character is rejected", () => {
    expect(verifyJwt(token, keys, accessToken, rules).claims).toEqual(goodClaims);
    const position = fc.nat(token.length - 1);
    const character = fc.oneof(fc.constantFrom(...alphabet), fc.constantFrom(...strays));
    fc.assert(
      fc.property(position, character, (at, other) => {
        expectRejected(token.slice(0, at) + other + token.slice(at + 1));
        expectRejected(token.slice(0, at) + other + token.slice(at));
        expectRejected(token.slice(0, at) + token.slice(at + 1));
      }),
      { numRuns: 300 },
    );
  });

  test("a token with another last character in any segment is rejected", () => {
    const ends = [token.indexOf(".") - 1, token.lastIndexOf(".") - 1, token.length - 1];
    for (const at of ends) {
      for (const other of [...alphabet, ...strays]) expectRejected(token.slice(0, at) + other + token.slice(at + 1));
    }
  });

  test("every prefix and every suffix of a token is rejected", () => {
    for (let at = 0; at < token.length; at += 3) {
      expectRejected(token.slice(0, at));
      expectRejected(token.slice(at + 1));
    }
  });
});

describe("the verification of any input", () => {
  const forger = createForger();

  function rejectsAtMost(token: string): void {
    for (const read of [() => verifyJwt(token, forger.keys, accessToken, rules), () => readJwt(token)]) {
      try {
        read();
      } catch (error) {
        expect(error).toBeInstanceOf(AmphoError);
        expect(error).toHaveProperty("code", "invalid_token");
      }
    }
  }

  test("any text causes at most a rejection", () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.base64String()), rejectsAtMost));
  });

  test("any three segments cause at most a rejection", () => {
    const segment = fc.oneof(fc.uint8Array().map(encode), fc.json().map(encode), fc.string());
    fc.assert(fc.property(segment, segment, segment, (a, b, c) => rejectsAtMost(`${a}.${b}.${c}`)));
  });

  test("any signed header and payload cause at most a rejection", () => {
    const header = fc.oneof(
      fc.constant({ alg: "HS256" }),
      fc.dictionary(fc.constantFrom("alg", "kid", "typ", "crit"), fc.jsonValue()),
    );
    const payload = fc.oneof(fc.uint8Array(), fc.json(), fc.string());
    fc.assert(fc.property(header, payload, (h, p) => rejectsAtMost(forger.forge(h, p))));
    const claims = fc.dictionary(
      fc.constantFrom("exp", "nbf", "iat", "login", "sub", "roles", "gen", "aud"),
      fc.jsonValue(),
    );
    fc.assert(fc.property(claims, (c) => rejectsAtMost(forger.forge({ alg: "HS256" }, c))));
  });
});

test("the claims that were signed are read back", () => {
  const forger = createForger();
  const login = fc.string({ minLength: 1, unit: "binary" }).filter((text) => !/\p{Cs}/u.test(text));
  const more = fc.dictionary(
    fc.string({ maxLength: 8 }).map((name) => `x${name}`),
    fc.jsonValue({ maxDepth: 3 }),
    { maxKeys: 5 },
  );
  fc.assert(
    fc.property(login, fc.array(login), more, (name, roles, others) => {
      const claims = { ...others, ...goodClaims, login: name, roles };
      fc.pre(JSON.stringify(claims).length < 5000 && !/\\ud[89a-f]/.test(JSON.stringify(claims)));
      const token = signJwt(forger.key, accessToken, claims);
      const { claims: read, key } = verifyJwt(token, forger.keys, accessToken, rules);
      expect(read).toEqual(JSON.parse(JSON.stringify(claims)));
      expect(key).toBe(forger.key);
    }),
  );
});
