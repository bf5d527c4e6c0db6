// Base32 without padding: five bits a character, first bits first.

/** RFC 4648 §6, which authenticator applications read. */
export const standardAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** Crockford's, without I, L, O and U, for texts that people type. */
export const crockfordAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** Encodes bytes. Unused bits of the last character are zero. */
export function encodeBase32(bytes: Uint8Array, alphabet: string): string {
  let text = "";
  let bits = 0;
  let pending = 0;
  for (const byte of bytes) {
    pending = (pending << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet.charAt((pending >>> bits) & 31);
    }
    pending &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + alphabet.charAt((pending << (5 - bits)) & 31);
}
