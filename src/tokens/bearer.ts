// The bearer token of an Authorization value (RFC 6750 §2.1). The scheme is case-insensitive (RFC 9110 §11.1).

/** How nearly all requests spell it. */
export const scheme = "Bearer ";

/** A token from elsewhere has a point. An API key has none, is good in the header alone, and is rejected. */
export const authorizationFrom = (token: string): string => (token.includes(".") ? scheme + token : "Bearer");

/** Undefined for no value or another scheme, and the empty string for the scheme alone. */
export function bearerOf(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  if (authorization.startsWith(scheme) && authorization.charCodeAt(scheme.length) !== 0x20)
    return authorization.slice(scheme.length);
  const match = /^bearer(?: +(.*))?$/is.exec(authorization);
  return match === null ? undefined : (match[1] ?? "");
}
