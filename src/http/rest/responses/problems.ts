// The one way out for errors: each code has a status, a challenge and headers.
// Challenges follow RFC 6750 §3 and RFC 9470 §3. A missing token's challenge carries no error code (RFC 6750 §3.1).

import { AmphoError, type ErrorCode, type ErrorDetails } from "../../../errors.js";
import type { ProblemBody } from "../../../wire/problem.js";
import type { HttpResponse } from "../message.js";
import { plainHeaders } from "./response.js";

/** Clients reject a response whose headers are larger than 16 KiB. */
const parameterMax = 4096;

const realm = 'Bearer realm="ampho"';

interface Problem {
  readonly status: number;
  /** The cause, for OpenAPI and docs/reference/errors.md: a sentence, or several. */
  readonly cause: string;
  /** The remedy for the client, the developer or the operator. */
  readonly fix: string;
  /** The headers that belong to this code. */
  readonly headers?: (details: ErrorDetails) => Readonly<Record<string, string>>;
}

const challenge =
  (...parameters: readonly string[]) =>
  () => ({ "WWW-Authenticate": [realm, ...parameters].join(", ") });

const retryAfter = (details: ErrorDetails) => ({
  "Retry-After": String(Math.max(1, Math.ceil(details.retryAfterSeconds ?? 1))),
});

/** One row for each code. The compiler reports a missing one. */
export const problems: Readonly<Record<ErrorCode, Problem>> = {
  invalid_request: {
    status: 400,
    cause:
      "The request does not have the form that the route requires. The body is not JSON, a field is missing or has the wrong type, the query contains a credential, or the request carries two tokens.",
    fix: "Change the request. `field` names the wrong field where exactly one is wrong.",
  },
  password_rejected: {
    status: 400,
    cause: "The new password breaks a rule of the password policy. `reason` names the rule.",
    fix: "Show the user the message, or a text of your own for `reason`, and ask for another password.",
  },
  invalid_credentials: {
    status: 401,
    cause:
      "The login, the password or the second factor is wrong or was used before. The response is the same whether the login exists, is disabled or has no password. After a right first factor, `reason` is `code_used` for a code of an authenticator app that was used before.",
    fix: "Ask the user again, and for the next code if `reason` is `code_used`. Do not reveal what else was wrong.",
    headers: challenge(),
  },
  missing_token: {
    status: 401,
    cause: "The request carries no bearer token, and the route requires one.",
    fix: "Send the header `Authorization: Bearer TOKEN`.",
    headers: challenge(),
  },
  invalid_client: {
    status: 401,
    cause:
      "The service account could not be authenticated: its id, its key or its assertion is wrong, was used before or has ended. The response is the same for a disabled service.",
    fix: "Check the id and the key. `ampho service-show` lists the keys of a service.",
    headers: () => ({ "WWW-Authenticate": 'Basic realm="ampho", charset="UTF-8"' }),
  },
  invalid_scope: {
    status: 400,
    cause: "The service account does not have one of the scopes that it asks for, or has none at all.",
    fix: "Ask for fewer scopes, or give the service the scope with `ampho service-scopes`.",
  },
  unsupported_grant_type: {
    status: 400,
    cause: "`POST /token` takes only the grant `client_credentials`.",
    fix: "Send `grant_type=client_credentials`. Users sign in at `POST /login`.",
  },
  invalid_token: {
    status: 401,
    cause: "The token is malformed, forged, expired, not yet valid or revoked.",
    fix: "Renew the session once. If that fails too, ask the user to sign in.",
    headers: challenge('error="invalid_token"'),
  },
  factor_needed: {
    status: 401,
    cause:
      "The first factor is right, and the account or its policy asks for a second one. `factors` lists what the account can prove. With `enroll` it has none and must set one up. With `mail` the set-up also needs a code, which was mailed to the address of the account. If `mail` is false, too many were mailed, and `retry_after` states the wait.",
    fix: "Ask for one of `factors`, and send it with `transaction` to `POST /login`. With `enroll`, send `transaction` to `POST /totp` or `POST /passkeys/options`, and with `mail` also the mailed code as `code`. If `mail` is false, sign in again after `retry_after` seconds.",
    headers: challenge(),
  },
  link_needed: {
    status: 401,
    cause:
      "The identity at the outside provider belongs to no account yet. `ways` lists what can prove the account: `login` is its login and password, `mail` is the code that was mailed to the address of the identity. It is absent while the address can get no further mail.",
    fix: "Ask for one of `ways`, and send it with `transaction` to `POST /login`. The login links the identity, or creates an account with it.",
    headers: challenge(),
  },
  login_too_old: {
    status: 401,
    cause: "The route requires a more recent login. The `max_age` of the challenge is the greatest age in seconds.",
    fix: "Ask for the password, and call `POST /login` with the current bearer token. This re-authenticates the session. Or begin a login at the user's provider with this `max_age`.",
    headers: (details) =>
      challenge('error="insufficient_user_authentication"', maxAgeParameter(details.maxAgeSeconds ?? 0))(),
  },
  login_too_weak: {
    status: 401,
    cause:
      "The route requires a stronger login. The `acr_values` of the challenge is the lowest level. Its `max_age` is the greatest age in seconds, where the route limits that too.",
    fix: "Ask for a second factor, and call `POST /login` with the current bearer token. This raises the level of the session.",
    headers: ({ acr, maxAgeSeconds }) =>
      challenge(
        'error="insufficient_user_authentication"',
        ...tokensParameter("acr_values", acr === undefined ? [] : [acr]),
        ...(maxAgeSeconds === undefined ? [] : [maxAgeParameter(maxAgeSeconds)]),
      )(),
  },
  session_ended: {
    status: 401,
    cause: "The session has expired or was ended, or the token was used before.",
    fix: "Delete the tokens and ask the user to sign in.",
    headers: challenge('error="invalid_token"'),
  },
  transaction_over: {
    status: 401,
    cause:
      "The transaction has expired, was used before, is for another purpose, or had too many wrong attempts. The response reveals nothing about an account.",
    fix: "Delete the transaction and begin again.",
    headers: challenge(),
  },
  unknown_passkey: {
    status: 401,
    cause: "No account has this passkey, so its signature cannot be checked.",
    fix: "Let the browser forget the passkey (`PublicKeyCredential.signalUnknownCredential`), and ask for another login.",
    headers: challenge(),
  },
  match_needed: {
    status: 401,
    cause: "A mailed link was opened in another browser than the one that asked for it.",
    fix: "Ask for the two digits that the asking browser shows, and send them as `match`.",
    headers: challenge(),
  },
  outside_cancelled: {
    status: 401,
    cause:
      "The user has cancelled the login at the outside provider, or the provider has denied it (`access_denied`). The callback and the client report it.",
    fix: "Show the ways to sign in again. It is no failure.",
    headers: challenge(),
  },
  insufficient_scope: {
    status: 403,
    cause: "The user is known, but lacks the role, scope or permission that the route requires.",
    fix: "Do not retry. Give the user the role.",
    headers: (details) => challenge('error="insufficient_scope"', ...tokensParameter("scope", details.scopes))(),
  },
  credential_not_accepted: {
    status: 403,
    cause:
      "The token is good, but the route does not take its kind, such as a token without a session, or the token of another actor than the user. The message lists the kinds that the route takes.",
    fix: "Use a token from `POST /login`. Or name the kind in the requirement `credentials` of the route.",
  },
  registration_closed: {
    status: 403,
    cause: "`AMPHO_SECURITY_REGISTRATION` does not allow this registration, or its invitation is not valid.",
    fix: "Ask for an invitation.",
  },
  address_needed: {
    status: 403,
    cause:
      "The identity at the outside provider belongs to no account, and the provider has sent no address for a new one. Users can register.",
    fix: "Let the user add an address at the provider or share it, or sign in another way and link the identity.",
  },
  account_pending: {
    status: 403,
    cause: "The account was created disabled, as the application decides for new users.",
    fix: "Sign in when the application has enabled the account.",
  },
  cross_site: {
    status: 403,
    cause:
      "Tokens are in cookies (`AMPHO_SECURITY_COOKIES`), and a page of another site might have sent the request. Nothing was done.",
    fix: "Call from a page of the same origin. Or list the page's origin in `AMPHO_SECURITY_CORS_ORIGINS`, if it is of the same site.",
  },
  not_found: {
    status: 404,
    cause: "The path does not exist, what it needs is not configured, or the user has nothing with this id.",
    fix: "Check the path, the prefix, the id and the configuration.",
  },
  method_not_allowed: {
    status: 405,
    cause: "The path exists, but not with this method.",
    fix: "Use one of the methods in the `Allow` header.",
    headers: (details) => ({ Allow: (details.allow ?? []).join(", ") }),
  },
  request_timeout: {
    status: 408,
    cause: "The request was not complete after 30 seconds. The connection is closed.",
    fix: "Send the request again on a new connection.",
    headers: () => ({ Connection: "close" }),
  },
  login_taken: {
    status: 409,
    cause: "Another user has this login. Logins that differ only in case or width are the same login.",
    fix: "Choose another login.",
  },
  email_taken: {
    status: 409,
    cause: "Another user has this address.",
    fix: "Use another address, or sign in to the account that has it.",
  },
  identity_taken: {
    status: 409,
    cause: "The identity at the outside provider belongs to another account.",
    fix: "Sign in with the identity, and unlink it in that account first.",
  },
  last_way_in: {
    status: 409,
    cause:
      "Without this factor, password or identity, the user could no longer sign in, or not as the policy of the account requires.",
    fix: "Add another way to sign in first, or ask an operator.",
  },
  payload_too_large: { status: 413, cause: "The request body is larger than 16 KiB.", fix: "Send a smaller body." },
  unsupported_media_type: {
    status: 415,
    cause: "The request body is neither JSON nor a form, is not in UTF-8, or is compressed.",
    fix: "Send `Content-Type: application/json` and UTF-8 without a content coding.",
  },
  too_many_attempts: {
    status: 429,
    cause: "Too many attempts failed, or too many mails were asked for, for this login or from this address.",
    fix: "Wait for the seconds in `Retry-After`. An operator can run `ampho throttle-clear`.",
    headers: retryAfter,
  },
  captcha_needed: {
    status: 429,
    cause: "Too many attempts failed, for this login or from this address. A solved captcha buys the next attempt.",
    fix: "Show the captcha, and send its token as `captcha` with the same request. Or wait for the seconds in `Retry-After`.",
    headers: retryAfter,
  },
  overloaded: {
    status: 503,
    cause: "The process has more work than it can do in time.",
    fix: "Wait for the seconds in `Retry-After`. If it happens often, add processes (`docs/operate/scaling.md`).",
    headers: retryAfter,
  },
  unavailable: {
    status: 503,
    cause: "The request needs something that is unreachable, for example the database.",
    fix: "Wait for the seconds in `Retry-After`. The operator finds the cause in `/readyz` and in the log.",
    headers: retryAfter,
  },
  internal_error: {
    status: 500,
    cause: "A bug. The message reveals nothing internal.",
    fix: "Find the stack in the log by the request's `X-Request-Id`, and report it.",
  },
};

/** Returns the response to an error. `requestId` is the id of the request in the log. */
export type ErrorResponder = (error: unknown, requestId?: string) => HttpResponse;

/** `report` gets every error that is no AmphoError. Its response is `internal_error`. */
export function createErrorResponder(report: (error: unknown, requestId: string | undefined) => void): ErrorResponder {
  return (error, requestId) => {
    if (error instanceof AmphoError) return errorResponse(error);
    report(error, requestId);
    return errorResponse(new AmphoError("internal_error", "An internal error occurred. The server has logged it."));
  };
}

function errorResponse({ code, message, details }: AmphoError): HttpResponse {
  const { status } = problems[code];
  const { field, reason, limit, transaction, factors, passkey = null, enroll, mail, ways, retryAfterSeconds } = details;
  const description = details.oauth && message;
  const further =
    code === "factor_needed"
      ? { transaction, factors, passkey, enroll, mail, retry_after: retryAfterSeconds }
      : code === "link_needed"
        ? { transaction, ways }
        : { field, reason, limit };
  const problem: ProblemBody = { message, error: code, error_description: description, ...further };
  return {
    status,
    headers: { ...plainHeaders, "Content-Type": "application/json", ...headersOf(code, details) },
    // `JSON.stringify` leaves undefined members out.
    body: JSON.stringify(problem),
    error: code,
  };
}

/**
 * With the metadata of the resource of the route (RFC 9728 §5.1). Scopes help only where a token or a scope is missing.
 */
function headersOf(code: ErrorCode, details: ErrorDetails): Readonly<Record<string, string>> {
  const { status, headers } = problems[code];
  const own = headers?.(details) ?? {};
  const { resource } = details;
  if (resource === undefined || (status !== 401 && status !== 403)) return own;
  const { "WWW-Authenticate": challenge = realm } = own;
  const scope = status === 401 ? tokensParameter("scope", resource.scopes) : [];
  return { ...own, "WWW-Authenticate": [challenge, `resource_metadata="${resource.metadata}"`, ...scope].join(", ") };
}

const maxAgeParameter = (seconds: number) => `max_age="${Math.floor(seconds)}"`;

/** A list holds only scope-tokens (RFC 6749 §3.3), because a quote in one would break out of the challenge. */
function tokensParameter(name: string, values: readonly string[] = []): readonly string[] {
  const tokens = values.filter((value) => /^[!#-[\]-~]+$/.test(value)).join(" ");
  return tokens === "" || tokens.length > parameterMax ? [] : [`${name}="${tokens}"`];
}
