// The log contains each acknowledged event, and nothing else. Events are distinguished by the fields of their rows. Where
// several requests create rows that look alike, they are counted.
import { type Facts, isDone, isKind, isRejected, isUnknown, push } from "../facts.js";
import type { AuditRow, Operation, OperationOf, Violation } from "../history.js";
import { isEnd } from "./honest.js";

/** The rows that a request leaves in the log. */
interface Trace {
  readonly key: string;
  /** False if it is possibly not there. */
  readonly certain: boolean;
}

export function* checkAudit(facts: Facts): Generator<Violation> {
  const accounts = new Set(facts.history.users.map(({ login }) => login));
  const certain = new Map<string, Operation[]>();
  const possible = new Map<string, Operation[]>();
  for (const operation of facts.history.operations) {
    if (!accounts.has(operation.request.login)) continue;
    for (const trace of tracesOf(operation)) push(trace.certain ? certain : possible, trace.key, operation);
  }
  const rows = new Map<string, AuditRow[]>();
  for (const row of facts.history.audit) for (const key of keysOf(row, facts)) push(rows, key, row);

  for (const [key, operations] of certain) {
    const found = rows.get(key) ?? [];
    // A session ends once, however many requests ask for its end.
    const needed = isOnce(key) ? 1 : operations.length;
    if (found.length >= needed) continue;
    const because = `${key}: ${operations.length} acknowledged, ${found.length} recorded`;
    yield { statement: "not_recorded", because, operations, rows: found };
  }
  for (const [key, found] of rows) {
    const operations = [...(certain.get(key) ?? []), ...(possible.get(key) ?? [])];
    const limit = isOnce(key) ? 1 : operations.length;
    if (found.length <= limit) continue;
    const because = `${key}: recorded ${found.length} times, requested ${operations.length} times`;
    yield { statement: "recorded_too_often", because, operations, rows: found };
  }
}

const isOnce = (key: string): boolean => key.startsWith("over ");

function tracesOf(operation: Operation): readonly Trace[] {
  if (isKind(operation, "login")) return tracesOfLogin(operation);
  if (isKind(operation, "renew")) return tracesOfRenewal(operation);
  const { request } = operation;
  if ((request.kind === "logout" || request.kind === "end") && isDone(operation))
    return [{ key: `over ${request.token.sid}`, certain: true }];
  // Its session possibly ended before the request, which leaves nothing, or while the password was verified.
  if (request.kind === "password" && isRejected(operation, "invalid_token"))
    return [{ key: `password_change_rejected ${request.login}`, certain: false }];
  if (request.kind === "password")
    return either(operation, `password_changed ${request.login}`, `password_change_rejected ${request.login}`);
  if (request.kind === "disable") return either(operation, `user_disabled ${request.login}`);
  // A user who is enabled already, and roles that exist already, leave nothing.
  if (request.kind === "enable") return [{ key: `user_enabled ${request.login}`, certain: false }];
  if (request.kind === "roles") return [{ key: `roles_changed ${request.login}`, certain: false }];
  return [];
}

/** `done`, `rejected` or nothing, by its response. Without a response, both are possible. */
function either(operation: Operation, done: string, rejected?: string): readonly Trace[] {
  if (isDone(operation)) return [{ key: done, certain: true }];
  if (isRejected(operation, "invalid_credentials"))
    return rejected === undefined ? [] : [{ key: rejected, certain: true }];
  if (!isUnknown(operation)) return [];
  return [done, ...(rejected === undefined ? [] : [rejected])].map((key) => ({ key, certain: false }));
}

function tracesOfLogin(operation: OperationOf<"login">): readonly Trace[] {
  const { login, bearer } = operation.request;
  const { response } = operation;
  const rejected = `login_rejected ${login}`;
  if (response?.granted !== undefined) {
    const { sid } = response.granted;
    return [{ key: sid === bearer?.sid ? `reauthenticated ${sid}` : `login ${sid}`, certain: true }];
  }
  if (isRejected(operation, "invalid_credentials")) return [{ key: rejected, certain: true }];
  if (!isUnknown(operation)) return [];
  const again = bearer === undefined ? [] : [`reauthenticated ${bearer.sid}`];
  return [`login of ${login} without a response`, rejected, ...again].map((key) => ({ key, certain: false }));
}

function tracesOfRenewal(operation: OperationOf<"renew">): readonly Trace[] {
  const { sid, gen } = operation.request;
  const [given, rejected] = [`renewed ${sid} ${gen}`, `not renewed ${sid} ${gen}`];
  if (isDone(operation)) return [{ key: given, certain: true }];
  if (isRejected(operation, "session_ended")) return [{ key: rejected, certain: true }];
  return isUnknown(operation) ? [given, rejected].map((key) => ({ key, certain: false })) : [];
}

const renewed = new Set(["renew", "renew_repeated", "renew_shared"]);
const notRenewed = new Set(["renew_rejected", "renew_replayed"]);
const byLogin = new Set([
  "login_rejected",
  "password_changed",
  "password_change_rejected",
  "user_disabled",
  "user_enabled",
  "roles_changed",
]);

function keysOf(row: AuditRow, { sessions }: Facts): readonly string[] {
  const { event, sessionId, login, gen } = row;
  const over = isEnd(row) ? [`over ${sessionId}`] : [];
  if (renewed.has(event)) return [`renewed ${sessionId} ${gen}`];
  if (notRenewed.has(event)) return [`not renewed ${sessionId} ${gen}`, ...over];
  if (event === "login")
    return [isReported(sessions, row) ? `login ${sessionId}` : `login of ${login} without a response`];
  if (event === "reauthenticated") return [`reauthenticated ${sessionId}`];
  return byLogin.has(event) && login !== null ? [`${event} ${login}`] : over;
}

const isReported = (sessions: Facts["sessions"], { sessionId }: AuditRow): boolean => sessions.has(sessionId ?? "");
