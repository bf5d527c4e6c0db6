// How large a body may be, how long it may take, and what is said when it is not so.
import { AmphoError } from "../../../errors.js";

export const bodyLimitBytes = 16_384;
export const bodyTimeoutMs = 30_000;

export function tooLarge(): AmphoError {
  return new AmphoError("payload_too_large", "The body is larger than 16 KiB.");
}

export function timedOut(): AmphoError {
  return new AmphoError("request_timeout", "The request was not complete in time.");
}

export function cutShort(): AmphoError {
  return new AmphoError("invalid_request", "The body ended too early.");
}

/** A mistake of the host, not of the sender. */
export function alreadyRead(): Error {
  return new Error("The body of a request to Ampho was read by someone else, who has not left it in `request.body`.");
}
