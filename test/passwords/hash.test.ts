import { describe, expect, it } from "vitest";
import { hashPasswordSync } from "../../dist/passwords/argon2.js";
import { verifyPasswordSync } from "../../dist/passwords/formats/formats.js";
import { needsRehash, parseArgon2 } from "../../dist/passwords/hash.js";

const salt = "YW1waG8tZml4ZWQtc2FsdA";
const output = "A".repeat(43);
const phc = (parameters: string): string => `$argon2id$v=19$${parameters}$${salt}$${output}`;

describe("a new password hash", () => {
  const hash = hashPasswordSync("violet kettle harbour morning");

  it("a new hash is argon2id of version 19 with 19 MiB, two passes, one lane, 16 bytes of salt and 32 of output", () => {
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(needsRehash(hash)).toBe(false);
  });

  it("each new hash has a different salt", () => {
    expect(hashPasswordSync("violet kettle harbour morning")).not.toBe(hash);
  });

  it("only the right password verifies against a new hash", () => {
    expect(verifyPasswordSync(hash, "violet kettle harbour morning")).toBe(true);
    expect(verifyPasswordSync(hash, "Violet kettle harbour morning")).toBe(false);
    expect(verifyPasswordSync(hash, "")).toBe(false);
  });

  it("a hash treats two encodings of an accent as equal, and covers each of 1024 characters", () => {
    expect(verifyPasswordSync(hashPasswordSync("cafe\u0301"), "caf\u00e9")).toBe(true);
    const long = "😀".repeat(1023);
    expect(verifyPasswordSync(hashPasswordSync(`${long}a`), `${long}b`)).toBe(false);
    expect(verifyPasswordSync(hashPasswordSync("a\0b"), "a\0c")).toBe(false);
  });

  it.each(["\ud800", "a\udc00b", "x".repeat(1025), "😀".repeat(1025)])(
    "hashing rejects a text that cannot be a password: %#",
    (text) => {
      expect(() => hashPasswordSync(text)).toThrow(expect.objectContaining({ code: "invalid_request" }));
    },
  );
});

describe("a stored hash", () => {
  it.each([
    ["more memory", "m=262145,t=1,p=1"],
    ["4 TiB", "m=4294967295,t=2,p=1"],
    ["too many passes", "m=64,t=65,p=1"],
    ["much memory in many passes", "m=262144,t=5,p=1"],
    ["many lanes", "m=19456,t=2,p=17"],
    ["less memory than its lanes need", "m=31,t=2,p=4"],
    ["no passes", "m=19456,t=0,p=1"],
    ["a number of passes with 400 digits", `m=19456,t=${"9".repeat(400)},p=1`],
    ["a leading zero", "m=019456,t=2,p=1"],
    ["associated data", "m=19456,t=2,p=1,data=AAAA"],
  ])("a stored hash that requires %s is rejected before any work", (_, parameters) => {
    expect(parseArgon2(phc(parameters))).toBeUndefined();
    expect(verifyPasswordSync(phc(parameters), "x")).toBe(false);
  });

  it.each([
    "$argon2id$v=16$m=19456,t=2,p=1$YW1waG8tZml4ZWQtc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "$argon2id$m=19456,t=2,p=1$YW1waG8tZml4ZWQtc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "$argon2id$v=19$m=19456,t=2,p=1$$",
    "",
    "!",
    "plaintext",
    `${phc("m=19456,t=2,p=1")}\n`,
  ])("a stored hash in another form is rejected: %s", (stored) => {
    expect(parseArgon2(stored)).toBeUndefined();
    expect(verifyPasswordSync(stored, "plaintext")).toBe(false);
  });

  it.each(["m=262144,t=3,p=1", "m=65536,t=4,p=1", "m=47104,t=1,p=1", "m=12288,t=3,p=1", "m=65536,t=3,p=4"])(
    "a stored hash with a common cost is verified, and hashed again at the next login: %s",
    (parameters) => {
      expect(parseArgon2(phc(parameters))).toMatchObject({ type: "argon2id" });
      expect(needsRehash(phc(parameters))).toBe(true);
    },
  );

  it("a stored hash without the current parameters needs a rehash", () => {
    expect(needsRehash(phc("m=19456,t=2,p=1"))).toBe(false);
    expect(needsRehash(phc("m=19456,t=2,p=1").replace("argon2id", "argon2i"))).toBe(true);
    expect(needsRehash(`$argon2id$v=19$m=19456,t=2,p=1$${salt}$${"A".repeat(22)}`)).toBe(true);
    expect(needsRehash("$2b$10$abcdefghijklmnopqrstuuoD8yw7MmybLKVooaTGGZAt3HXugv2.a")).toBe(true);
  });

  it("no password verifies for a user without a hash", () => {
    for (const password of ["", "x", "cafe\u0301", "\0"]) expect(verifyPasswordSync(undefined, password)).toBe(false);
  });
});
