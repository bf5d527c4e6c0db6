// The error that everything in Ampho throws, and the union of its codes.
// A code is spelled the same in code, on the wire, in the audit log, in the client and in docs/errors.md.

export const errorCodes = [
  "invalid_request",
  "invalid_credentials",
  "missing_token",
  "invalid_token",
  "login_too_old",
  "session_ended",
  "insufficient_scope",
  "cross_site",
  "not_found",
  "method_not_allowed",
  "request_timeout",
  "payload_too_large",
  "unsupported_media_type",
  "too_many_attempts",
  "overloaded",
  "unavailable",
  "internal_error",
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/**
 * Also for an error of another realm: Jest runs code in one of its own, but Node's modules throw errors of theirs, which are
 * no `instanceof Error` there.
 */
export function isError(value: unknown): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === "[object Error]";
}

/** Whether an optional package is not there, as `import` says it and, in the CommonJS build, `require`. */
export function isNotInstalled(error: unknown): boolean {
  return isError(error) && "code" in error && /^(?:ERR_)?MODULE_NOT_FOUND$/.test(String(error.code));
}

/** What some codes carry besides the code: all of it may be shown to whoever sent the request. */
export interface ErrorDetails {
  /** `too_many_attempts`, `overloaded`, `unavailable`: whole seconds until trying again makes sense. */
  readonly retryAfterSeconds?: number;
  /** `login_too_old`: the age in seconds that a login may have (`max_age` of RFC 9470 §3). */
  readonly maxAgeSeconds?: number;
  /** `insufficient_scope`: the scopes that were asked for (`scope` of RFC 6750 §3). */
  readonly scopes?: readonly string[];
  /** `method_not_allowed`: the methods that the path knows. */
  readonly allow?: readonly string[];
}

/**
 * A refusal or a failure, named by its code.
 * The message is for people and holds no token, password, hash, address or anything that a user typed.
 */
export class AmphoError extends Error {
  override readonly name = "AmphoError";
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.details = details;
  }
}

/**
 * A mistake of whoever configures or calls Ampho: a bad parameter, a key that cannot be used, a wrong option.
 * The command line prints its message and ends with exit code 2. It never holds the value of a key or a password.
 */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
}
