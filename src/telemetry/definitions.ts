// The table of counters and histograms of an instance, with all values of their labels. docs/operate/metrics.md is
// generated from this table and those of gauges.ts and process-metrics.ts. Labels have OpenTelemetry's names.
import type { UserChange } from "../audit/events.js";
import { type ErrorCode, errorCodes } from "../errors.js";
import { flowNames } from "../flows/flows.js";
import type { HookOutcome } from "../flows/manage/user-hooks.js";
import { problems } from "../http/rest/responses/problems.js";
import { routes } from "../http/rest/routes.js";
import type { MailOutcomeName } from "../mail/outbox.js";
import type { BreachOutcome } from "../passwords/breach-check.js";
import { operationNames } from "../store/operations.js";
import { connectionOutcomes } from "../store/sql/account/connections.js";
import type { CaptchaOutcome } from "../throttle/captcha.js";
import { type CounterKind, counterKinds } from "../throttle/counter-kinds.js";
import type { Definition, Labels } from "./registry.js";

/** Requests with these errors end before a flow is called. */
const httpErrors: readonly ErrorCode[] = [
  "missing_token",
  "cross_site",
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
  "login_too_weak",
  "insufficient_scope",
  "credential_not_accepted",
  "cross_site",
  "invalid_request",
  "too_many_attempts",
  "overloaded",
  "unavailable",
  "internal_error",
] as const;

export const storeErrors = ["unavailable", "overloaded", "internal_error"] as const;

/** OpenTelemetry's value for everything that is not in a list. */
export const other = "_OTHER";
export const requestMethods = ["GET", "HEAD", "POST", "DELETE", "OPTIONS", other] as const;
const paths: readonly string[] = [...new Set(routes.map(({ path }) => path)), other];
/** `/.well-known/change-password` is no route. */
const rootRedirect = 302;
const statuses: readonly string[] = [
  ...new Set([rootRedirect, ...[...routes, ...Object.values(problems)].map(({ status }) => status)].sort()),
].map(String);

const counterNames = Object.keys(counterKinds) as readonly CounterKind[];

function define<const L extends Labels>(name: string, about: Omit<Definition<L>, "name">): Definition<L> {
  return { name, ...about };
}

export const counters = {
  flows: define("ampho_flows_total", {
    labels: { flow: flowNames, result: flowResults },
    help: "Calls of flows by result: ok, or the code of the error (docs/reference/errors.md)",
  }),
  guards: define("ampho_guard_decisions_total", {
    labels: { result: guardResults },
    help: "Guarded requests and verified tokens by result: ok, anonymous (an optional token was missing), or the code of the error",
  }),
  renewals: define("ampho_renewals_total", {
    labels: {
      outcome: [
        "renewed",
        "repeated",
        "unknown",
        "ended",
        "expired",
        "reauthenticated",
        "too_late",
        "replayed",
        "user",
      ],
    },
    help: "Renewals by outcome: renewed, repeated (a lost response or a second tab), or the reason why the session is over",
  }),
  connectionTokens: define("ampho_connection_tokens_total", {
    labels: { outcome: connectionOutcomes },
    help: "Requests for tokens of connections by outcome",
  }),
  attempts: define("ampho_attempts_total", {
    labels: { outcome: ["allowed", "pending", "captcha_used", ...counterNames, "source"] },
    help: "Attempts by outcome: allowed, pending (others must be settled first), captcha_used, or the counter that rejected them (docs/operate/throttling.md)",
  }),
  revocations: define("ampho_revocations_total", {
    labels: { kind: ["session", "user", "roles", "signing_key", "all"] },
    help: "Revocations since the start of this process, its own and those of others",
  }),
  storeErrors: define("ampho_store_errors_total", {
    labels: { "error.type": storeErrors },
    help: "Operations of the database that failed",
  }),
  breachChecks: define("ampho_breach_checks_total", {
    labels: { outcome: ["found", "not_found", "failed"] satisfies BreachOutcome[] },
    help: "New passwords that were looked up in the list of breached ones, by outcome (after failed, the password was accepted)",
  }),
  captchas: define("ampho_captchas_total", {
    labels: { outcome: ["solved", "rejected", "failed"] satisfies CaptchaOutcome[] },
    help: "Captchas that were verified by outcome (after failed, the throttle decided as without one)",
  }),
  mails: define("ampho_mails_total", {
    labels: { outcome: ["sent", "failed", "dropped"] satisfies MailOutcomeName[] },
    help: "Attempts to send a mail by outcome: sent, failed (it is sent again later), or dropped (it is not)",
  }),
  userHooks: define("ampho_user_hooks_total", {
    labels: {
      hook: ["created", "changed", "removed"] satisfies UserChange[],
      outcome: ["succeeded", "failed"] satisfies HookOutcome[],
    },
    help: "Calls of the application's hooks for changes of users by outcome (after failed, it is called again)",
  }),
  internalErrors: define("ampho_internal_errors_total", { labels: {}, help: "Bugs, each with a line in the log" }),
};

export const histograms = {
  flowSeconds: define("ampho_flow_duration_seconds", {
    labels: { flow: flowNames },
    help: "Duration of successful flows",
  }),
  httpSeconds: define("ampho_http_request_duration_seconds", {
    labels: { "http.request.method": requestMethods, "http.route": paths, "http.response.status_code": statuses },
    help: "Duration of requests to Ampho's endpoints, by the route's pattern under the prefix, or _OTHER",
  }),
  storeSeconds: define("ampho_store_duration_seconds", {
    labels: { "db.operation.name": operationNames },
    help: "Calls of the database by operation, including the wait for a connection",
  }),
  hashWaitSeconds: define("ampho_hash_wait_seconds", {
    labels: {},
    help: "Time that passwords waited for a thread, also those that were shed",
  }),
  hashSeconds: define("ampho_hash_duration_seconds", { labels: {}, help: "Time that a thread took for one password" }),
};
