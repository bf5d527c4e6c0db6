// Cookies on the wire (RFC 6265 §4.1 and §4.2), and the prefix that keeps other hosts from setting them (RFC 6265bis §4.1.3.2).
import { AmphoError } from "../../../errors.js";

/** What browsers keep of one cookie, name and value together; a longer one they drop without a word. */
const cookieBytesMax = 4_096;

/**
 * The value of one cookie of a Cookie header; nothing is decoded.
 * `invalid_request` when the name comes twice: which of them another host has set nobody can tell.
 */
export function cookieOf(header: string | undefined, name: string): string | undefined {
  // Most requests carry it once or not at all.
  if (header === undefined || !header.includes(name)) return undefined;
  let found: string | undefined;
  for (const pair of header.split(";")) {
    const cut = pair.indexOf("=");
    if (cut < 0 || withoutBlanks(pair.slice(0, cut)) !== name) continue;
    if (found !== undefined) throw new AmphoError("invalid_request", "A cookie that may come once came twice.");
    found = withoutBlanks(pair.slice(cut + 1));
  }
  return found;
}

/**
 * Names are compared exactly, and only spaces and tabs around them are none of them: sub-domains can set what merely looks
 * alike. By hand, because a pattern for the end looks at a row of blanks in the middle once for each of them.
 */
function withoutBlanks(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09;

/** A Set-Cookie value. `maxAgeSeconds` 0 removes the cookie. */
export function setCookie(name: `__Host-${string}`, value: string, maxAgeSeconds: number): string {
  if (name.length + value.length > cookieBytesMax)
    throw new Error(
      `${name} is longer than the ${cookieBytesMax} bytes that browsers keep: a token holds too many scopes or claims`,
    );
  return `${name}=${value}; Path=/; Max-Age=${maxAgeSeconds}; Secure; HttpOnly; SameSite=Lax`;
}
