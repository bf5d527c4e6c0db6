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

/** Decodes RFC 4648 §6 in any case, with or without padding, as other systems export it. Undefined for another text. */
export function decodeBase32(text: string): Buffer | undefined {
  const [, characters = ""] = /^([A-Z2-7]+)={0,6}$/i.exec(text) ?? [];
  // A number of characters that no whole number of bytes has.
  if (characters === "" || [1, 3, 6].includes(characters.length % 8)) return undefined;
  const bytes: number[] = [];
  let bits = 0;
  let pending = 0;
  for (const character of characters.toUpperCase()) {
    pending = ((pending << 5) | standardAlphabet.indexOf(character)) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((pending >>> bits) & 0xff);
  }
  // Two spellings of one secret would differ in the bits that are left.
  return (pending & ((1 << bits) - 1)) === 0 ? Buffer.from(bytes) : undefined;
}
