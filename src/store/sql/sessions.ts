// Sessions: made, found, listed, proved anew. Endings are in session-ends.ts, renewals in renewal.ts.
// Where transactions run side by side, all of them take their locks in this order, so that none waits for another in a
// circle: the user, the user's sessions from the newest to the oldest, counters of attempts, the row of state.
import type { CreateSessionOutcome, NewSession, Session, User } from "../store.js";
import { advisoryLock, firstLast, integer, queryLast, resultOf, send, type Transaction, text } from "../transaction.js";
import { settleSucceeded } from "./attempts.js";
import { recordAudit } from "./audit.js";
import { writeRevocations } from "./revocations.js";
import { endOldestSession } from "./session-ends.js";
import { insertSession, moveAuthTime, sessionColumns, sessionOf } from "./session-rows.js";
import { noteAccess, sendState } from "./state.js";
import { readUserOf, sendUser } from "./users.js";

export function* createSession(input: NewSession): Transaction<CreateSessionOutcome> {
  const { userId, login, now, origin } = input;
  const readJudged = yield* sendJudging(input);
  // Else several logins at once would each see the others' sessions not yet, and end too few.
  yield* advisoryLock(`sessions of ${userId}`);
  const readState = yield* sendState();
  const judged = yield* readJudged();
  if ("refused" in judged) {
    const known = judged.refused === "unknown" ? undefined : login;
    yield* settleSucceeded(input.attempt, "failed", now, known);
    yield* recordAudit({ at: now, event: "login_refused", reason: judged.refused, userId, login: known, origin });
    return { outcome: "refused" };
  }
  const state = yield* readState();
  const { era } = state;
  const endsAt = now + input.maxSeconds;
  const session: Session = {
    id: `${era.toString(36)}.${input.random}`,
    userId,
    login,
    gen: 0,
    createdAt: now,
    authTime: now,
    renewedAt: now,
    expiresAt: Math.min(now + input.idleSeconds, endsAt),
    endsAt,
    accessExpires: Math.min(now + input.accessTtlSeconds, endsAt),
    address: origin.address ?? null,
    agent: origin.agent ?? null,
  };
  const sessionId = session.id;
  yield* insertSession(session, era);
  yield* recordAudit({ at: now, event: input.event, userId, login, sessionId, origin, detail: input.detail });
  const displaced = yield* endOldestSession({ sessionId, userId, era, keep: input.sessionsPerUser, now, origin });
  yield* settleSucceeded(input.attempt, "succeeded", now, login);
  yield* noteAccess(state, session.accessExpires);
  return { outcome: "created", session, user: judged.user, revocations: yield* writeRevocations(displaced) };
}

/** No audit row when it refuses: whoever asked then opens another session, or is refused that. */
export function* reauthenticate(
  input: Omit<NewSession, "random" | "maxSeconds" | "sessionsPerUser" | "event"> & { readonly sessionId: string },
): Transaction<CreateSessionOutcome> {
  const { userId, login, sessionId, now, origin } = input;
  const readJudged = yield* sendJudging(input);
  const readState = yield* sendState();
  const judged = yield* readJudged();
  if ("refused" in judged) return { outcome: "refused" };
  const state = yield* readState();
  const session = yield* moveAuthTime({ ...input, idempotency: undefined }, userId, state.era);
  if (!session) return { outcome: "refused" };
  yield* settleSucceeded(input.attempt, "succeeded", now, login);
  yield* recordAudit({ at: now, event: "reauthenticated", userId, login, sessionId, origin, detail: input.detail });
  yield* noteAccess(state, session.accessExpires);
  return { outcome: "created", session, user: judged.user, revocations: [] };
}

type Judged = { readonly user: User | undefined } | { readonly refused: "unknown" | "disabled" | "password_changed" };

function* sendJudging({
  userId,
  stored,
}: Pick<NewSession, "userId" | "stored">): Transaction<() => Transaction<Judged>> {
  const readUser = stored === false ? undefined : yield* sendUser(userId, "share");
  return function* read() {
    if (stored === false || readUser === undefined) return { user: undefined };
    const user = yield* readUser();
    if (!user) return { refused: "unknown" };
    if (user.disabled) return { refused: "disabled" };
    const { passwordVersion = user.passwordVersion } = stored;
    return passwordVersion === user.passwordVersion ? { user } : { refused: "password_changed" };
  };
}

const ofThisEra = "era = (select era from ampho_state where id = 1)";

/** Whether the session is live, asked behind what is sent before. */
export function* sendLive(id: string, now: number): Transaction<() => Transaction<boolean>> {
  const sent = yield* send(
    `select 1 as live from ampho_sessions where id = ? and ended_at is null and ${ofThisEra} and expires_at > ?`,
    [id, now],
  );
  return function* read() {
    return (yield* resultOf(sent)) !== undefined;
  };
}

export function* findSession(input: {
  readonly id: string;
  readonly now: number;
}): Transaction<{ readonly session: Session; readonly user: User | undefined } | undefined> {
  const sent = yield* send(
    `select ${sessionColumns} from ampho_sessions where id = ? and ended_at is null and ${ofThisEra} and expires_at > ?`,
    [input.id, input.now],
  );
  const user = yield* readUserOf(input.id);
  const row = yield* resultOf(sent);
  return row && { session: sessionOf(row), user };
}

export function* listSessions(input: {
  readonly userId: string;
  readonly now: number;
}): Transaction<readonly Session[]> {
  const rows = yield* queryLast(
    `select ${sessionColumns} from ampho_sessions
     where user_id = ? and ended_at is null and ${ofThisEra} and expires_at > ? order by n desc`,
    [input.userId, input.now],
  );
  return rows.map(sessionOf);
}

export function* findSessionUsers(input: {
  readonly login: string;
  readonly canonical: string;
}): Transaction<readonly string[]> {
  const rows = yield* queryLast(
    "select distinct user_id from ampho_sessions where ended_at is null and (login = ? or lower(login) = ?)",
    [input.login, input.canonical],
  );
  return rows.map((row) => text(row, "user_id"));
}

export function* countSessions(input: {
  readonly now: number;
  readonly idleSince: number;
}): Transaction<{ readonly live: number; readonly idle: number }> {
  const row = yield* firstLast(
    `select count(*) as live, coalesce(sum(case when renewed_at < ? then 1 else 0 end), 0) as idle
     from ampho_sessions where ended_at is null and ${ofThisEra} and expires_at > ?`,
    [input.idleSince, input.now],
  );
  return row === undefined ? { live: 0, idle: 0 } : { live: integer(row, "live"), idle: integer(row, "idle") };
}
