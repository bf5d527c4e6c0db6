// The base64 variants of password hashes. Each decoder returns no bytes for a text outside its alphabet.

const bcryptAlphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const standardAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const cryptAlphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** RFC 4648 section 4, with or without padding. Stray bits in the last character are ignored. */
export function decodeBase64(text: string): Buffer {
  const [, bare = ""] = /^([A-Za-z0-9+/]*)={0,2}$/.exec(text) ?? [];
  return Buffer.from(bare.length % 4 === 1 ? "" : bare, "base64");
}

/** The variant of passlib, with no padding and a dot in place of the plus sign. */
export const decodeDottedBase64 = (text: string): Buffer => decodeBase64(text.replaceAll(".", "+"));

/** RFC 4648 section 4 or section 5 (with `-` and `_`), because Firebase writes both. */
export const decodeAnyBase64 = (text: string): Buffer => decodeBase64(text.replaceAll("-", "+").replaceAll("_", "/"));

export const decodeHex = (text: string): Buffer => Buffer.from(/^(?:[0-9a-f]{2})*$/i.test(text) ? text : "", "hex");

/** The alphabet of bcrypt in the usual order of bits. Leftover bits are dropped, as in bcrypt. */
export function decodeBcryptBase64(text: string): Buffer {
  const standard = text.replace(/./g, (character) => standardAlphabet.charAt(bcryptAlphabet.indexOf(character)));
  return Buffer.from(standard, "base64");
}

/** The alphabet of crypt(3), three bytes at a time with the lowest bits first. */
export function encodeCryptBase64(bytes: Iterable<number>): string {
  let text = "";
  let bits = 0;
  let bitCount = 0;
  for (const byte of bytes) {
    bits |= byte << bitCount;
    bitCount += 8;
    for (; bitCount >= 6; bitCount -= 6, bits >>>= 6) text += cryptAlphabet.charAt(bits & 63);
  }
  return bitCount > 0 ? text + cryptAlphabet.charAt(bits & 63) : text;
}

/** A number in the alphabet of crypt(3) with the lowest six bits first. Undefined for another character. */
export function readCryptNumber(text: string): number | undefined {
  let value = 0;
  for (const [position, character] of [...text].entries()) {
    const digit = cryptAlphabet.indexOf(character);
    if (digit < 0) return undefined;
    value += digit * 64 ** position;
  }
  return value;
}
