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
  readonly headers?: (details: ErrorDetails) => Readonly<Record<string, string>>;
}

const challenge = (...parameters: readonly string[]) => ({ "WWW-Authenticate": [realm, ...parameters].join(", ") });

// The forms of most rows. Each verifier has this table in its bundle, and as literals it would be longer.
const plain = (status: number): Problem => ({ status });
const unauthorized = (...parameters: readonly string[]): Problem => ({
  status: 401,
  headers: () => challenge(...parameters),
});
const later = (status: number): Problem => ({
  status,
  headers: ({ retryAfterSeconds = 1 }) => ({ "Retry-After": String(Math.max(1, Math.ceil(retryAfterSeconds))) }),
});

const weakLogin = 'error="insufficient_user_authentication"';

/** One row for each code. The compiler reports a missing one. */
export const problems: Readonly<Record<ErrorCode, Problem>> = {
  invalid_request: plain(400),
  password_rejected: plain(400),
  invalid_credentials: unauthorized(),
  missing_token: unauthorized(),
  invalid_client: { status: 401, headers: () => ({ "WWW-Authenticate": 'Basic realm="ampho", charset="UTF-8"' }) },
  invalid_scope: plain(400),
  unsupported_grant_type: plain(400),
  invalid_grant: plain(400),
  invalid_target: plain(400),
  invalid_redirect_uri: plain(400),
  invalid_client_metadata: plain(400),
  unauthorized_client: plain(400),
  unsupported_response_type: plain(400),
  interaction_required: plain(400),
  invalid_token: unauthorized('error="invalid_token"'),
  factor_needed: unauthorized(),
  link_needed: unauthorized(),
  confirmation_needed: unauthorized(),
  login_too_old: {
    status: 401,
    headers: ({ maxAgeSeconds = 0 }) => challenge(weakLogin, maxAgeParameter(maxAgeSeconds)),
  },
  login_too_weak: {
    status: 401,
    headers: ({ acr, maxAgeSeconds }) =>
      challenge(
        weakLogin,
        ...tokensParameter("acr_values", acr === undefined ? [] : [acr]),
        ...(maxAgeSeconds === undefined ? [] : [maxAgeParameter(maxAgeSeconds)]),
      ),
  },
  session_ended: unauthorized('error="invalid_token"'),
  transaction_over: unauthorized(),
  unknown_passkey: unauthorized(),
  match_needed: unauthorized(),
  outside_cancelled: unauthorized(),
  insufficient_scope: {
    status: 403,
    headers: ({ scopes }) => challenge('error="insufficient_scope"', ...tokensParameter("scope", scopes)),
  },
  credential_not_accepted: plain(403),
  registration_closed: plain(403),
  address_needed: plain(403),
  account_pending: plain(403),
  cross_site: plain(403),
  not_found: plain(404),
  method_not_allowed: { status: 405, headers: (details) => ({ Allow: (details.allow ?? []).join(", ") }) },
  request_timeout: { status: 408, headers: () => ({ Connection: "close" }) },
  login_taken: plain(409),
  email_taken: plain(409),
  identity_taken: plain(409),
  last_way_in: plain(409),
  settled: plain(409),
  payload_too_large: plain(413),
  unsupported_media_type: plain(415),
  too_many_attempts: later(429),
  captcha_needed: later(429),
  overloaded: later(503),
  unavailable: later(503),
  internal_error: plain(500),
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
  const { field, reason, limit, transaction, factors, passkey = null, enroll, mail, ways, change } = details;
  const { retryAfterSeconds } = details;
  const description = details.oauth && message;
  const further =
    code === "factor_needed"
      ? { transaction, factors, passkey, enroll, mail, retry_after: retryAfterSeconds }
      : code === "link_needed"
        ? { transaction, ways }
        : { field, reason, limit, change, ways, location: details.returns };
  const problem: ProblemBody = { message, error: code, error_description: description, ...further };
  return {
    status,
    headers: { ...plainHeaders, "Content-Type": "application/json", ...headersOf(code, details) },
    // `JSON.stringify` leaves undefined members out.
    body: JSON.stringify(problem),
    error: code,
  };
}

/** With the metadata of the route's resource (RFC 9728 §5.1). Scopes help only where a token or a scope is missing. */
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
