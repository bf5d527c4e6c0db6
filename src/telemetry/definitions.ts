// Every counter and histogram of an instance, with all values that a label may have. docs/metrics.md is made of this table and
// of those in gauges.ts and process.ts. Labels have OpenTelemetry's names where it has one for them.

import { type ErrorCode, errorCodes } from "../errors.js";
import { flowNames } from "../flows/flows.js";
import { problems } from "../http/rest/responses/problems.js";
import { routes } from "../http/rest/routes.js";
import { operationNames } from "../store/operations.js";
import { type CounterKind, counterKinds } from "../throttle/counter-kinds.js";
import type { Definition, Labels } from "./registry.js";

/** Requests with these errors end before a flow is called. */
const httpErrors: readonly ErrorCode[] = [
  "missing_token",
  "cross_site",
  "login_too_old",
  "method_not_allowed",
  "request_timeout",
  "payload_too_large",
  "unsupported_media_type",
];
export const flowResults: readonly ("ok" | ErrorCode)[] = [
  "ok",
  ...errorCodes.filter((code) => !httpErrors.includes(code)),
];

export const guardResults = [
  "ok",
  "anonymous",
  "missing_token",
  "invalid_token",
  "login_too_old",
  "insufficient_scope",
  "cross_site",
  "invalid_request",
  "unavailable",
  "internal_error",
] as const;

export const storeErrors = ["unavailable", "overloaded", "internal_error"] as const;

/** `_OTHER` is OpenTelemetry's word for what is none of the known ones. */
export const other = "_OTHER";
export const methods = ["GET", "HEAD", "POST", "DELETE", "OPTIONS", other] as const;
const paths: readonly string[] = [...new Set(routes.map(({ path }) => path)), other];
const statuses: readonly string[] = [
  ...new Set([200, 204, ...Object.values(problems).map(({ status }) => status)].sort()),
].map(String);

const counterNames = Object.keys(counterKinds) as readonly CounterKind[];

function define<const L extends Labels>(name: string, labels: L, help: string): Definition<L> {
  return { name, labels, help };
}

export const counters = {
  flows: define(
    "ampho_flows_total",
    { flow: flowNames, result: flowResults },
    "What came of each call of a flow: ok, or the code of the error (docs/errors.md)",
  ),
  guards: define(
    "ampho_guard_decisions_total",
    { result: guardResults },
    "Guarded requests and checked tokens: ok, anonymous (no token, and none was needed), or the code of the refusal",
  ),
  renewals: define(
    "ampho_renewals_total",
    { outcome: ["renewed", "repeated", "unknown", "ended", "expired", "reauthenticated", "replayed", "user"] },
    "What the store said of each renewal: renewed; repeated (a lost answer or a second tab); or why the session is over, replayed being a token that was used long before",
  ),
  attempts: define(
    "ampho_attempts_total",
    { outcome: ["allowed", "pending", ...counterNames, "source"] },
    "Passwords that were to be looked at: admitted; pending (others have to be settled first); or the counter that refused them (docs/throttling.md)",
  ),
  revocations: define(
    "ampho_revocations_total",
    { kind: ["session", "user", "roles", "key", "all"] },
    "Revocations that this process has learned of since its start, its own and others'",
  ),
  storeErrors: define("ampho_store_errors_total", { "error.type": storeErrors }, "Calls of the store that failed"),
  internalErrors: define("ampho_internal_errors_total", {}, "Bugs, each with a line in the log"),
};

export const histograms = {
  flowSeconds: define("ampho_flow_duration_seconds", { flow: flowNames }, "How long each flow took that went well"),
  httpSeconds: define(
    "ampho_http_request_duration_seconds",
    { "http.request.method": methods, "http.route": paths, "http.response.status_code": statuses },
    "Requests to Ampho's own endpoints; the route is the pattern under the prefix, _OTHER what is none of them",
  ),
  storeSeconds: define(
    "ampho_store_duration_seconds",
    { "db.operation.name": operationNames },
    "Calls of the database by operation, including the wait for a connection",
  ),
  hashWaitSeconds: define(
    "ampho_hash_wait_seconds",
    {},
    "How long passwords waited for a thread, also those that were given up",
  ),
  hashSeconds: define("ampho_hash_duration_seconds", {}, "How long a thread took for one password"),
};
