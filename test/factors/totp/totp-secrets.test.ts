// TOTP seeds at rest. The expected ciphertext comes from node:crypto, without the code under test.
import { createDecipheriv, hkdfSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createTotpSecrets } from "../../../dist/factors/totp/totp.js";
import { generateJwk } from "../../../dist/signing-keys/generate.js";
import { importKeys } from "../../../dist/signing-keys/jwk-set.js";
import { createKeyring } from "../../../dist/tokens/keyring.js";
import { newKey, type TestKey } from "../../world/tokens.js";

const settings = {
  tokenLeeway: 60,
  tokenIssuer: undefined,
  tokenAudience: undefined,
  tokenForeignTtl: 86_400,
  resources: [],
};
const keysOf = (...jwks: readonly TestKey[]) => importKeys({ keys: jwks }).keys;

function open(...jwks: readonly TestKey[]) {
  const revokedKeys = new Set<string>();
  const keyring = createKeyring(keysOf(...jwks), settings, { revokedKeys });
  return { ...createTotpSecrets(keyring), keyring, revokedKeys };
}

const key = newKey("key-1");
const secrets = open(key);
const seeds = fc.uint8Array({ minLength: 1, maxLength: 64 }).map((bytes) => Buffer.from(bytes));
const ids = fc.string({ unit: "binary", maxLength: 40 });

describe("a sealed seed", () => {
  it("a seed of any length opens for its user", () => {
    fc.assert(
      fc.property(seeds, ids, (seed, id) => {
        expect(secrets.open(secrets.seal(seed, id), id)).toEqual(seed);
      }),
    );
  });

  it("a seed is under AES-256-GCM with the key that HKDF derives for TOTP", () => {
    const seed = Buffer.from("12345678901234567890");
    const { secret, kid } = secrets.seal(seed, "user-1");
    expect(kid).toBe("key-1");
    const bytes = Buffer.from(secret, "base64url");
    expect(bytes).toHaveLength(12 + 20 + 16);
    const octets = Buffer.from(String(key["k"]), "base64url");
    const derived = Buffer.from(hkdfSync("sha256", octets, "", "ampho totp", 32));
    const decipher = createDecipheriv("aes-256-gcm", derived, bytes.subarray(0, 12));
    decipher.setAAD(Buffer.from('"user-1"')).setAuthTag(bytes.subarray(-16));
    expect(Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()])).toEqual(seed);
  });

  it("a seed that is sealed again looks different", () => {
    const seed = Buffer.alloc(20, 7);
    expect(new Set(Array.from({ length: 100 }, () => secrets.seal(seed, "1").secret)).size).toBe(100);
  });

  it("a seed never opens for another user", () => {
    fc.assert(
      fc.property(seeds, ids, ids, (seed, id, other) => {
        fc.pre(id !== other);
        expect(secrets.open(secrets.seal(seed, id), other)).toBeUndefined();
      }),
    );
    const sealed = secrets.seal(Buffer.alloc(20), "\ud800");
    expect(secrets.open(sealed, "\udfff")).toBeUndefined();
  });

  it("seeds whose rows were swapped in the database do not open", () => {
    const [ann, bob] = [secrets.seal(Buffer.alloc(20, 1), "ann"), secrets.seal(Buffer.alloc(20, 2), "bob")];
    expect(secrets.open(bob, "ann")).toBeUndefined();
    expect(secrets.open(ann, "bob")).toBeUndefined();
    expect(secrets.open(ann, "ann")).toEqual(Buffer.alloc(20, 1));
  });

  it("a seed with one flipped bit never opens", () => {
    const { secret, kid } = secrets.seal(Buffer.alloc(20, 1), "ann");
    const bytes = Buffer.from(secret, "base64url");
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(secrets.open({ secret: flipped.toString("base64url"), kid }, "ann")).toBeUndefined();
    }
  });

  it("a text that is no sealed seed does not open, and nothing is thrown", () => {
    const { secret, kid } = secrets.seal(Buffer.alloc(20, 1), "ann");
    const texts = ["", "A", "A".repeat(37), "A".repeat(38), `${secret}=`, ` ${secret}`, `${secret}AAAA`];
    for (let length = 0; length < secret.length; length++) texts.push(secret.slice(0, length));
    for (const text of texts) expect(secrets.open({ secret: text, kid }, "ann")).toBeUndefined();
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 100 }), (text) => {
        expect(secrets.open({ secret: text, kid }, "ann")).toBeUndefined();
      }),
    );
  });
});

describe("the key of a seed", () => {
  it("a seed opens after a rotation, and not once its key is gone", () => {
    const [old, next] = [newKey("old"), newKey("next")];
    const { seal, open: openSeed, isCurrent, keyring } = open(old);
    const sealed = seal(Buffer.alloc(20, 1), "ann");
    expect(isCurrent(sealed.kid)).toBe(true);
    keyring.replace(keysOf(next, old));
    expect([isCurrent("old"), isCurrent("next")]).toEqual([false, true]);
    expect(openSeed(sealed, "ann")).toEqual(Buffer.alloc(20, 1));
    expect(seal(Buffer.alloc(20, 1), "ann").kid).toBe("next");
    keyring.replace(keysOf(next));
    expect(openSeed(sealed, "ann")).toBeUndefined();
  });

  it("a seed does not open with another key, whatever kid its row names", () => {
    const [one, two] = [newKey("one"), newKey("two")];
    const { seal, open: openSeed } = open(one, two);
    const { secret } = seal(Buffer.alloc(20, 1), "ann");
    expect(openSeed({ secret, kid: "two" }, "ann")).toBeUndefined();
    for (const kid of ["", "three", "__proto__", "constructor"])
      expect(openSeed({ secret, kid }, "ann")).toBeUndefined();
    const impostor = open(newKey("one"));
    expect(impostor.open({ secret, kid: "one" }, "ann")).toBeUndefined();
  });

  it("a revoked key opens for rekeying, and seals nothing", () => {
    const { seal, open: openSeed, isRevoked, revokedKeys } = open(newKey("key-1"));
    const sealed = seal(Buffer.alloc(20, 1), "ann");
    expect(isRevoked("key-1")).toBe(false);
    revokedKeys.add("key-1");
    expect(isRevoked("key-1")).toBe(true);
    expect(openSeed(sealed, "ann")).toEqual(Buffer.alloc(20, 1));
    expect(() => seal(Buffer.alloc(20, 1), "ann")).toThrow(expect.objectContaining({ code: "unavailable" }));
  });

  it("a seed can be under every kind of key that signs", () => {
    for (const algorithm of ["HS512", "EdDSA", "ES256"] as const) {
      const { seal, open: openSeed } = open({ ...generateJwk(algorithm), kid: "k" });
      expect(openSeed(seal(Buffer.alloc(20, 1), "ann"), "ann")).toEqual(Buffer.alloc(20, 1));
    }
  });
});
