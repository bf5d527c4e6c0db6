// The body of every response with an error (docs/reference/errors.md).
import type { ErrorCode } from "../errors.js";
import type { WebAuthnJson } from "./begun.js";

/** `factor_needed` adds the second line of members, `link_needed` the transaction and `ways`. */
export interface ProblemBody {
  readonly error: ErrorCode;
  readonly message: string;
  /** `POST /token`, `/revoke` and `/introspect`: the message again (RFC 6749 §5.2). */
  readonly error_description?: string | undefined;
  /** `invalid_request`: the field that is wrong. */
  readonly field?: string | undefined;
  /** `password_rejected`: the rule that the password breaks. */
  readonly reason?: string | undefined;
  /** `password_rejected` with `too_short` or `too_long`: the number of characters. */
  readonly limit?: number | undefined;
  /** Absent where it is in a cookie. */
  readonly transaction?: string | undefined;
  readonly factors?: readonly string[] | undefined;
  readonly passkey?: WebAuthnJson | null | undefined;
  readonly enroll?: boolean | undefined;
  readonly mail?: boolean | undefined;
  readonly retry_after?: number | undefined;
  readonly ways?: readonly string[] | undefined;
  /** `GET /connect` and `POST /connect`: the URL by which the application learns of the error. */
  readonly location?: string | undefined;
  /** `confirmation_needed`: the change that must be confirmed. */
  readonly change?: string | undefined;
}
