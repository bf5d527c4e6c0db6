// Sessions: created, found, listed, moved on by a re-authentication. session-ends.ts ends them, renewal.ts renews them.
// On PostgreSQL transactions run side by side. All take their locks in one order, so that none wait for each other in a
// circle. The order is the user, the sessions of the user from the newest to the oldest, counters of attempts, the state.
import type { AuditEntry, Origin } from "../../audit/entry.js";
import type { Attempt } from "../../throttle/attempt.js";
import {
  advisoryLock,
  integer,
  queryLast,
  queryLastRow,
  resultOf,
  send,
  type Transaction,
  text,
} from "../transaction.js";
import { settleSucceeded } from "./attempts.js";
import { recordAudit } from "./audit.js";
import { visible } from "./import-rows.js";
import { type Revocation, writeRevocations } from "./revocations.js";
import { endOldestSessions } from "./session-ends.js";
import { insertSession, moveAuthTime, type Session, sessionColumns, sessionOf } from "./session-rows.js";
import { recordAccess, sendState } from "./state.js";
import { joinedUserColumns, joinedUserOf, sendUserLock, type User } from "./users.js";

/** A login that succeeded. */
export interface Authentication {
  readonly userId: string;
  readonly login: string;
  readonly now: number;
  readonly accessTtlSeconds: number;
  readonly idleSeconds: number;
  readonly origin: Origin;
  /**
   * For users of Ampho's own table: the user must be enabled and still have this password version (undefined: any).
   * `false` for users of an application's own table.
   */
  readonly stored: { readonly passwordVersion?: number | undefined } | false;
  readonly detail?: AuditEntry["detail"];
  /** The successful attempt. It is settled in the same transaction, as failed if the session is rejected. */
  readonly attempt?: Attempt | undefined;
}

export interface NewSession extends Authentication {
  /** 128 random bits or more, base64url. The era is put before it. */
  readonly random: string;
  readonly maxSeconds: number;
  readonly sessionsPerUser: number;
}

export type SessionOutcome =
  | {
      readonly outcome: "created";
      readonly session: Session;
      /** The row of a stored user as it is in this transaction. */
      readonly user: User | undefined;
      readonly revocations: readonly Revocation[];
    }
  | { readonly outcome: "rejected" };

export function* createSession(input: NewSession): Transaction<SessionOutcome> {
  const { userId, login, now, origin, detail } = input;
  const readChecked = yield* sendUserCheck(input);
  // Without the lock, concurrent logins would not see each other's sessions, and would end too few.
  yield* advisoryLock(`sessions of ${userId}`);
  const readState = yield* sendState();
  const checked = yield* readChecked();
  if ("rejected" in checked) {
    const known = checked.rejected === "unknown" ? undefined : login;
    yield* settleSucceeded(input.attempt, "failed", now, known);
    yield* recordAudit({ at: now, event: "login_rejected", reason: checked.rejected, userId, login: known, origin });
    return { outcome: "rejected" };
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
    provedGen: 0,
    renewedAt: now,
    expiresAt: Math.min(now + input.idleSeconds, endsAt),
    endsAt,
    accessExpires: Math.min(now + input.accessTtlSeconds, endsAt),
    address: origin.address ?? null,
    agent: origin.agent ?? null,
  };
  const sessionId = session.id;
  yield* insertSession(session, era);
  yield* recordAudit({ at: now, event: "login", userId, login, sessionId, origin, detail });
  const displaced = yield* endOldestSessions({ sessionId, userId, era, keep: input.sessionsPerUser, now, origin });
  yield* settleSucceeded(input.attempt, "succeeded", now, login);
  yield* recordAccess(state, session.accessExpires);
  return { outcome: "created", session, user: checked.user, revocations: yield* writeRevocations(displaced) };
}

/** Writes no audit row when it rejects, because the caller then creates a session, which is recorded. */
export function* reauthenticate(input: Authentication & { readonly sessionId: string }): Transaction<SessionOutcome> {
  const { userId, login, sessionId, now, origin, detail } = input;
  const readChecked = yield* sendUserCheck(input);
  const readState = yield* sendState();
  const checked = yield* readChecked();
  if ("rejected" in checked) return { outcome: "rejected" };
  const state = yield* readState();
  const session = yield* moveAuthTime({ ...input, idempotency: undefined }, userId, state.era);
  if (!session) return { outcome: "rejected" };
  yield* settleSucceeded(input.attempt, "succeeded", now, login);
  yield* recordAudit({ at: now, event: "reauthenticated", userId, login, sessionId, origin, detail });
  yield* recordAccess(state, session.accessExpires);
  return { outcome: "created", session, user: checked.user, revocations: [] };
}

type Checked = { readonly user: User | undefined } | { readonly rejected: "unknown" | "disabled" | "password_changed" };

function* sendUserCheck({
  userId,
  stored,
}: Pick<Authentication, "userId" | "stored">): Transaction<() => Transaction<Checked>> {
  const readUser = stored === false ? undefined : yield* sendUserLock(userId, "share");
  return function* read() {
    if (stored === false || readUser === undefined) return { user: undefined };
    const user = yield* readUser();
    if (!user) return { rejected: "unknown" };
    if (user.disabled) return { rejected: "disabled" };
    const { passwordVersion = user.passwordVersion } = stored;
    return passwordVersion === user.passwordVersion ? { user } : { rejected: "password_changed" };
  };
}

const isLive = "ended_at is null and era = (select era from ampho_state where id = 1) and expires_at > ?";

/** Reads if the session is live. Deferred. */
export function* sendIsLive(id: string, now: number): Transaction<() => Transaction<boolean>> {
  const sent = yield* send(`select 1 as live from ampho_sessions where id = ? and ${isLive}`, [id, now]);
  return function* read() {
    return (yield* resultOf(sent)) !== undefined;
  };
}

export interface SessionQuery {
  readonly id: string;
  readonly now: number;
}

export interface LiveSession {
  readonly session: Session;
  /** The stored user of the session. */
  readonly user: User | undefined;
}

const select = `select ${sessionColumns.list} from ampho_sessions`;

const selectWithUser = `select ${sessionColumns.joined("ampho_sessions")}, ${joinedUserColumns} from ampho_sessions
  left join ampho_users on ampho_users.id = ampho_sessions.user_id and ${visible}
  where ampho_sessions.id = ? and ${isLive}`;

/** One statement, because a route with `live` runs it for each request. */
export function* findSession({ id, now }: SessionQuery): Transaction<LiveSession | undefined> {
  const row = yield* queryLastRow(selectWithUser, [id, now]);
  return row && { session: sessionOf(row), user: joinedUserOf(row) };
}

export function* listSessions(input: {
  readonly userId: string;
  readonly now: number;
}): Transaction<readonly Session[]> {
  const rows = yield* queryLast(`${select} where user_id = ? and ${isLive} order by n desc`, [input.userId, input.now]);
  return rows.map(sessionOf);
}

export interface LoginSpellings {
  /** The login as the operator typed it. */
  readonly login: string;
  readonly canonical: string;
}

export function* findSessionUsers({ login, canonical }: LoginSpellings): Transaction<readonly string[]> {
  const rows = yield* queryLast(
    "select distinct user_id from ampho_sessions where ended_at is null and (login = ? or lower(login) = ?)",
    [login, canonical],
  );
  return rows.map((row) => text(row, "user_id"));
}

export interface SessionCount {
  readonly live: number;
  /** Live sessions that were not renewed since `idleSince`. */
  readonly idle: number;
}

export function* countSessions(input: { readonly now: number; readonly idleSince: number }): Transaction<SessionCount> {
  const row = yield* queryLastRow(
    `select count(*) as live, coalesce(sum(case when renewed_at < ? then 1 else 0 end), 0) as idle
     from ampho_sessions where ${isLive}`,
    [input.idleSince, input.now],
  );
  return row === undefined ? { live: 0, idle: 0 } : { live: integer(row, "live"), idle: integer(row, "idle") };
}
