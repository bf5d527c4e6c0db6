// Rows of sessions: read, inserted, moved one generation on.
// A session is live while it has not ended, belongs to the current era, and `now < expires_at` (never past `ends_at`).
import type { Origin } from "../../audit/entry.js";
import { type Acr, acrs, higherOf } from "../../levels/acr.js";
import { acrOf, withMfa } from "../../levels/methods.js";
import { integer, type Row, schemaMismatch, text, textOrNull, texts } from "../rows.js";
import { first, resultOf, send, type Transaction, write } from "../transaction.js";
import { columnsOf } from "./keyed-rows.js";

export interface Session {
  /** `{era}.{random}`. The era (base 36) lets one row end all live sessions. */
  readonly id: string;
  readonly userId: string;
  /** The login in the user's tokens. */
  readonly login: string;
  readonly gen: number;
  readonly createdAt: number;
  /** The claim `auth_time`, the time of the last login within the session. */
  readonly authTime: number;
  /** How the user signed in (RFC 8176, claim `amr`), and the level of that (claim `acr`). */
  readonly amr: readonly string[];
  readonly acr: Acr;
  /** The time of the last login or step-up within the session. */
  readonly provedAt: number;
  /**
   * The generation that the last login or step-up created. Older ones never renew. 0 for the login that created the
   * session.
   */
  readonly provedGen: number;
  /** When the current generation was created. */
  readonly renewedAt: number;
  /** The time of the last login, step-up or renewal by refresh token. */
  readonly refreshedAt: number;
  /** The session ends then if it is not renewed: the idle limit, never past `endsAt`. */
  readonly expiresAt: number;
  /** The session ends then in any case. */
  readonly endsAt: number;
  /** No access token that was issued for the session has a later `exp`. */
  readonly accessExpires: number;
  readonly address: string | null;
  readonly agent: string | null;
}

/** Why a session ended. It is a column, and the reason in the audit row. */
export type EndReason =
  | "logout"
  | "ended_by_user"
  | "ended_by_operator"
  | "ended_by_application"
  | "replayed"
  /** The user has too many sessions, and this was the oldest. */
  | "displaced"
  | "password_changed"
  /** The user followed the alarm link of a notice. */
  | "alarm"
  /** A second factor was added, replaced or removed. */
  | "factors_changed"
  /** The account has another address. */
  | "email_changed"
  /** The address was proven for the first time, by a login without the password or by a reset. */
  | "email_proven"
  /** The policy of the user asks for more than the session has proven. */
  | "policy"
  | "user_disabled"
  | "user_deleted"
  /** The tokens of the session carry the old login. */
  | "login_changed"
  /** The login of the session belongs to another user of the application's table by now. */
  | "user_changed";

export interface Ending {
  readonly now: number;
  readonly origin: Origin;
}

export interface ForeignTokens {
  /** AMPHO_SECURITY_TOKEN_FOREIGN_TTL: how long tokens without `sid` can live, and therefore their revocations. */
  readonly foreignMaxSeconds: number;
}

export const sessionColumns = columnsOf(
  "id user_id login gen created_at auth_time amr acr proved_at",
  "proved_gen renewed_at refreshed_at expires_at ends_at access_expires address agent",
);

/** The methods and the level that the session of the row has proven. */
export function levelOf(row: Row): Pick<Session, "amr" | "acr"> {
  return { amr: texts(row, "amr"), acr: acrs.find((level) => level === row["acr"]) ?? schemaMismatch("acr") };
}

export function sessionOf(row: Row): Session {
  return {
    id: text(row, "id"),
    userId: text(row, "user_id"),
    login: text(row, "login"),
    gen: integer(row, "gen"),
    createdAt: integer(row, "created_at"),
    authTime: integer(row, "auth_time"),
    ...levelOf(row),
    provedAt: integer(row, "proved_at"),
    provedGen: integer(row, "proved_gen"),
    renewedAt: integer(row, "renewed_at"),
    refreshedAt: integer(row, "refreshed_at"),
    expiresAt: integer(row, "expires_at"),
    endsAt: integer(row, "ends_at"),
    accessExpires: integer(row, "access_expires"),
    address: textOrNull(row, "address"),
    agent: textOrNull(row, "agent"),
  };
}

const extraColumns = columnsOf("era", "delete_after");
const insert = `insert into ampho_sessions (${sessionColumns.list}, ${extraColumns.list})
  values (${sessionColumns.placeholders}, ${extraColumns.placeholders})`;

export function* insertSession(session: Session, era: number): Transaction<void> {
  const values = sessionColumns.values({
    id: session.id,
    user_id: session.userId,
    login: session.login,
    gen: session.gen,
    created_at: session.createdAt,
    auth_time: session.authTime,
    amr: JSON.stringify(session.amr),
    acr: session.acr,
    proved_at: session.provedAt,
    proved_gen: session.provedGen,
    renewed_at: session.renewedAt,
    refreshed_at: session.refreshedAt,
    expires_at: session.expiresAt,
    ends_at: session.endsAt,
    access_expires: session.accessExpires,
    address: session.address,
    agent: session.agent,
  });
  const deleteAfter = Math.max(session.expiresAt, session.accessExpires) + sessionKeptSeconds;
  yield* write(insert, [...values, ...extraColumns.values({ era, delete_after: deleteAfter })]);
}

/** The lifetimes of the tokens that a session gets. */
export interface TokenTimes {
  readonly accessTtlSeconds: number;
  readonly idleSeconds: number;
}

export interface Move extends TokenTimes {
  readonly sessionId: string;
  /**
   * How old `refreshedAt` can be. Undefined for a login, a step-up and a renewal by refresh token, which set it to
   * `now`.
   */
  readonly refreshedWithin?: number | undefined;
  readonly now: number;
  /** SHA-256 of the idempotency key, base64url, if the client sent one in the right form. */
  readonly idempotency: string | undefined;
  readonly origin: Pick<Origin, "address" | "agent">;
}

// `access_expires` is the latest `exp` ever issued. It does not fall when the TTL or the clock does.
const toNext = `update ampho_sessions set
  gen = gen + 1,
  renewed_at = ?,
  refreshed_at = coalesce(?, refreshed_at),
  expires_at = case when ends_at < ? then ends_at else ? end,
  access_expires = case when access_expires >= ? then access_expires when ends_at < ? then ends_at else ? end,
  idempotency = ?,
  address = ?,
  agent = ?`;
const live = "ended_at is null and era = ? and expires_at > ?";
const returning = `returning ${sessionColumns.list}`;

function toNextParameters({ now, refreshedWithin, idleSeconds, accessTtlSeconds, idempotency, origin }: Move) {
  const refreshedAt = refreshedWithin === undefined ? now : null;
  const idle = now + idleSeconds;
  const access = now + accessTtlSeconds;
  const { address, agent } = origin;
  return [now, refreshedAt, idle, idle, access, access, access, idempotency ?? null, address ?? null, agent ?? null];
}

const ofState = (column: string) => `(select ${column} from ampho_state where id = 1)`;
const renewal = `${toNext} where id = ? and gen = ? and refreshed_at >= ? and ${live.replace("era = ?", `era = ${ofState("era")}`)}
  ${returning}, ${ofState("access_until")} as access_until`;

export interface Moved {
  readonly session: Session;
  readonly accessUntil: number;
}

/** The oldest `refreshed_at` with which this renewal is accepted. */
export const refreshedSince = ({ now, refreshedWithin }: Pick<Move, "now" | "refreshedWithin">) =>
  refreshedWithin === undefined ? 0 : now - refreshedWithin;

/**
 * One conditional update. Of many callers with the same generation exactly one still finds it there. The statement
 * reads the state itself and is deferred, because a renewal on PostgreSQL consists of waiting for round trips.
 */
export function* sendRenewal(move: Move, gen: number): Transaction<() => Transaction<Moved | undefined>> {
  const sent = yield* send(renewal, [...toNextParameters(move), move.sessionId, gen, refreshedSince(move), move.now]);
  return function* read() {
    const row = yield* resultOf(sent);
    return row && { session: sessionOf(row), accessUntil: integer(row, "access_until") };
  };
}

// On the right side of an assignment `gen` is still the old generation.
const proof = `${toNext}, auth_time = ?, amr = ?, acr = ?, proved_at = ?, proved_gen = gen + 1
  where id = ? and user_id = ? and ${live} ${returning}`;

export interface ProvenLevel {
  readonly authTime: number;
  readonly amr: readonly string[];
  readonly acr: Acr;
}

/** Moves a live session of the user on, whatever its generation, because the user has just proven this level. */
export function* recordProof(
  move: Move,
  { authTime, amr, acr }: ProvenLevel,
  userId: string,
  era: number,
): Transaction<Session | undefined> {
  const { now, sessionId } = move;
  const row = yield* first(proof, [
    ...toNextParameters(move),
    authTime,
    JSON.stringify(amr),
    acr,
    now,
    sessionId,
    userId,
    era,
    now,
  ]);
  return row && sessionOf(row);
}

/** The level of a session that proves these methods too. `auth_time` stays that of the oldest factor (RFC 9470 §4). */
export function raisedLevel({ authTime, amr, acr }: ProvenLevel, methods: readonly string[]): ProvenLevel {
  const all = withMfa([...new Set([...amr, ...methods])].filter((each) => each !== "dev"));
  return { authTime, amr: all, acr: higherOf(acr, acrOf(all)) };
}

const replacement = `${toNext}, proved_at = ?, proved_gen = gen + 1 where id = ? and user_id = ? and ${live} ${returning}`;

/**
 * Moves a live session of the user on, so that its older tokens never renew. `proven`: methods that raise its level.
 */
export function* replaceTokens(
  move: Omit<Move, "idempotency"> & {
    readonly userId: string;
    readonly era: number;
    readonly proven?: readonly string[] | undefined;
  },
): Transaction<Session | undefined> {
  const { now, sessionId, userId, era, proven } = move;
  // It stays as long as access tokens alone renew the session (`refreshed_at`).
  const next = toNextParameters({ ...move, refreshedWithin: 0, idempotency: undefined });
  const row = yield* first(replacement, [...next, now, sessionId, userId, era, now]);
  if (!row || proven === undefined) return row && sessionOf(row);
  const level = raisedLevel(sessionOf(row), proven);
  const raised = [JSON.stringify(level.amr), level.acr, sessionId];
  yield* write("update ampho_sessions set amr = ?, acr = ? where id = ?", raised);
  return { ...sessionOf(row), ...level };
}

/** How long a session is kept after its last token expired. A clock that runs ahead must not delete live sessions. */
export const sessionKeptSeconds = 7 * 86400;

/** Marks a session as ended and keeps its row for another week. `endingParameters` returns the parameters. */
export const setEnded = `ended_at = ?, end_reason = ?, delete_after =
  case when access_expires > ? then access_expires else ? end + ${sessionKeptSeconds}`;

export function endingParameters(now: number, reason: EndReason): readonly [number, string, number, number] {
  return [now, reason, now, now];
}

/**
 * The real time until which a row is kept. A renewal does not change `delete_after`, because that would move an entry
 * of an index and touch two more pages. Housekeeping looks at this expression when it finds a row due.
 */
export const keptUntil = `case when ended_at is not null then delete_after
  when access_expires > expires_at then access_expires + ${sessionKeptSeconds} else expires_at + ${sessionKeptSeconds} end`;
