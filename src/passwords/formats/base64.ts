// The base64s of password hashes. Each takes one spelling of each value, and gives undefined for any other text.

const bcryptAlphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const standardAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const cryptAlphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** RFC 4648 section 4, with or without padding. Stray bits in the last character are ignored. */
export function decodeBase64(text: string): Buffer | undefined {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  const bare = text.replace(/=+$/, "");
  return bare.length % 4 === 1 ? undefined : Buffer.from(bare, "base64");
}

/** passlib's: no padding, and a dot for the plus sign. */
export function decodeDottedBase64(text: string): Buffer | undefined {
  return decodeBase64(text.replaceAll(".", "+"));
}

/** Either of section 4 and section 5 (with `-` and `_`), as Firebase writes both. */
export function decodeAnyBase64(text: string): Buffer | undefined {
  return decodeBase64(text.replaceAll("-", "+").replaceAll("_", "/"));
}

export function decodeHex(text: string): Buffer | undefined {
  return /^(?:[0-9a-f]{2})*$/i.test(text) ? Buffer.from(text, "hex") : undefined;
}

/** bcrypt's alphabet in the usual order of bits. Leftover bits are dropped, as bcrypt does. */
export function decodeBcryptBase64(text: string): Buffer | undefined {
  if (!/^[./A-Za-z0-9]*$/.test(text)) return undefined;
  return Buffer.from(
    text.replace(/./g, (c) => standardAlphabet.charAt(bcryptAlphabet.indexOf(c))),
    "base64",
  );
}

/** crypt(3)'s alphabet, three bytes at a time with the lowest bits first. */
export function encodeCryptBase64(bytes: Iterable<number>): string {
  let text = "";
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    bits |= byte << held;
    held += 8;
    for (; held >= 6; held -= 6, bits >>>= 6) text += cryptAlphabet.charAt(bits & 63);
  }
  return held > 0 ? text + cryptAlphabet.charAt(bits & 63) : text;
}

/** A number with the lowest six bits first. Undefined for a character outside the alphabet. */
export function readCryptNumber(text: string): number | undefined {
  let value = 0;
  for (const [place, character] of [...text].entries()) {
    const digit = cryptAlphabet.indexOf(character);
    if (digit < 0) return undefined;
    value += digit * 64 ** place;
  }
  return value;
}
