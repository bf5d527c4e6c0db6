// Rows of sessions: read, inserted, moved one generation on.
// A session is live while it has not ended, belongs to the current era, and `now < expires_at` (never past `ends_at`).
import type { Origin } from "../../../audit/entry.js";
import { acrs, higherOf } from "../../../levels/acr.js";
import { acrOf, withMfa } from "../../../levels/methods.js";
import { integer } from "../../rows.js";
import { ask, first, type Transaction, write } from "../../transaction.js";
import { asInteger, asOneOf, asText, asTexts, orNull, type RowOf, tableOf } from "./table.js";

export const sessions = tableOf("ampho_sessions", {
  /** `{era}.{random}`. The era (base 36) lets one row end all live sessions. */
  id: asText,
  userId: asText,
  /** The login in the user's tokens. */
  login: asText,
  gen: asInteger,
  createdAt: asInteger,
  /** The claim `auth_time`, the time of the last login within the session. */
  authTime: asInteger,
  /** How the user signed in (RFC 8176, claim `amr`), and the level of that (claim `acr`). */
  amr: asTexts,
  acr: asOneOf(acrs),
  /** The ids of the passkeys and identities of that. */
  provedBy: asTexts,
  /** The time of the last login or step-up within the session. */
  provedAt: asInteger,
  /** The generation of the last login or step-up. Older ones never renew. 0 for the login that created the session. */
  provedGen: asInteger,
  /** When the current generation was created. */
  renewedAt: asInteger,
  /** The time of the last login, step-up or renewal by refresh token. */
  refreshedAt: asInteger,
  /** The session ends then if it is not renewed: the idle limit, never past `endsAt`. */
  expiresAt: asInteger,
  /** The session ends then in any case. */
  endsAt: asInteger,
  /** No access token that was issued for the session has a later `exp`. */
  accessExpires: asInteger,
  address: orNull(asText),
  agent: orNull(asText),
});
export type Session = RowOf<typeof sessions>;

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

/** The end of all tokens that name a user. */
export interface TokenEnding extends Ending, ForeignTokens {
  readonly userId: string;
}

const insert = `insert into ampho_sessions (${sessions.list}, era, delete_after) values (${sessions.placeholders}, ?, ?)`;

export function* insertSession(session: Session, era: number): Transaction<void> {
  const deleteAfter = Math.max(session.expiresAt, session.accessExpires) + sessionKeptSeconds;
  yield* write(insert, [...sessions.values(session), era, deleteAfter]);
}

/** The lifetimes of the tokens that a session gets. */
export interface TokenTimes {
  readonly accessTtlSeconds: number;
  readonly idleSeconds: number;
}

export interface Move extends TokenTimes {
  readonly sessionId: string;
  /** How old `refreshedAt` can be. Undefined: a login, a step-up or a renewal by refresh token sets it to `now`. */
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
const returning = `returning ${sessions.list}`;

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
export const sendRenewal = (move: Move, gen: number): Transaction<() => Transaction<Moved | undefined>> =>
  ask(
    renewal,
    [...toNextParameters(move), move.sessionId, gen, refreshedSince(move), move.now],
    (row) => row && { session: sessions.of(row), accessUntil: integer(row, "access_until") },
  );

// On the right side of an assignment `gen` is still the old generation.
const proof = `${toNext}, auth_time = ?, amr = ?, acr = ?, proved_by = ?, proved_at = ?, proved_gen = gen + 1
  where id = ? and user_id = ? and ${live} ${returning}`;

export type ProvenLevel = Pick<Session, "authTime" | "amr" | "acr" | "provedBy">;

/** Moves a live session of the user on, whatever its generation, because the user has just proven this level. */
export function* recordProof(
  move: Move,
  { authTime, amr, acr, provedBy }: ProvenLevel,
  userId: string,
  era: number,
): Transaction<Session | undefined> {
  const { now, sessionId } = move;
  const level = [authTime, JSON.stringify(amr), acr, JSON.stringify(provedBy), now];
  const row = yield* first(proof, [...toNextParameters(move), ...level, sessionId, userId, era, now]);
  return row && sessions.of(row);
}

/** The level of a session that proves these methods too. `auth_time` stays that of the oldest factor (RFC 9470 §4). */
export function raisedLevel(before: ProvenLevel, methods: readonly string[], by: readonly string[]): ProvenLevel {
  const { authTime, amr, acr, provedBy } = before;
  const all = withMfa([...new Set([...amr, ...methods])].filter((each) => each !== "dev"));
  return { authTime, amr: all, acr: higherOf(acr, acrOf(all)), provedBy: [...new Set([...provedBy, ...by])] };
}

const replacement = `${toNext}, proved_at = ?, proved_gen = gen + 1 where id = ? and user_id = ? and ${live} ${returning}`;

/** Moves a live session on, so that its older tokens never renew. `proven`: methods that raise its level. */
export function* replaceTokens(
  move: Omit<Move, "idempotency"> & {
    readonly userId: string;
    readonly era: number;
    readonly proven?: readonly string[] | undefined;
    readonly provedBy?: readonly string[] | undefined;
  },
): Transaction<Session | undefined> {
  const { now, sessionId, userId, era, proven } = move;
  // It stays as long as access tokens alone renew the session (`refreshed_at`).
  const next = toNextParameters({ ...move, refreshedWithin: 0, idempotency: undefined });
  const row = yield* first(replacement, [...next, now, sessionId, userId, era, now]);
  const session = row && sessions.of(row);
  if (!session || proven === undefined) return session;
  const { amr, acr, provedBy } = raisedLevel(session, proven, move.provedBy ?? []);
  const level = [JSON.stringify(amr), acr, JSON.stringify(provedBy)];
  yield* write("update ampho_sessions set amr = ?, acr = ?, proved_by = ? where id = ?", [...level, sessionId]);
  return { ...session, amr, acr, provedBy };
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
