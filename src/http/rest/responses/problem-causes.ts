// The cause of each code, in OpenAPI and in docs/reference/errors.md. They are apart from problems.ts, which verifiers
// bundle. `scripts/docs-problems.mjs` has the remedy and an example of each code.
import type { ErrorCode } from "../../../errors.js";

export const problemCauses: Readonly<Record<ErrorCode, string>> = {
  invalid_request:
    "The request does not have the form that the route requires. The body is not JSON, a field is missing or has the wrong type, the query contains a credential, or the request carries two tokens.",
  password_rejected: "The new password breaks a rule of the password policy. `reason` names the rule.",
  invalid_credentials:
    "The login, the password or the second factor is wrong or was used before. The response is the same whether the login exists, is disabled or has no password. After a right first factor, `reason` is `code_used` for a code of an authenticator app that was used before.",
  missing_token: "The request carries no bearer token, and the route requires one.",
  invalid_client:
    "The service account could not be authenticated: its id, its key or its assertion is wrong, was used before or has ended. The response is the same for a disabled service.",
  invalid_scope:
    "The service account or the connection does not have one of the scopes that the client asks for, or has none at all.",
  unsupported_grant_type: "`POST /token` does not take this grant.",
  invalid_grant:
    "The code or the refresh token of a connection is wrong, was used before, or has ended, or belongs to another client. The response is the same for each.",
  invalid_target: "The resource is none of AMPHO_SECURITY_RESOURCES, or there are several and the client names none.",
  invalid_redirect_uri: "The redirect URIs of a registration are none, too many, or not of the form.",
  invalid_client_metadata: "Another member of a registration cannot be used.",
  unauthorized_client: "The service account is no client to which users connect their accounts.",
  unsupported_response_type: "The application does not ask for `code`.",
  interaction_required: "The application asks for tokens without asking the user, which no application can.",
  invalid_token: "The token is malformed, forged, expired, not yet valid or revoked.",
  factor_needed:
    "The first factor is right, and the account or its policy asks for a second one. `factors` lists what the account can prove. With `enroll` it has none and must set one up. With `mail` the set-up also needs a code, which was mailed to the address of the account. If `mail` is false, too many were mailed, and `retry_after` states the wait.",
  link_needed:
    "The identity at the outside provider belongs to no account yet. `ways` lists what can prove the account: `login` is its login and password, `mail` is the code that was mailed to the address of the identity. It is absent while the address can get no further mail.",
  confirmation_needed:
    "The change needs a confirmation: a code that `POST /account/confirm` mails, or a login with a passkey that verified its user and whose own set-up was confirmed. `change` names the change, and `ways` lists `mail` and `passkey`.",
  login_too_old:
    "The route requires a more recent login. The `max_age` of the challenge is the greatest age in seconds.",
  login_too_weak:
    "The route requires a stronger login. The `acr_values` of the challenge is the lowest level. Its `max_age` is the greatest age in seconds, where the route limits that too.",
  session_ended: "The session has expired or was ended, or the token was used before.",
  transaction_over:
    "The transaction has expired, was used before, is for another purpose, or had too many wrong attempts. The response reveals nothing about an account.",
  unknown_passkey: "No account has this passkey, so its signature cannot be checked.",
  match_needed: "A mailed link was opened in another browser than the one that asked for it.",
  outside_cancelled:
    "The user has cancelled the login at the outside provider, or the provider has denied it (`access_denied`). The callback and the client report it.",
  insufficient_scope: "The user is known, but lacks the role, scope or permission that the route requires.",
  credential_not_accepted:
    "The token is good, but the route does not take its kind, such as a token without a session, or the token of another actor than the user. The message lists the kinds that the route takes.",
  registration_closed:
    "`AMPHO_SECURITY_REGISTRATION` does not allow this registration, or its invitation is not valid.",
  address_needed:
    "The identity at the outside provider belongs to no account, and the provider has sent no address for a new one. Users can register.",
  account_pending: "The account was created disabled, as the application decides for new users.",
  cross_site:
    "Tokens are in cookies (`AMPHO_SECURITY_COOKIES`), and a page of another site might have sent the request. Nothing was done.",
  not_found: "The path does not exist, what it needs is not configured, or the user has nothing with this id.",
  method_not_allowed: "The path exists, but not with this method.",
  request_timeout: "The request was not complete after 30 seconds. The connection is closed.",
  login_taken: "Another user has this login. Logins that differ only in case or width are the same login.",
  email_taken: "Another user has this address.",
  identity_taken: "The identity at the outside provider belongs to another account.",
  last_way_in:
    "Without this factor, password or identity, the user could no longer sign in, or not as the policy of the account requires.",
  settled: "The alarm link was mailed to an address that the account no longer has, so it changes nothing.",
  payload_too_large: "The request body is larger than 16 KiB.",
  unsupported_media_type: "The request body is neither JSON nor a form, is not in UTF-8, or is compressed.",
  too_many_attempts: "Too many attempts failed, or too many mails were asked for, for this login or from this address.",
  captcha_needed:
    "Too many attempts failed, for this login or from this address. A solved captcha buys the next attempt.",
  overloaded: "The process has more work than it can do in time.",
  unavailable: "The request needs something that is unreachable, for example the database.",
  internal_error: "A bug. The message reveals nothing internal.",
};
