// The Authorization header (RFC 9110 §11.6.2), however the host delivers it.
import { AmphoError } from "../../../errors.js";

/** Returns the one value. Throws `invalid_request` for several, because two readers could each believe a different one. */
export function onlyAuthorization(values: readonly string[]): string | undefined {
  if (values.length > 1) throw severalAuthorizations();
  return values[0];
}

export function severalAuthorizations(): AmphoError {
  return new AmphoError("invalid_request", "The request has several Authorization headers. Send one.");
}

/** Splits values that a host has joined with commas. A bearer token contains no comma. */
export function splitAuthorization(joined: string | null): readonly string[] {
  if (joined === null) return [];
  const isJoined = /^[ \t]*bearer\b.*,/is.test(joined) || /,[ \t]*bearer(?:[ \t]|$)/i.test(joined);
  return isJoined ? joined.split(",") : [joined];
}
