// Base64url without padding (RFC 4648 §5, RFC 7515 §2), one spelling only.

/**
 * The bytes that `text` spells, or undefined when it is not the one spelling that encoding those bytes gives:
 * padding, other characters, and unused bits that are not zero (RFC 4648 §3.5) are refused.
 */
export function decodeBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64url");
  // Node's decoder skips what it does not know and also reads `+` and `/`; only encoding anew tells.
  return bytes.toString("base64url") === text ? bytes : undefined;
}

/** The same into the beginning of `into`, which is not shorter than the text: the number of bytes, or -1. Saves what a Buffer costs. */
export function decodeBase64urlInto(into: Buffer, text: string): number {
  const bytes = into.write(text, 0, "base64url");
  return into.toString("base64url", 0, bytes) === text ? bytes : -1;
}

export function encodeBase64url(text: string): string {
  return Buffer.from(text, "utf8").toString("base64url");
}
