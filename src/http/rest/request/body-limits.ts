// The limits of a request body, and the errors for a body that exceeds them.
import { AmphoError } from "../../../errors.js";

export const bodyLimitBytes = 16_384;
export const bodyTimeoutMs = 30_000;

export function tooLarge(): AmphoError {
  return new AmphoError("payload_too_large", "The request body is larger than 16 KiB.");
}

export function timedOut(): AmphoError {
  return new AmphoError("request_timeout", "The request was not complete after 30 seconds.");
}

export function cutShort(): AmphoError {
  return new AmphoError("invalid_request", "The connection ended before the request body was complete.");
}

/** A mistake in the host's code, not in the request. It becomes `internal_error`. */
export function alreadyRead(): Error {
  return new Error(
    "The body of a request to Ampho was read before Ampho could read it. Mount Ampho before the body parser, or leave the parsed body in `request.body`.",
  );
}
