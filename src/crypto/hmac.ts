// HMAC (RFC 2104 §2, FIPS 198-1) over short ASCII texts, as two one-shot hashes. To create the object of createHmac
// takes longer than SHA-256 of a whole token (1.45 µs against 0.85 µs measured), in each guarded request.
import { createHash, hash, type KeyObject } from "node:crypto";

export type HmacHash = "sha256" | "sha384" | "sha512";

const blockBytes: Readonly<Record<HmacHash, number>> = { sha256: 64, sha384: 128, sha512: 128 };

/** Computes the HMAC, base64url, of a text of ASCII characters, at most as many as `charactersMax` said. */
export type ComputeHmac = (text: string) => string;

/** Binds HMAC to a hash and a secret. The function keeps one buffer that begins with the key's inner block. */
export function createHmacOf(name: HmacHash, secret: KeyObject, charactersMax: number): ComputeHmac {
  const block = blockBytes[name];
  const octets = secret.export();
  const key = octets.length > block ? createHash(name).update(octets).digest() : octets;
  const inner = Buffer.alloc(block + charactersMax, 0x36);
  const outer = Buffer.alloc(block + createHash(name).digest().length, 0x5c);
  for (const [at, byte] of key.entries()) {
    inner.writeUInt8(0x36 ^ byte, at);
    outer.writeUInt8(0x5c ^ byte, at);
  }
  // Texts are often as long as the one before.
  let message = inner;
  return (text) => {
    if (text.length > charactersMax) throw new RangeError(`more than ${charactersMax} characters`);
    const end = block + inner.write(text, block, "latin1");
    if (message.length !== end) message = inner.subarray(0, end);
    outer.write(hash(name, message, "binary"), block, "binary");
    return hash(name, outer, "base64url");
  };
}
