// The Authorization header (RFC 9110 §11.6.2) as hosts hand it over.
import { AmphoError } from "../../../errors.js";

/** The one value. `invalid_request` for more: two readers could believe different ones. */
export function onlyAuthorization(values: readonly string[]): string | undefined {
  if (values.length > 1) throw severalAuthorizations();
  return values[0];
}

export function severalAuthorizations(): AmphoError {
  return new AmphoError("invalid_request", "Send one Authorization header.");
}

/** Takes apart what a host has joined by commas: a bearer token holds none. */
export function splitAuthorization(joined: string | null): readonly string[] {
  if (joined === null) return [];
  const isJoined = /^[ \t]*bearer\b.*,/is.test(joined) || /,[ \t]*bearer(?:[ \t]|$)/i.test(joined);
  return isJoined ? joined.split(",") : [joined];
}
