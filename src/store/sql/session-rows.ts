// Rows of sessions: read, inserted, moved a generation on.
// A session is live while it has not ended, belongs to the present era, and `now < expires_at` (never past `ends_at`).
import type { EndReason, Session } from "../store.js";
import { first, integer, type Row, resultOf, send, type Transaction, text, textOrNull, write } from "../transaction.js";

export const sessionColumns =
  "id, user_id, login, gen, created_at, auth_time, renewed_at, expires_at, ends_at, access_expires, address, agent";

export function sessionOf(row: Row): Session {
  return {
    id: text(row, "id"),
    userId: text(row, "user_id"),
    login: text(row, "login"),
    gen: integer(row, "gen"),
    createdAt: integer(row, "created_at"),
    authTime: integer(row, "auth_time"),
    renewedAt: integer(row, "renewed_at"),
    expiresAt: integer(row, "expires_at"),
    endsAt: integer(row, "ends_at"),
    accessExpires: integer(row, "access_expires"),
    address: textOrNull(row, "address"),
    agent: textOrNull(row, "agent"),
  };
}

export function* insertSession(session: Session, era: number): Transaction<void> {
  yield* write(
    `insert into ampho_sessions (${sessionColumns}, era, remove_after) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [
      session.id,
      session.userId,
      session.login,
      session.gen,
      session.createdAt,
      session.authTime,
      session.renewedAt,
      session.expiresAt,
      session.endsAt,
      session.accessExpires,
      session.address,
      session.agent,
      era,
      Math.max(session.expiresAt, session.accessExpires) + sessionKeptSeconds,
    ],
  );
}

export interface Move {
  readonly sessionId: string;
  readonly now: number;
  readonly accessTtlSeconds: number;
  readonly idleSeconds: number;
  readonly idempotency: string | undefined;
  readonly origin: { readonly address?: string | undefined; readonly agent?: string | undefined };
}

// `access_expires` is the latest that was ever issued: it does not fall when the ttl or the clock does.
const toNext = `update ampho_sessions set
  gen = gen + 1,
  renewed_at = ?,
  expires_at = case when ends_at < ? then ends_at else ? end,
  access_expires = case when access_expires >= ? then access_expires when ends_at < ? then ends_at else ? end,
  idempotency = ?,
  address = ?,
  agent = ?`;
const live = "ended_at is null and era = ? and expires_at > ?";
const returning = `returning ${sessionColumns}`;

function toNextParameters({ now, idleSeconds, accessTtlSeconds, idempotency, origin }: Move) {
  const idle = now + idleSeconds;
  const access = now + accessTtlSeconds;
  const { address, agent } = origin;
  return [now, idle, idle, access, access, access, idempotency ?? null, address ?? null, agent ?? null];
}

const ofState = (column: string) => `(select ${column} from ampho_state where id = 1)`;
const moveOnce = `${toNext} where id = ? and gen = ? and ${live.replace("era = ?", `era = ${ofState("era")}`)}
  ${returning}, ${ofState("access_until")} as access_until`;

export interface Moved {
  readonly session: Session;
  readonly accessUntil: number;
}

/**
 * One conditional update: of many that present the same generation exactly one finds it still there. It reads the state by
 * itself, and is sent ahead: on PostgreSQL a renewal is the waiting for answers.
 */
export function* sendMove(move: Move, gen: number): Transaction<() => Transaction<Moved | undefined>> {
  const sent = yield* send(moveOnce, [...toNextParameters(move), move.sessionId, gen, move.now]);
  return function* read() {
    const row = yield* resultOf(sent);
    return row && { session: sessionOf(row), accessUntil: integer(row, "access_until") };
  };
}

/** Moves a live session of that user on, whatever its generation: the user has just proved who they are. */
export function* moveAuthTime(move: Move, userId: string, era: number): Transaction<Session | undefined> {
  const row = yield* first(`${toNext}, auth_time = ? where id = ? and user_id = ? and ${live} ${returning}`, [
    ...toNextParameters(move),
    move.now,
    move.sessionId,
    userId,
    era,
    move.now,
  ]);
  return row && sessionOf(row);
}

/** How long a session is kept when nothing of it is good any more: a clock that runs ahead must not cost live ones. */
export const sessionKeptSeconds = 7 * 86400;

/** Sets what an ended session has; its parameters are those of `endingParameters`. From then on it is kept for a week only. */
export const setEnded = `ended_at = ?, end_reason = ?, remove_after =
  case when access_expires > ? then access_expires else ? end + ${sessionKeptSeconds}`;

export function endingParameters(now: number, reason: EndReason): readonly [number, string, number, number] {
  return [now, reason, now, now];
}

/**
 * Until when a row is kept, in truth: a renewal leaves `remove_after` as it is, because that would move an entry of an index,
 * two pages anywhere where the row is one. Whoever finds a row due looks at this.
 */
export const keptUntil = `case when ended_at is not null then remove_after
  when access_expires > expires_at then access_expires + ${sessionKeptSeconds} else expires_at + ${sessionKeptSeconds} end`;
