// The texts of each code in OpenAPI and docs/reference/errors.md, apart from problems.ts, which verifiers bundle.
import type { ErrorCode, ErrorDetails } from "../../../errors.js";

interface ProblemText {
  readonly cause: string;
  /** The remedy for the client, the developer or the operator. */
  readonly fix: string;
  /** A message and details of an example. */
  readonly message: string;
  readonly details?: ErrorDetails;
}

export const problemTexts: Readonly<Record<ErrorCode, ProblemText>> = {
  invalid_request: {
    cause:
      "The request does not have the form that the route requires. The body is not JSON, a field is missing or has the wrong type, the query contains a credential, or the request carries two tokens.",
    fix: "Change the request. `field` names the wrong field where exactly one is wrong.",
    message: '"device" must be a text: the `device` of an earlier login.',
    details: { field: "device" },
  },
  password_rejected: {
    cause: "The new password breaks a rule of the password policy. `reason` names the rule.",
    fix: "Show the user the message, or a text of your own for `reason`, and ask for another password.",
    message: "This password repeats a short piece. Use different words or characters instead.",
    details: { reason: "repeated" },
  },
  invalid_credentials: {
    cause:
      "The login, the password or the second factor is wrong or was used before. The response is the same whether the login exists, is disabled or has no password. After a right first factor, `reason` is `code_used` for a code of an authenticator app that was used before.",
    fix: "Ask the user again, and for the next code if `reason` is `code_used`. Do not reveal what else was wrong.",
    message: "The login, the password or the code is wrong.",
  },
  missing_token: {
    cause: "The request carries no bearer token, and the route requires one.",
    fix: "Send the header `Authorization: Bearer TOKEN`.",
    message: "This route requires a bearer token.",
  },
  invalid_client: {
    cause:
      "The service account could not be authenticated: its id, its key or its assertion is wrong, was used before or has ended. The response is the same for a disabled service.",
    fix: "Check the id and the key. `ampho service-show` lists the keys of a service.",
    message: "The service account could not be authenticated.",
    details: { oauth: true },
  },
  invalid_scope: {
    cause: "The service account does not have one of the scopes that it asks for, or has none at all.",
    fix: "Ask for fewer scopes, or give the service the scope with `ampho service-scopes`.",
    message: "The service account does not have all of these scopes.",
    details: { oauth: true },
  },
  unsupported_grant_type: {
    cause: "`POST /token` takes only the grant `client_credentials`.",
    fix: "Send `grant_type=client_credentials`. Users sign in at `POST /login`.",
    message: "The grant type must be client_credentials.",
    details: { oauth: true },
  },
  invalid_token: {
    cause: "The token is malformed, forged, expired, not yet valid or revoked.",
    fix: "Renew the session once. If that fails too, ask the user to sign in.",
    message: "The session has ended.",
  },
  factor_needed: {
    cause:
      "The first factor is right, and the account or its policy asks for a second one. `factors` lists what the account can prove. With `enroll` it has none and must set one up. With `mail` the set-up also needs a code, which was mailed to the address of the account. If `mail` is false, too many were mailed, and `retry_after` states the wait.",
    fix: "Ask for one of `factors`, and send it with `transaction` to `POST /login`. With `enroll`, send `transaction` to `POST /totp` or `POST /passkeys/options`, and with `mail` also the mailed code as `code`. If `mail` is false, sign in again after `retry_after` seconds.",
    message: "A second factor is needed.",
    details: { transaction: "eyJhbGciOi…", factors: ["totp", "recovery_code"], enroll: false },
  },
  link_needed: {
    cause:
      "The identity at the outside provider belongs to no account yet. `ways` lists what can prove the account: `login` is its login and password, `mail` is the code that was mailed to the address of the identity. It is absent while the address can get no further mail.",
    fix: "Ask for one of `ways`, and send it with `transaction` to `POST /login`. The login links the identity, or creates an account with it.",
    message: "This identity belongs to no account yet. Prove the account or the address.",
    details: { transaction: "eyJhbGciOi…", ways: ["login", "mail"] },
  },
  login_too_old: {
    cause: "The route requires a more recent login. The `max_age` of the challenge is the greatest age in seconds.",
    fix: "Ask for the password, and call `POST /login` with the current bearer token. This re-authenticates the session. Or begin a login at the user's provider with this `max_age`.",
    message: "This action needs a more recent login. Sign in again.",
    details: { maxAgeSeconds: 300 },
  },
  login_too_weak: {
    cause:
      "The route requires a stronger login. The `acr_values` of the challenge is the lowest level. Its `max_age` is the greatest age in seconds, where the route limits that too.",
    fix: "Ask for a second factor, and call `POST /login` with the current bearer token. This raises the level of the session.",
    message: "This action needs a second factor. Prove one.",
    details: { acr: "2fa" },
  },
  session_ended: {
    cause: "The session has expired or was ended, or the token was used before.",
    fix: "Delete the tokens and ask the user to sign in.",
    message: "The session has ended. Sign in again.",
  },
  transaction_over: {
    cause:
      "The transaction has expired, was used before, is for another purpose, or had too many wrong attempts. The response reveals nothing about an account.",
    fix: "Delete the transaction and begin again.",
    message: "The transaction is over. Begin again.",
  },
  unknown_passkey: {
    cause: "No account has this passkey, so its signature cannot be checked.",
    fix: "Let the browser forget the passkey (`PublicKeyCredential.signalUnknownCredential`), and ask for another login.",
    message: "No account has this passkey. It was removed, or it belongs to another application.",
  },
  match_needed: {
    cause: "A mailed link was opened in another browser than the one that asked for it.",
    fix: "Ask for the two digits that the asking browser shows, and send them as `match`.",
    message: "This link was opened in another browser. Enter the number that the first browser shows.",
  },
  outside_cancelled: {
    cause:
      "The user has cancelled the login at the outside provider, or the provider has denied it (`access_denied`). The callback and the client report it.",
    fix: "Show the ways to sign in again. It is no failure.",
    message: "The login at the provider was cancelled.",
  },
  insufficient_scope: {
    cause: "The user is known, but lacks the role, scope or permission that the route requires.",
    fix: "Do not retry. Give the user the role.",
    message: "You do not have the permission that this requires.",
    details: { scopes: ["articles:write"] },
  },
  credential_not_accepted: {
    cause:
      "The token is good, but the route does not take its kind, such as a token without a session, or the token of another actor than the user. The message lists the kinds that the route takes.",
    fix: "Use a token from `POST /login`. Or name the kind in the requirement `credentials` of the route.",
    message: "This does not take the token that was sent. It takes these kinds: session, foreign.",
  },
  registration_closed: {
    cause: "`AMPHO_SECURITY_REGISTRATION` does not allow this registration, or its invitation is not valid.",
    fix: "Ask for an invitation.",
    message: "The invitation is not valid any more.",
  },
  address_needed: {
    cause:
      "The identity at the outside provider belongs to no account, and the provider has sent no address for a new one. Users can register.",
    fix: "Let the user add an address at the provider or share it, or sign in another way and link the identity.",
    message: "A new account needs an address, and the provider has sent none.",
  },
  account_pending: {
    cause: "The account was created disabled, as the application decides for new users.",
    fix: "Sign in when the application has enabled the account.",
    message: "Your account was created. You can sign in when it has been enabled.",
  },
  cross_site: {
    cause:
      "Tokens are in cookies (`AMPHO_SECURITY_COOKIES`), and a page of another site might have sent the request. Nothing was done.",
    fix: "Call from a page of the same origin. Or list the page's origin in `AMPHO_SECURITY_CORS_ORIGINS`, if it is of the same site.",
    message: "The request comes from a page of another site. Nothing was done.",
  },
  not_found: {
    cause: "The path does not exist, what it needs is not configured, or the user has nothing with this id.",
    fix: "Check the path, the prefix, the id and the configuration.",
    message: "This path does not exist.",
  },
  method_not_allowed: {
    cause: "The path exists, but not with this method.",
    fix: "Use one of the methods in the `Allow` header.",
    message: "This path allows only GET, HEAD.",
    details: { allow: ["GET", "HEAD"] },
  },
  request_timeout: {
    cause: "The request was not complete after 30 seconds. The connection is closed.",
    fix: "Send the request again on a new connection.",
    message: "The request was not complete after 30 seconds.",
  },
  login_taken: {
    cause: "Another user has this login. Logins that differ only in case or width are the same login.",
    fix: "Choose another login.",
    message: "A user with this login already exists. Choose another one.",
  },
  email_taken: {
    cause: "Another user has this address.",
    fix: "Use another address, or sign in to the account that has it.",
    message: "Another user has this address.",
  },
  identity_taken: {
    cause: "The identity at the outside provider belongs to another account.",
    fix: "Sign in with the identity, and unlink it in that account first.",
    message: "Another account has this identity. Unlink it there first.",
  },
  last_way_in: {
    cause:
      "Without this factor, password or identity, the user could no longer sign in, or not as the policy of the account requires.",
    fix: "Add another way to sign in first, or ask an operator.",
    message: "Your account requires this factor. Add another one first.",
  },
  payload_too_large: {
    cause: "The request body is larger than 16 KiB.",
    fix: "Send a smaller body.",
    message: "The request body is larger than 16 KiB.",
  },
  unsupported_media_type: {
    cause: "The request body is neither JSON nor a form, is not in UTF-8, or is compressed.",
    fix: "Send `Content-Type: application/json` and UTF-8 without a content coding.",
    message:
      "The request body must be application/json or application/x-www-form-urlencoded, in UTF-8 and not compressed.",
  },
  too_many_attempts: {
    cause: "Too many attempts failed, or too many mails were asked for, for this login or from this address.",
    fix: "Wait for the seconds in `Retry-After`. An operator can run `ampho throttle-clear`.",
    message: "Too many attempts. Wait before the next one.",
    details: { retryAfterSeconds: 60 },
  },
  captcha_needed: {
    cause: "Too many attempts failed, for this login or from this address. A solved captcha buys the next attempt.",
    fix: "Show the captcha, and send its token as `captcha` with the same request. Or wait for the seconds in `Retry-After`.",
    message: "Too many attempts. Solve the captcha, or wait before the next one.",
    details: { retryAfterSeconds: 60 },
  },
  overloaded: {
    cause: "The process has more work than it can do in time.",
    fix: "Wait for the seconds in `Retry-After`. If it happens often, add processes (`docs/operate/scaling.md`).",
    message: "Too many passwords are being checked right now.",
    details: { retryAfterSeconds: 2 },
  },
  unavailable: {
    cause: "The request needs something that is unreachable, for example the database.",
    fix: "Wait for the seconds in `Retry-After`. The operator finds the cause in `/readyz` and in the log.",
    message: "The database did not respond.",
    details: { retryAfterSeconds: 1 },
  },
  internal_error: {
    cause: "A bug. The message reveals nothing internal.",
    fix: "Find the stack in the log by the request's `X-Request-Id`, and report it.",
    message: "An internal error occurred. The server has logged it.",
  },
};
