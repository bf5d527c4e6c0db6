// The remedy and an example of each error code. docs/reference/errors.md shows them beside its cause.

export const problemExamples = {
  invalid_request: {
    fix: "Change the request. `field` names the wrong field where exactly one is wrong.",
    message: '"device" must be a text: the `device` of an earlier login.',
    details: { field: "device" },
  },
  password_rejected: {
    fix: "Show the user the message, or a text of your own for `reason`, and ask for another password.",
    message: "This password repeats a short piece. Use different words or characters instead.",
    details: { reason: "repeated" },
  },
  invalid_credentials: {
    fix: "Ask the user again, and for the next code if `reason` is `code_used`. Do not reveal what else was wrong.",
    message: "The login, the password or the code is wrong.",
  },
  missing_token: {
    fix: "Send the header `Authorization: Bearer TOKEN`.",
    message: "This route requires a bearer token.",
  },
  invalid_client: {
    fix: "Check the id and the key. `ampho service-show` lists the keys of a service.",
    message: "The service account could not be authenticated.",
    details: { oauth: true },
  },
  invalid_scope: {
    fix: "Ask for fewer scopes, or give the service the scope with `ampho service-scopes`.",
    message: "The service account does not have all of these scopes.",
    details: { oauth: true },
  },
  unsupported_grant_type: {
    fix: "Send one of the `grant_types_supported` of the metadata. Users sign in at `POST /login`.",
    message: "This grant type is not supported here.",
    details: { oauth: true },
  },
  invalid_grant: {
    fix: "Send the user to `GET /authorize` again.",
    message: "The code or the refresh token is wrong, was used before, or has ended.",
    details: { oauth: true },
  },
  invalid_target: {
    fix: "Name a resource as its metadata does (docs/guides/mcp.md).",
    message: "The resource must be one of this server, and be named where there are several.",
    details: { oauth: true },
  },
  invalid_redirect_uri: {
    fix: "Register https URLs in their normal form, http URLs of the computer itself, or private schemes.",
    message: "The redirect_uris must be an array of 1 to 5 texts.",
    details: { oauth: true },
  },
  invalid_client_metadata: {
    fix: "Register a shorter name, or fewer redirect URIs.",
    message: "The client_name must be a text.",
    details: { oauth: true },
  },
  unauthorized_client: {
    fix: "Give the service account redirect URIs with `ampho service-client`.",
    message: "Users cannot connect to this client.",
    details: { oauth: true },
  },
  unsupported_response_type: {
    fix: "Send `response_type=code`.",
    message: "The response_type must be code.",
    details: { returns: "https://reader.example/callback?error=unsupported_response_type" },
  },
  interaction_required: {
    fix: "Leave `prompt=none` out.",
    message: "The user must be asked.",
    details: { returns: "https://reader.example/callback?error=interaction_required" },
  },
  invalid_token: {
    fix: "Renew the session once. If that fails too, ask the user to sign in.",
    message: "The session has ended.",
  },
  factor_needed: {
    fix: "Ask for one of `factors`, and send it with `transaction` to `POST /login`. With `enroll`, send `transaction` to `POST /totp` or `POST /passkeys/options`, and with `mail` also the mailed code as `code`. If `mail` is false, sign in again after `retry_after` seconds.",
    message: "A second factor is needed.",
    details: { transaction: "eyJhbGciOi…", factors: ["totp", "recovery_code"], enroll: false },
  },
  link_needed: {
    fix: "Ask for one of `ways`, and send it with `transaction` to `POST /login`. The login links the identity, or creates an account with it.",
    message: "This identity belongs to no account yet. Prove the account or the address.",
    details: { transaction: "eyJhbGciOi…", ways: ["login", "mail"] },
  },
  confirmation_needed: {
    fix: "Send `change` to `POST /account/confirm`, ask for the mailed code, and send it to `POST /account/confirm/finish`. Then send the request again with the new tokens. With `passkey` in `ways`, a login with a passkey confirms it too.",
    message: "This change needs a code that is mailed to the address of the account.",
    details: { change: "further_factor", ways: ["mail"] },
  },
  login_too_old: {
    fix: "Ask for the password, and call `POST /login` with the current bearer token. This re-authenticates the session. Or begin a login at the user's provider with this `max_age`.",
    message: "This action needs a more recent login. Sign in again.",
    details: { maxAgeSeconds: 300 },
  },
  login_too_weak: {
    fix: "Ask for a second factor, and call `POST /login` with the current bearer token. This raises the level of the session.",
    message: "This action needs a second factor. Prove one.",
    details: { acr: "2fa" },
  },
  session_ended: {
    fix: "Delete the tokens and ask the user to sign in.",
    message: "The session has ended. Sign in again.",
  },
  transaction_over: {
    fix: "Delete the transaction and begin again.",
    message: "The transaction is over. Begin again.",
  },
  unknown_passkey: {
    fix: "Let the browser forget the passkey (`PublicKeyCredential.signalUnknownCredential`), and ask for another login.",
    message: "No account has this passkey. It was removed, or it belongs to another application.",
  },
  match_needed: {
    fix: "Ask for the two digits that the asking browser shows, and send them as `match`.",
    message: "This link was opened in another browser. Enter the number that the first browser shows.",
  },
  outside_cancelled: {
    fix: "Show the ways to sign in again. It is no failure.",
    message: "The login at the provider was cancelled.",
  },
  insufficient_scope: {
    fix: "Do not retry. Give the user the role.",
    message: "You do not have the permission that this requires.",
    details: { scopes: ["articles:write"] },
  },
  credential_not_accepted: {
    fix: "Use a token from `POST /login`. Or name the kind in the requirement `credentials` of the route.",
    message:
      "This does not accept an access token of a service account. It accepts a token of a session or a token of other software.",
  },
  registration_closed: {
    fix: "Ask for an invitation.",
    message: "The invitation is not valid any more.",
  },
  address_needed: {
    fix: "Let the user add an address at the provider or share it, or sign in another way and link the identity.",
    message: "A new account needs an address, and the provider has sent none.",
  },
  account_pending: {
    fix: "Sign in when the application has enabled the account.",
    message: "Your account was created. You can sign in when it has been enabled.",
  },
  cross_site: {
    fix: "Call from a page of the same origin. Or list the page's origin in `AMPHO_SECURITY_CORS_ORIGINS`, if it is of the same site.",
    message: "The request comes from a page of another site. Nothing was done.",
  },
  not_found: {
    fix: "Check the path, the prefix, the id and the configuration.",
    message: "This path does not exist.",
  },
  method_not_allowed: {
    fix: "Use one of the methods in the `Allow` header.",
    message: "This path allows only GET, HEAD.",
    details: { allow: ["GET", "HEAD"] },
  },
  request_timeout: {
    fix: "Send the request again on a new connection.",
    message: "The request was not complete after 30 seconds.",
  },
  login_taken: {
    fix: "Choose another login.",
    message: "A user with this login already exists. Choose another one.",
  },
  email_taken: {
    fix: "Use another address, or sign in to the account that has it.",
    message: "Another user has this address.",
  },
  identity_taken: {
    fix: "Sign in with the identity, and unlink it in that account first.",
    message: "Another account has this identity. Unlink it there first.",
  },
  last_way_in: {
    fix: "Add another way to sign in first, or ask an operator.",
    message: "Your account requires this factor. Add another one first.",
  },
  settled: {
    fix: "Show that the link changes nothing, and whom to write to. An operator can help (docs/operate/incidents.md).",
    message: "This link belongs to an address that the account no longer has.",
  },
  payload_too_large: {
    fix: "Send a smaller body.",
    message: "The request body is larger than 16 KiB.",
  },
  unsupported_media_type: {
    fix: "Send `Content-Type: application/json` and UTF-8 without a content coding.",
    message:
      "The request body must be application/json or application/x-www-form-urlencoded, in UTF-8 and not compressed.",
  },
  too_many_attempts: {
    fix: "Wait for the seconds in `Retry-After`. An operator can run `ampho throttle-clear`.",
    message: "Too many attempts. Wait before the next one.",
    details: { retryAfterSeconds: 60 },
  },
  captcha_needed: {
    fix: "Show the captcha, and send its token as `captcha` with the same request. Or wait for the seconds in `Retry-After`.",
    message: "Too many attempts. Solve the captcha, or wait before the next one.",
    details: { retryAfterSeconds: 60 },
  },
  overloaded: {
    fix: "Wait for the seconds in `Retry-After`. If it happens often, add processes (`docs/operate/scaling.md`).",
    message: "Too many passwords are being checked right now.",
    details: { retryAfterSeconds: 2 },
  },
  unavailable: {
    fix: "Wait for the seconds in `Retry-After`. The operator finds the cause in `/readyz` and in the log.",
    message: "The database did not respond.",
    details: { retryAfterSeconds: 1 },
  },
  internal_error: {
    fix: "Find the stack in the log by the request's `X-Request-Id`, and report it.",
    message: "An internal error occurred. The server has logged it.",
  },
};
