// The bearer token of an Authorization value (RFC 6750 §2.1; the scheme is case-insensitive, RFC 9110 §11.1).

/** Undefined when there is no value or another scheme; the empty string when the scheme stands alone. */
export function bearerOf(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  // The spelling of nearly all requests, without a regular expression.
  if (authorization.startsWith("Bearer ") && authorization.charCodeAt(7) !== 0x20) return authorization.slice(7);
  const match = /^bearer(?: +(.*))?$/is.exec(authorization);
  return match === null ? undefined : (match[1] ?? "");
}
