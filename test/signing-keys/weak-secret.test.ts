import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { randomOctets } from "../../dist/crypto/random.js";
import { ConfigurationError } from "../../dist/errors.js";
import { importKeys } from "../../dist/signing-keys/jwk-set.js";
import { isWeakSecret } from "../../dist/signing-keys/weak-secret.js";
import { readVectors } from "../tokens/vectors.js";

const weak = (text: string) => isWeakSecret(Buffer.from(text));
const jwkOf = (secret: string) => ({ kty: "oct", k: Buffer.from(secret).toString("base64url") });

test.each(readVectors<string[]>("weak-secrets/sample.json"))(
  "the import rejects the well known secret %j",
  (secret) => {
    expect(() => importKeys(jwkOf(secret))).toThrow(ConfigurationError);
  },
);

test("the import rejects a well known secret that is long enough", () => {
  const secret = readVectors<string[]>("weak-secrets/sample.json").at(-1) ?? "";
  expect(Buffer.byteLength(secret)).toBe(32);
  expect(() => importKeys(jwkOf(secret))).toThrow(/well known or guessable/);
});

describe("a guessable secret", () => {
  test.each([
    ["zeros", "\0".repeat(32)],
    ["one letter", "x".repeat(64)],
    ["a few letters", "abcabcabcabcabcabcabcabcabcabcabcabc"],
    ["two copies of a block", "0123456789abcdef0123456789abcdef"],
    ["a repeated block whose last copy is shortened", "correct-horse-correct-horse-correct"],
    ["the alphabet", "abcdefghijklmnopqrstuvwxyz012345"],
    ["digits", "01234567890123456789012345678901"],
    ["a placeholder", "your-256-bit-secret-goes-here-ok"],
    ["the example of jwt.io", "a-string-secret-at-least-256-bits-long"],
    ["a request to change it", "please-CHANGE-ME-before-you-deploy!"],
    ["a note about its use", "this key is for development purposes"],
    ["a published secret", "07127600-ddc0-4a98-940f-9c3d70cab600"],
  ])("a secret is weak if it consists of %s", (_what, text) => {
    expect(weak(text)).toBe(true);
  });

  test("the import rejects a well known text that is written as if it were base64url", () => {
    // 86 characters that are base64url by themselves, of 64 bytes that look random.
    const text = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    expect(isWeakSecret(Buffer.from(text, "base64url"))).toBe(false);
    expect(() => importKeys({ kty: "oct", k: text })).toThrow(/well known or guessable/);
  });
});

test("no random secret is weak, as bytes, hexadecimal or base64", () => {
  for (let round = 0; round < 2000; round++) {
    // The bytes are derived from the round, so that a failure can be repeated.
    const bytes = createHash("sha512").update(`generator ${round}`).digest();
    expect(isWeakSecret(bytes.subarray(0, 32))).toBe(false);
    expect(weak(bytes.toString("hex", 0, 16))).toBe(false);
    expect(weak(bytes.toString("hex", 0, 32))).toBe(false);
    expect(weak(bytes.toString("base64", 0, 24))).toBe(false);
    expect(weak(bytes.toString("base64url", 0, 32))).toBe(false);
  }
});

test("a published test key is not weak if it is no placeholder", () => {
  // Wycheproof json_web_key 13: the bytes 0 to 64.
  expect(isWeakSecret(Buffer.from(Array.from({ length: 65 }, (_, at) => at)))).toBe(false);
  expect(isWeakSecret(randomOctets(32))).toBe(false);
});
