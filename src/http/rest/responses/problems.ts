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

const challenge =
  (...parameters: readonly string[]) =>
  () => ({ "WWW-Authenticate": [realm, ...parameters].join(", ") });

const retryAfter = (details: ErrorDetails) => ({
  "Retry-After": String(Math.max(1, Math.ceil(details.retryAfterSeconds ?? 1))),
});

/** One row for each code. The compiler reports a missing one. */
export const problems: Readonly<Record<ErrorCode, Problem>> = {
  invalid_request: { status: 400 },
  password_rejected: { status: 400 },
  invalid_credentials: { status: 401, headers: challenge() },
  missing_token: { status: 401, headers: challenge() },
  invalid_client: { status: 401, headers: () => ({ "WWW-Authenticate": 'Basic realm="ampho", charset="UTF-8"' }) },
  invalid_scope: { status: 400 },
  unsupported_grant_type: { status: 400 },
  invalid_token: { status: 401, headers: challenge('error="invalid_token"') },
  factor_needed: { status: 401, headers: challenge() },
  link_needed: { status: 401, headers: challenge() },
  confirmation_needed: { status: 401, headers: challenge() },
  login_too_old: {
    status: 401,
    headers: (details) =>
      challenge('error="insufficient_user_authentication"', maxAgeParameter(details.maxAgeSeconds ?? 0))(),
  },
  login_too_weak: {
    status: 401,
    headers: ({ acr, maxAgeSeconds }) =>
      challenge(
        'error="insufficient_user_authentication"',
        ...tokensParameter("acr_values", acr === undefined ? [] : [acr]),
        ...(maxAgeSeconds === undefined ? [] : [maxAgeParameter(maxAgeSeconds)]),
      )(),
  },
  session_ended: { status: 401, headers: challenge('error="invalid_token"') },
  transaction_over: { status: 401, headers: challenge() },
  unknown_passkey: { status: 401, headers: challenge() },
  match_needed: { status: 401, headers: challenge() },
  outside_cancelled: { status: 401, headers: challenge() },
  insufficient_scope: {
    status: 403,
    headers: (details) => challenge('error="insufficient_scope"', ...tokensParameter("scope", details.scopes))(),
  },
  credential_not_accepted: { status: 403 },
  registration_closed: { status: 403 },
  address_needed: { status: 403 },
  account_pending: { status: 403 },
  cross_site: { status: 403 },
  not_found: { status: 404 },
  method_not_allowed: { status: 405, headers: (details) => ({ Allow: (details.allow ?? []).join(", ") }) },
  request_timeout: { status: 408, headers: () => ({ Connection: "close" }) },
  login_taken: { status: 409 },
  email_taken: { status: 409 },
  identity_taken: { status: 409 },
  last_way_in: { status: 409 },
  settled: { status: 409 },
  payload_too_large: { status: 413 },
  unsupported_media_type: { status: 415 },
  too_many_attempts: { status: 429, headers: retryAfter },
  captcha_needed: { status: 429, headers: retryAfter },
  overloaded: { status: 503, headers: retryAfter },
  unavailable: { status: 503, headers: retryAfter },
  internal_error: { status: 500 },
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
        : { field, reason, limit, change, ways };
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
