// The base64 variants of password hashes. Each function returns undefined for a text outside its alphabet.

const bcryptAlphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const standardAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const cryptAlphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** RFC 4648 section 4, with or without padding. Stray bits in the last character are ignored. */
export function decodeBase64(text: string): Buffer | undefined {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  const bare = text.replace(/=+$/, "");
  return bare.length % 4 === 1 ? undefined : Buffer.from(bare, "base64");
}

/** The variant of passlib, with no padding and a dot in place of the plus sign. */
export function decodeDottedBase64(text: string): Buffer | undefined {
  return decodeBase64(text.replaceAll(".", "+"));
}

/** RFC 4648 section 4 or section 5 (with `-` and `_`), because Firebase writes both. */
export function decodeAnyBase64(text: string): Buffer | undefined {
  return decodeBase64(text.replaceAll("-", "+").replaceAll("_", "/"));
}

export function decodeHex(text: string): Buffer | undefined {
  return /^(?:[0-9a-f]{2})*$/i.test(text) ? Buffer.from(text, "hex") : undefined;
}

/** The alphabet of bcrypt in the usual order of bits. Leftover bits are dropped, as in bcrypt. */
export function decodeBcryptBase64(text: string): Buffer | undefined {
  if (!/^[./A-Za-z0-9]*$/.test(text)) return undefined;
  return Buffer.from(
    text.replace(/./g, (c) => standardAlphabet.charAt(bcryptAlphabet.indexOf(c))),
    "base64",
  );
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
