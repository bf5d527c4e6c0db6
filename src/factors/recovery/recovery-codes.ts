// Recovery codes, for a user who lost the authenticator. Each has 120 random bits, so the database keeps a plain
// SHA-256: NIST SP 800-63B-4 §3.1.2.2 asks for a slow salted hash only below 112 bits.
import { createHash } from "node:crypto";
import { crockfordAlphabet, encodeBase32 } from "../../crypto/base32.js";
import { randomOctets } from "../../crypto/random.js";

const codes = 8;
const codeBytes = 15;

export const createRecoveryCodes = (): readonly string[] =>
  Array.from({ length: codes }, () =>
    encodeBase32(randomOctets(codeBytes), crockfordAlphabet).replace(/.{4}(?=.)/g, "$&-"),
  );

/** Returns the hash of a code in any of its spellings. Undefined for a text that is no code in form. */
export function recoveryHash(text: string): string | undefined {
  // Only ASCII: `toUpperCase` also turns other characters into the letters of a code.
  if (!/^[0-9A-Za-z -]*$/.test(text)) return undefined;
  const code = text.replace(/[ -]/g, "").toUpperCase().replaceAll("O", "0").replace(/[IL]/g, "1");
  if (!/^[0-9A-HJKMNP-TV-Z]{24}$/.test(code)) return undefined;
  return createHash("sha256").update(code).digest("base64url");
}

export function hashOfCode(code: string): string {
  const hash = recoveryHash(code);
  if (hash === undefined) throw new TypeError("a new recovery code has the form of one");
  return hash;
}
