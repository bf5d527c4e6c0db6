// Base64url without padding (RFC 4648 §5, RFC 7515 §2), one spelling only.

/** Undefined when `text` is not the one spelling of its bytes: without padding and unused bits (RFC 4648 §3.5). */
export function decodeBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64url");
  // Node's decoder skips unknown characters and also reads `+` and `/`. Only a second encoding shows the difference.
  return bytes.toString("base64url") === text ? bytes : undefined;
}

/** The same into the beginning of `into`, without a new Buffer: the number of bytes, or -1. `text` must fit. */
export function decodeBase64urlInto(into: Buffer, text: string): number {
  const bytes = into.write(text, 0, "base64url");
  return into.toString("base64url", 0, bytes) === text ? bytes : -1;
}

export const encodeBase64url = (text: string): string => Buffer.from(text, "utf8").toString("base64url");
