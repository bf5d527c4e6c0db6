// Splits the request target (RFC 9112 §3.2) into path and query. Nothing is decoded, so a path has one spelling.
import { type AmphoError, invalidRequest } from "../../../errors.js";

/** Drops the origin of absolute-form (RFC 9112 §3.2.2). Asterisk-form and authority-form stay, and match no route. */
export function parseTarget(target: string): { readonly path: string; readonly query: string | undefined } {
  const origin = target.startsWith("/") ? null : /^https?:\/\/[^/?#]*/i.exec(target);
  const rest = origin === null ? target : target.slice(origin[0].length) || "/";
  const mark = rest.indexOf("?");
  return mark < 0 ? { path: rest, query: undefined } : { path: rest.slice(0, mark), query: rest.slice(mark + 1) };
}

export const isUnder = (prefix: string, path: string): boolean =>
  path.startsWith(prefix) && (path.length === prefix.length || path.charCodeAt(prefix.length) === 47);

/** Throws `invalid_request` for several, because two readers could each believe a different one. */
export function onlyAuthorization(values: readonly string[]): string | undefined {
  if (values.length > 1) throw severalAuthorizations();
  return values[0];
}

export const severalAuthorizations = (): AmphoError =>
  invalidRequest("The request has several Authorization headers. Send one.");

/** Splits values that a host has joined with commas. A bearer token contains no comma. */
export function splitAuthorization(joined: string | null): readonly string[] {
  if (joined === null) return [];
  const isJoined = /^[ \t]*bearer\b.*,/is.test(joined) || /,[ \t]*bearer(?:[ \t]|$)/i.test(joined);
  return isJoined ? joined.split(",") : [joined];
}
