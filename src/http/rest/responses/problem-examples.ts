// An error of each code, for docs/reference/errors.md. It is apart from problems.ts, which is in the bundle of a
// verifier.
import type { ErrorCode, ErrorDetails } from "../../../errors.js";

/** A message of each code, and the details of the error. */
export const problemExamples: Readonly<Record<ErrorCode, readonly [message: string, details?: ErrorDetails]>> = {
  invalid_request: ['"device" must be a text: the `device` of an earlier login.', { field: "device" }],
  password_rejected: [
    "This password repeats a short piece. Use different words or characters instead.",
    { reason: "repeated" },
  ],
  invalid_credentials: ["The login, the password or the code is wrong."],
  missing_token: ["This route requires a bearer token."],
  invalid_token: ["The session has ended."],
  factor_needed: [
    "A second factor is needed.",
    { transaction: "eyJhbGciOi…", factors: ["totp", "recovery_code"], enroll: false },
  ],
  link_needed: [
    "This identity belongs to no account yet. Prove the account or the address.",
    { transaction: "eyJhbGciOi…", ways: ["login", "mail"] },
  ],
  login_too_old: ["This action needs a more recent login. Sign in again.", { maxAgeSeconds: 300 }],
  login_too_weak: ["This action needs a second factor. Prove one.", { acr: "2fa" }],
  session_ended: ["The session has ended. Sign in again."],
  transaction_over: ["The transaction is over. Begin again."],
  unknown_passkey: ["No account has this passkey. It was removed, or it belongs to another application."],
  match_needed: ["This link was opened in another browser. Enter the number that the first browser shows."],
  outside_cancelled: ["The login at the provider was cancelled."],
  insufficient_scope: ["You do not have the permission that this requires.", { scopes: ["articles:write"] }],
  credential_not_accepted: ["This does not take the token that was sent. It takes these kinds: session, foreign."],
  invalid_client: ["The service account could not be authenticated.", { oauth: true }],
  invalid_scope: ["The service account does not have all of these scopes.", { oauth: true }],
  unsupported_grant_type: ["The grant type must be client_credentials.", { oauth: true }],
  registration_closed: ["The invitation is not valid any more."],
  address_needed: ["A new account needs an address, and the provider has sent none."],
  account_pending: ["Your account was created. You can sign in when it has been enabled."],
  cross_site: ["The request comes from a page of another site. Nothing was done."],
  not_found: ["This path does not exist."],
  method_not_allowed: ["This path allows only GET, HEAD.", { allow: ["GET", "HEAD"] }],
  request_timeout: ["The request was not complete after 30 seconds."],
  login_taken: ["A user with this login already exists. Choose another one."],
  email_taken: ["Another user has this address."],
  identity_taken: ["Another account has this identity. Unlink it there first."],
  last_way_in: ["Your account requires this factor. Add another one first."],
  payload_too_large: ["The request body is larger than 16 KiB."],
  unsupported_media_type: [
    "The request body must be application/json or application/x-www-form-urlencoded, in UTF-8 and not compressed.",
  ],
  too_many_attempts: ["Too many attempts. Wait before the next one.", { retryAfterSeconds: 60 }],
  captcha_needed: ["Too many attempts. Solve the captcha, or wait before the next one.", { retryAfterSeconds: 60 }],
  overloaded: ["Too many passwords are being checked right now.", { retryAfterSeconds: 2 }],
  unavailable: ["The database did not respond.", { retryAfterSeconds: 1 }],
  internal_error: ["An internal error occurred. The server has logged it."],
};
