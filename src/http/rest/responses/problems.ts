// The one way out for errors: code -> status, challenge and headers.
// Challenges: RFC 6750 §3, RFC 9470 §3. A missing token's challenge carries no error code (RFC 6750 §3.1).
import { AmphoError, type ErrorCode, type ErrorDetails } from "../../../errors.js";
import type { HttpResponse } from "../message.js";

const realm = 'Bearer realm="ampho"';

type RefusalReport = (error: unknown, requestId: string | undefined) => void;

interface Problem {
  readonly status: number;
  /** When it is answered, for the docs. */
  readonly when: string;
  /** Headers that belong to this code. */
  readonly headers?: (details: ErrorDetails) => Readonly<Record<string, string>>;
}

const challenge =
  (...parts: readonly string[]) =>
  () => ({ "WWW-Authenticate": [realm, ...parts].join(", ") });

const retryAfter = (details: ErrorDetails) => ({
  "Retry-After": String(Math.max(1, Math.ceil(details.retryAfterSeconds ?? 1))),
});

/** Every code's status; the compiler sees that none is missing. */
export const problems: Readonly<Record<ErrorCode, Problem>> = {
  invalid_request: {
    status: 400,
    when: "the request is not what the route takes: not JSON, a field missing or of the wrong type, credentials in the query, two tokens, a refused new password",
  },
  password_rejected: {
    status: 400,
    when: "the new password breaks the policy; `reason` is the rule",
  },
  invalid_credentials: {
    status: 401,
    when: "wrong login or password; the same answer whether the login exists, is disabled or has no password",
    headers: challenge(),
  },
  missing_token: { status: 401, when: "no bearer token was sent", headers: challenge() },
  invalid_token: {
    status: 401,
    when: "the token is malformed, forged, expired, not yet valid or revoked",
    headers: challenge('error="invalid_token"'),
  },
  login_too_old: {
    status: 401,
    when: "the route asks for a login fresher than this one; logging in again with the bearer token sent along mends it",
    headers: (details) =>
      challenge('error="insufficient_user_authentication"', `max_age="${Math.floor(details.maxAgeSeconds ?? 0)}"`)(),
  },
  session_ended: {
    status: 401,
    when: "the session has expired, was ended, or the token was used before; only a new login helps",
    headers: challenge('error="invalid_token"'),
  },
  insufficient_scope: {
    status: 403,
    when: "a known user without the role, scope or permission that the route asks for, or a token without the session that it needs",
    headers: (details) => challenge('error="insufficient_scope"', ...scopeParameter(details.scopes))(),
  },
  cross_site: {
    status: 403,
    when: "with `AMPHO_SECURITY_COOKIES`: a request that a page of another site may have sent; nothing was done",
  },
  not_found: { status: 404, when: "there is no such path, or nothing of one's own by that id" },
  method_not_allowed: {
    status: 405,
    when: "the path is there, the method is not; `Allow` lists those that are",
    headers: (details) => ({ Allow: (details.allow ?? []).join(", ") }),
  },
  request_timeout: {
    status: 408,
    when: "the request was not complete after 30 s; the connection is closed",
    headers: () => ({ Connection: "close" }),
  },
  login_taken: { status: 409, when: "the login exists already" },
  payload_too_large: { status: 413, when: "the body is larger than 16 KiB" },
  unsupported_media_type: { status: 415, when: "the body is neither JSON nor a form, not in UTF-8, or compressed" },
  too_many_attempts: { status: 429, when: "too many tries; `Retry-After` says how long to wait", headers: retryAfter },
  overloaded: { status: 503, when: "more work than can be done in time; `Retry-After`", headers: retryAfter },
  unavailable: {
    status: 503,
    when: "what the answer needs is away, such as the store; `Retry-After`",
    headers: retryAfter,
  },
  internal_error: { status: 500, when: "a bug; the message tells nothing of the inside" },
};

/** Headers of every answer. */
export const plainHeaders: Readonly<Record<string, string>> = {
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
};

/** The answer to an error; `requestId` is that of the request, for the log. */
export type ErrorResponder = (error: unknown, requestId?: string) => HttpResponse;

/** Builds the way out: what is no AmphoError is told to `report` and answered as `internal_error`. */
export function createErrorResponder(report: RefusalReport): ErrorResponder {
  return (error, requestId) => {
    if (error instanceof AmphoError) return refuse(error);
    report(error, requestId);
    return refuse(new AmphoError("internal_error", "Something went wrong on the server."));
  };
}

function refuse({ code, message, details }: AmphoError): HttpResponse {
  const { status, headers } = problems[code];
  return {
    status,
    headers: { ...plainHeaders, "Content-Type": "application/json", ...headers?.(details) },
    body: JSON.stringify({ message, error: code }),
    error: code,
  };
}

/** `scope` holds only scope-tokens (RFC 6749 §3.3): a quote in one would break out of the challenge. */
function scopeParameter(scopes: readonly string[] = []): readonly string[] {
  const tokens = scopes.filter((scope) => /^[!#-[\]-~]+$/.test(scope));
  return tokens.length === 0 ? [] : [`scope="${tokens.join(" ")}"`];
}
