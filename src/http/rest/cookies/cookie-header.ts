// Cookie and Set-Cookie (RFC 6265 §4.1, §4.2). With `__Host-` (RFC 6265bis §4.1.3.2) no other host can set a cookie.
import { invalidRequest } from "../../../errors.js";

/** Browsers keep this much of a cookie, name and value together. They drop a longer one without notice. */
const cookieBytesMax = 4_096;

/** Returns a cookie undecoded. Throws `invalid_request` for two, because one of them can come from another host. */
export function cookieOf(header: string | undefined, name: string): string | undefined {
  // This test is cheap, and most requests have no such cookie.
  if (header === undefined || !header.includes(name)) return undefined;
  let found: string | undefined;
  for (const pair of header.split(";")) {
    const equals = pair.indexOf("=");
    if (equals < 0 || withoutBlanks(pair.slice(0, equals)) !== name) continue;
    if (found !== undefined) throw invalidRequest(`The request carries the cookie ${name} twice. Send it once.`);
    found = withoutBlanks(pair.slice(equals + 1));
  }
  return found;
}

/** Returns the Cookie header with these cookies in place of those of their names. Undefined removes a cookie. */
export function replaceCookies(
  header: string | undefined,
  values: Readonly<Record<`__Host-${string}`, string | undefined>>,
): string {
  const kept = (header ?? "").split(";").filter((pair) => {
    const name = withoutBlanks(pair.split("=", 1)[0] ?? "");
    return withoutBlanks(pair) !== "" && !Object.hasOwn(values, name);
  });
  const added = Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
  return [...kept.map(withoutBlanks), ...added].join("; ");
}

/** Only spaces and tabs, because sub-domains can set names that look alike. A pattern would be slow on long runs. */
function withoutBlanks(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09;

/** Returns a Set-Cookie value. `maxAgeSeconds` 0 removes the cookie. */
export function setCookie(name: `__Host-${string}`, value: string, maxAgeSeconds: number): string {
  if (name.length + value.length > cookieBytesMax)
    throw new Error(
      `The cookie ${name} would exceed the ${cookieBytesMax} bytes that browsers keep. Put fewer scopes or claims into tokens.`,
    );
  return `${name}=${value}; Path=/; Max-Age=${maxAgeSeconds}; Secure; HttpOnly; SameSite=Lax`;
}
