// No honest client is logged out. A session is rejected only after an event that could have ended it, and each end in the log
// has a request that caused it.
import {
  canHaveRaced,
  effectUntil,
  type Facts,
  isBefore,
  isKind,
  isRejected,
  mayBeDone,
  type SessionFacts,
} from "../facts.js";
import type { AuditRow, Kind, Operation, Violation } from "../history.js";

export function* checkHonest(facts: Facts): Generator<Violation> {
  const ends = new Set(facts.history.audit.filter(isEnd).map(({ sessionId }) => sessionId));
  for (const session of facts.sessions.values()) {
    for (const renewal of session.renewals) {
      if (isRejected(renewal, "session_ended")) yield* checkRejection(session, renewal, ends);
      else if (isRejected(renewal, "invalid_token") && !isExpired(facts, renewal, renewal.request.exp))
        yield logout(renewal, `a valid token of ${session.sid} was rejected as invalid`);
    }
    for (const use of session.uses) {
      if (!isRejected(use, "invalid_token") || isExpired(facts, use, use.request.token.exp)) continue;
      if (!mayLackRole(facts, session, use)) yield* checkRejection(session, use, ends);
    }
  }
  for (const row of facts.history.audit) if (isEnd(row)) yield* checkCause(facts, row);
}

type Rejected = SessionFacts["renewals"][number] | SessionFacts["uses"][number];

/** A change of the password by this session replaces its older tokens. */
function isReplaced({ replacements }: SessionFacts, rejected: Rejected): boolean {
  if (isKind(rejected, "renew")) return canHaveRaced(rejected, replacements);
  return replacements.some(
    (each) =>
      isKind(each, "password") &&
      mayBeDone(each) &&
      each.start < rejected.end &&
      (each.response?.granted === undefined || isBefore(rejected.request.token.gen, each)),
  );
}

function* checkRejection(session: SessionFacts, rejected: Rejected, ends: ReadonlySet<string | null>) {
  if (isReplaced(session, rejected)) return;
  if (!session.mayEnd.some((each) => each.start < rejected.end))
    yield logout(rejected, `${session.sid} was rejected, and no earlier request could have ended it`);
  else if (!ends.has(session.sid)) yield logout(rejected, `${session.sid} was rejected, and its end is not in the log`);
}

function logout(operation: Operation, because: string): Violation {
  return { statement: "logged_out_without_cause", because, operations: [operation] };
}

function isExpired({ history, unixMs }: Facts, { end }: Operation, exp: number | undefined): boolean {
  return exp !== undefined && unixMs(end) >= (exp + history.limits.leewaySeconds - 1) * 1_000;
}

function mayLackRole(facts: Facts, { login }: SessionFacts, use: SessionFacts["uses"][number]): boolean {
  const { roles } = use.request.token;
  return facts
    .of("roles", login)
    .some(
      (each) => mayBeDone(each) && each.start < use.end && each.request.remove.some((role) => roles.includes(role)),
    );
}

/** Rows that end a session, by event and reason, with the request that causes each. */
const causes: Readonly<Record<string, Kind>> = {
  logout: "logout",
  renew_replayed: "renew",
  "session_ended ended_by_user": "end",
  "session_ended password_changed": "password",
  "session_ended user_disabled": "disable",
  "session_ended ended_by_operator": "expel",
  "session_ended ended_by_application": "expel",
  "renew_rejected user_disabled": "disable",
};
const kindOfEnd = ({ event, reason }: AuditRow): Kind | undefined => causes[event] ?? causes[`${event} ${reason}`];
export const isEnd = (row: AuditRow): boolean => row.event === "session_ended" || kindOfEnd(row) !== undefined;

function* checkCause(facts: Facts, row: AuditRow): Generator<Violation> {
  const session = facts.sessions.get(row.sessionId ?? "");
  // A session whose login never got a response.
  if (session === undefined) return;
  const kind = kindOfEnd(row);
  const atMs = row.at * 1_000;
  const cause = session.mayEnd.some(
    (each) =>
      each.request.kind === kind &&
      (!isKind(each, "renew") || each.request.gen === row.gen) &&
      facts.unixMs(each.start) < atMs + 2_000 &&
      facts.unixMs(effectUntil(each)) > atMs - 1_000,
  );
  if (cause) return;
  const because = `${row.sessionId} was ended (${row.event}${row.reason === null ? "" : `: ${row.reason}`}), and no request caused it`;
  yield { statement: "ended_without_cause", because, operations: [session.begun], rows: [row] };
}
