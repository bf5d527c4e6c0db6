// The error that Ampho throws, and its codes.
// A code has the same spelling in code, on the wire, in the audit log, in the client and in docs/reference/errors.md.

export const errorCodes = [
  "invalid_request",
  "password_rejected",
  "invalid_credentials",
  "missing_token",
  "invalid_token",
  "login_too_old",
  "factor_needed",
  "link_needed",
  "confirmation_needed",
  "login_too_weak",
  "session_ended",
  "transaction_over",
  "unknown_passkey",
  "match_needed",
  "outside_cancelled",
  "insufficient_scope",
  "credential_not_accepted",
  "invalid_client",
  "invalid_scope",
  "invalid_grant",
  "invalid_target",
  "invalid_redirect_uri",
  "invalid_client_metadata",
  "unauthorized_client",
  "unsupported_response_type",
  "interaction_required",
  "unsupported_grant_type",
  "registration_closed",
  "address_needed",
  "account_pending",
  "cross_site",
  "not_found",
  "method_not_allowed",
  "request_timeout",
  "login_taken",
  "email_taken",
  "identity_taken",
  "last_way_in",
  "settled",
  "payload_too_large",
  "unsupported_media_type",
  "too_many_attempts",
  "captcha_needed",
  "overloaded",
  "unavailable",
  "internal_error",
] as const;

/** The codes of docs/reference/errors.md. */
export type ErrorCode = (typeof errorCodes)[number];

/** Also true for an error of another realm, such as that of Jest, where Node's errors are not `instanceof Error`. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === "[object Error]";
}

/** True for the error of `import`, or of `require` in the CommonJS build, if an optional package is not installed. */
export function isNotInstalled(error: unknown): boolean {
  return isError(error) && "code" in error && /^(?:ERR_)?MODULE_NOT_FOUND$/.test(String(error.code));
}

/** The rules that a new password can break: the reasons of `password_rejected` (docs/reference/contract.md §4). */
export const passwordProblemReasons = [
  "too_short",
  "too_long",
  "invalid_characters",
  "contains_login",
  "contains_product",
  "repeated",
  "too_common",
  "breached",
] as const;
export type PasswordProblemReason = (typeof passwordProblemReasons)[number];

/** Facts that some codes carry. All of them can be sent to the client. */
export interface ErrorDetails {
  /** `invalid_request`: the one field or argument that is wrong. */
  readonly field?: string;
  /** The broken rule of `password_rejected`. `code_used` of `invalid_credentials`. `plain_http` of `cross_site`. */
  readonly reason?: string;
  /** `password_rejected` with `too_short` or `too_long`: the least or the greatest number of characters. */
  readonly limit?: number;
  /** `factor_needed`, `link_needed`: what the client sends with the next proof. Opaque. */
  readonly transaction?: string;
  /** `factor_needed`: what the account can prove now, the strongest first. */
  readonly factors?: readonly string[];
  /** `factor_needed`: the request options of the account's passkeys (WebAuthn L3 §5.1.8), or null without one. */
  readonly passkey?: Readonly<Record<string, unknown>> | null;
  /** `confirmation_needed`: the change that must be confirmed. */
  readonly change?: string;
  /** `link_needed`: the proofs that link the identity: `mail`, `login`. `confirmation_needed`: `mail`, `passkey`. */
  readonly ways?: readonly string[];
  /** `factor_needed`: the account has none of what its policy asks for, and must set it up. */
  readonly enroll?: boolean;
  /** `factor_needed` with `enroll`: the set-up needs a code, which was mailed. False: too many were mailed. */
  readonly mail?: boolean;
  /** `too_many_attempts`, `captcha_needed`, `overloaded`, `unavailable`, `factor_needed`: seconds to wait. */
  readonly retryAfterSeconds?: number;
  /** `login_too_weak`: the lowest level that the login must have (`acr_values` of RFC 9470 §3). */
  readonly acr?: string;
  /** `login_too_old`, `login_too_weak`: the greatest age of the login in seconds (`max_age` of RFC 9470 §3). */
  readonly maxAgeSeconds?: number;
  /** Errors of `ampho.authenticate` with `redirect`: the path to which a page sends the browser. */
  readonly location?: string;
  /** Errors of a request to connect: the URL by which the application learns of it (RFC 6749 §4.1.2.1). */
  readonly returns?: string;
  /** `insufficient_scope`: the scopes that the route requires (`scope` of RFC 6750 §3), if the token lacks one. */
  readonly scopes?: readonly string[];
  /** Errors of a route with a `resource`: where its metadata is (RFC 9728 §5.1), and the scopes that a token needs. */
  readonly resource?: {
    /** The URL of the metadata. */
    readonly metadata: string;
    /** The scopes of the route, else of the resource. */
    readonly scopes: readonly string[];
  };
  /** An endpoint of OAuth (RFC 6749 §5.2): the response repeats the message as `error_description`. */
  readonly oauth?: true;
  /** `method_not_allowed`: the methods that the path has. */
  readonly allow?: readonly string[];
}

/**
 * A rejection or a failure, named by its code. The message is for people. It contains no token, password, hash, address
 * or anything that a user typed.
 * @example
 * try {
 *   await ampho.users.create({ login, password });
 * } catch (error) {
 *   if (error instanceof AmphoError && error.code === "login_taken") console.error("Choose another login.");
 *   else throw error;
 * }
 */
export class AmphoError extends Error {
  override readonly name = "AmphoError";
  // `declare` emits no field: the constructor sets both, and the client stays small.
  /** The code. Decide by it, and never by the message. */
  declare readonly code: ErrorCode;
  /** Facts that some codes carry, such as the seconds to wait. */
  declare readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.details = details;
  }
}

/** `field`: the one that is wrong. */
export const invalidRequest = (message: string, field?: string): AmphoError =>
  new AmphoError("invalid_request", message, field === undefined ? {} : { field });

/** True for an AmphoError with one of these codes. */
export const hasCode = (error: unknown, ...codes: readonly ErrorCode[]): error is AmphoError =>
  error instanceof AmphoError && codes.includes(error.code);

/** Throws every other error than an AmphoError. For `promise.catch(ignoreRejection)`. */
export function ignoreRejection(error: unknown): undefined {
  if (!(error instanceof AmphoError)) throw error;
}

/** The result of `work`, or undefined if it throws an AmphoError. */
export function unlessRejected<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    return ignoreRejection(error);
  }
}

/** One error for everything that is wrong with a login transaction. It reveals nothing about an account. */
export const transactionOver = () => new AmphoError("transaction_over", "The transaction is over. Begin again.");

/**
 * A mistake in the configuration or in a call: a bad parameter, a key that cannot be used, a wrong option. The command
 * line prints the message and ends with exit code 2. The message never contains the value of a key or a password.
 * @example
 * try {
 *   await createAmpho({ tokenTtl: 0 });
 * } catch (error) {
 *   if (error instanceof ConfigurationError) for (const problem of error.problems) console.error(problem);
 * }
 */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
  /** Each problem as a sentence, without a secret. The message has all of them. */
  readonly problems: readonly string[];

  constructor(message: string, problems: readonly string[] = [message]) {
    super(message);
    this.problems = problems;
  }
}
