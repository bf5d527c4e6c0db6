// The ends of connections, and the losses of their rights. The revocation of a connection has the form of a session's,
// which every verifier knows.
import { leewayMaxSeconds } from "../../../clock.js";
import { integer, type Row, type SqlValues, text } from "../../rows.js";
import { advisoryLock, query, type Transaction } from "../../transaction.js";
import { recordAudit } from "../rows/audit.js";
import { isOfEra } from "../rows/connection-rows.js";
import { type NewRevocation, type NewRevocations, untilOf, writeRevocations } from "../rows/revocations.js";
import { type Ending, setEnded } from "../rows/session-rows.js";

/** Why a connection ended, besides the changes of the account. It is a column, and the reason in the audit row. */
export type ConnectionEnd =
  | "ended_by_user"
  | "ended_by_operator"
  | "ended_by_application"
  /** The holder of a token has given it back (RFC 7009). */
  | "ended_by_holder"
  | "replayed"
  /** The user has too many, and this one was idle for longest. */
  | "displaced"
  | "policy"
  | "user_deleted"
  | "user_disabled"
  /** All of the client ended: an operator has ended them, or it was disabled, deleted or lost a redirect URI. */
  | "client";

const returning = "returning id, user_id, login, client, access_expires";

/** Needs `id` and `access_expires`. */
export const connectionRevocation = (row: Row, now: number, rights?: number): NewRevocation => ({
  kind: "session",
  at: now,
  until: untilOf(now, integer(row, "access_expires")),
  sessionId: text(row, "id"),
  ...(rights !== undefined && { gen: rights }),
});

/** An access token of it can live, also for a process whose clock is behind by hours. */
const hasTokens = (row: Row, now: number): boolean => integer(row, "access_expires") > now - 86_400;

interface Which extends Ending {
  readonly sql: string;
  readonly parameters: SqlValues;
  readonly reason: string;
}

/** Ends those that the condition names. The caller writes the revocations. `isSilent`: it also writes the audit row. */
function* endWhich(which: Which, isSilent = false): Transaction<NewRevocations> {
  return revocationsOf(yield* endRows(which, isSilent), which.now);
}

const revocationsOf = (rows: readonly Row[], now: number): NewRevocations =>
  rows.filter((row) => hasTokens(row, now)).map((row) => connectionRevocation(row, now));

function* endRows({ sql, parameters, reason, now, origin }: Which, isSilent = false): Transaction<readonly Row[]> {
  const ended = yield* query(
    `update ampho_connections set ${setEnded} where ended_at is null and ${sql} ${returning}`,
    [now, reason, now, now, ...parameters],
  );
  for (const row of isSilent ? [] : ended) {
    const about = { userId: text(row, "user_id"), login: text(row, "login"), sessionId: text(row, "id") };
    const detail = { client: text(row, "client") };
    yield* recordAudit({ at: now, event: "connection_ended", reason, ...about, origin, detail });
  }
  return ended;
}

/** Ends one, for a caller that records why. */
export const endConnectionQuietly = (id: string, reason: ConnectionEnd, ending: Ending): Transaction<NewRevocations> =>
  endWhich({ sql: "id = ?", parameters: [id], reason, ...ending }, true);

export interface ConnectionEnding extends Ending {
  readonly id: string;
  /** It must be of this user. Undefined: of any. */
  readonly userId: string | undefined;
  readonly reason: ConnectionEnd;
}

/** False: there is no such live connection. */
export function* endConnection({ id, userId, ...ending }: ConnectionEnding): Transaction<boolean> {
  const which = userId === undefined ? "id = ?" : "id = ? and user_id = ?";
  return (yield* endLive({ ...ending, sql: which, parameters: userId === undefined ? [id] : [id, userId] })) > 0;
}

export interface UserConnections extends Ending {
  readonly userId: string;
  /** Undefined: those with every client. */
  readonly client: string | undefined;
  readonly reason: ConnectionEnd;
}

/** Ends those of a user, also a consent whose code was not redeemed yet. Returns how many there were. */
export function* endUserConnections({ userId, client, ...ending }: UserConnections): Transaction<number> {
  // As every change of the account, so that no redemption is between its read and its row.
  yield* advisoryLock(`sessions of ${userId}`);
  const which = client === undefined ? "user_id = ?" : "user_id = ? and client = ?";
  return yield* endLive({ ...ending, sql: which, parameters: client === undefined ? [userId] : [userId, client] });
}

/** One that is idle counts as live while an access token of it is valid. */
function* endLive({ sql, parameters, ...ending }: Which): Transaction<number> {
  const { now } = ending;
  const live = `${sql} and ${isOfEra} and (expires_at > ? or access_expires > ?)`;
  const ended = yield* endRows({ ...ending, sql: live, parameters: [...parameters, now, now - leewayMaxSeconds] });
  yield* writeRevocations(revocationsOf(ended, now));
  return ended.length;
}

/** So many connections of a client change in one transaction. */
const atOnce = 500;

/** Those that have ended, also by an earlier change that was cut off. All of a client that is gone have. */
const upToEnded = `and n <= coalesce((select ended_n from ampho_services where id = ?), ${Number.MAX_SAFE_INTEGER})`;

export interface ClientChange extends Ending {
  readonly client: string;
  /** Those behind it. Default: all. */
  readonly after?: number;
}

/** Ends the connections of a client, or lessens their rights: the next ones, in the order of their numbers. */
export function* changeSome(
  how: "end" | "lessen",
  { client, after = 0, now, origin }: ClientChange,
): Transaction<{ readonly revoked: NewRevocations; readonly next: number | undefined }> {
  const some = yield* query(
    `select n from ampho_connections where client = ? and n > ? and ended_at is null ${how === "end" ? upToEnded : ""}
     order by n limit ${atOnce}`,
    how === "end" ? [client, after, client] : [client, after],
  );
  const last = some.at(-1);
  if (!last) return { revoked: [], next: undefined };
  const to = integer(last, "n");
  const which = { sql: "client = ? and n > ? and n <= ?", parameters: [client, after, to] };
  const revoked =
    how === "end" ? yield* endWhich({ ...which, reason: "client", now, origin }) : yield* lessenWhich(which, now);
  return { revoked, next: some.length < atOnce ? undefined : to };
}

/** The same as a transaction. Returns where to go on. */
export function* changeClientConnections(
  input: ClientChange & { readonly how: "end" | "lessen" },
): Transaction<number | undefined> {
  const { revoked, next } = yield* changeSome(input.how, input);
  yield* writeRevocations(revoked);
  return next;
}

/** Ends one that the user has too many. */
export const displaceConnection = (id: string, ending: Ending): Transaction<NewRevocations> =>
  endWhich({ sql: "id = ?", parameters: [id], reason: "displaced", ...ending });

/** Old access tokens of the user's connections end. The next ones have what the user then has. */
export const lessenConnectionsOf = (userId: string, now: number): Transaction<NewRevocations> =>
  lessenWhich({ sql: "user_id = ?", parameters: [userId] }, now);

/** The caller writes the revocations. */
function* lessenWhich(
  { sql, parameters }: Pick<Which, "sql" | "parameters">,
  now: number,
): Transaction<NewRevocations> {
  // At least the time: a restored database must not count again what tokens have. Each row is locked, also one without
  // a token, because a renewal of this moment has read the user before this change.
  const rows = yield* query(
    `update ampho_connections set rights = case when rights < ? then ? else rights + 1 end
     where ${sql} and ended_at is null returning id, access_expires, rights`,
    [now, now, ...parameters],
  );
  return rows.filter((row) => hasTokens(row, now)).map((row) => connectionRevocation(row, now, integer(row, "rights")));
}
