import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { randomOctets } from "../../dist/crypto/random.js";
import { ConfigurationError } from "../../dist/errors.js";
import { importKeys } from "../../dist/keys/jwk-set.js";
import { isWeakSecret } from "../../dist/keys/weak-secret.js";
import { readVectors } from "../tokens/vectors.js";

const weak = (text: string) => isWeakSecret(Buffer.from(text));
const jwkOf = (secret: string) => ({ kty: "oct", k: Buffer.from(secret).toString("base64url") });

test.each(readVectors<string[]>("weak-secrets/sample.json"))("the well known secret %j is no key", (secret) => {
  expect(() => importKeys(jwkOf(secret))).toThrow(ConfigurationError);
});

test("the longest one of the sample is long enough and refused all the same", () => {
  const secret = readVectors<string[]>("weak-secrets/sample.json").at(-1) ?? "";
  expect(Buffer.byteLength(secret)).toBe(32);
  expect(() => importKeys(jwkOf(secret))).toThrow(/well known or guessable/);
});

describe("is weak", () => {
  test.each([
    ["zeros", "\0".repeat(32)],
    ["one letter", "x".repeat(64)],
    ["a few letters", "abcabcabcabcabcabcabcabcabcabcabcabc"],
    ["a block twice", "0123456789abcdef0123456789abcdef"],
    ["a block again and again, cut", "correct-horse-correct-horse-correct"],
    ["the alphabet", "abcdefghijklmnopqrstuvwxyz012345"],
    ["digits", "01234567890123456789012345678901"],
    ["a placeholder", "your-256-bit-secret-goes-here-ok"],
    ["the example of jwt.io", "a-string-secret-at-least-256-bits-long"],
    ["a request", "please-CHANGE-ME-before-you-deploy!"],
    ["a note", "this key is for development purposes"],
    ["a public one", "07127600-ddc0-4a98-940f-9c3d70cab600"],
  ])("%s", (_what, text) => {
    expect(weak(text)).toBe(true);
  });

  test("a well known text that stands where its base64url belongs", () => {
    // 86 characters that are base64url by themselves, of 64 bytes that look random.
    const text = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    expect(isWeakSecret(Buffer.from(text, "base64url"))).toBe(false);
    expect(() => importKeys({ kty: "oct", k: text })).toThrow(/well known or guessable/);
  });
});

test("what a good generator gives is not weak: as bytes, hexadecimal and base64", () => {
  for (let round = 0; round < 2000; round++) {
    // Derived, so that a run that fails fails again.
    const bytes = createHash("sha512").update(`generator ${round}`).digest();
    expect(isWeakSecret(bytes.subarray(0, 32))).toBe(false);
    expect(weak(bytes.toString("hex", 0, 16))).toBe(false);
    expect(weak(bytes.toString("hex", 0, 32))).toBe(false);
    expect(weak(bytes.toString("base64", 0, 24))).toBe(false);
    expect(weak(bytes.toString("base64url", 0, 32))).toBe(false);
  }
});

test("published test keys that are no placeholder are accepted", () => {
  // Wycheproof json_web_key 13: the bytes 0 to 64.
  expect(isWeakSecret(Buffer.from(Array.from({ length: 65 }, (_, at) => at)))).toBe(false);
  expect(isWeakSecret(randomOctets(32))).toBe(false);
});
