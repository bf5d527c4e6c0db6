// Sessions: found, listed, counted. session-grants.ts creates and raises them, renewal.ts renews them, session-ends.ts
// ends them.
import { integer, text } from "../rows.js";
import { ask, queryLast, queryLastRow, type Transaction } from "../transaction.js";
import { visible } from "./import-rows.js";
import { type Session, sessions } from "./session-rows.js";
import { joinedUserColumns, joinedUserOf, type User } from "./users.js";

const isLive = "ended_at is null and era = (select era from ampho_state where id = 1) and expires_at > ?";

/** The session of a token. */
export interface TokenSession {
  readonly sessionId: string;
  /** The generation of the token. 0 if it has none. */
  readonly gen: number;
}

/** Reads if the session is live, and no login or change has replaced the token since the guard. Deferred. */
export const sendIsLive = ({ sessionId, gen }: TokenSession, now: number): Transaction<() => Transaction<boolean>> =>
  ask(
    `select 1 as live from ampho_sessions where id = ? and proved_gen <= ? and ${isLive}`,
    [sessionId, gen, now],
    (row) => row !== undefined,
  );

const selectWithUser = `select ${sessions.joined()}, ${joinedUserColumns} from ampho_sessions
  left join ampho_users on ampho_users.id = ampho_sessions.user_id and ${visible}
  where ampho_sessions.id = ? and ${isLive}`;

/** With its stored user. One statement, because a route with `live` runs it for each request. */
export function* findSession(input: {
  readonly id: string;
  readonly now: number;
}): Transaction<{ readonly session: Session; readonly user: User | undefined } | undefined> {
  const row = yield* queryLastRow(selectWithUser, [input.id, input.now]);
  return row && { session: sessions.of(row), user: joinedUserOf(row) };
}

export const listSessions = ({
  userId,
  now,
}: {
  readonly userId: string;
  readonly now: number;
}): Transaction<readonly Session[]> =>
  sessions.allLast(`where user_id = ? and ${isLive} order by n desc`, [userId, now]);

/**
 * Returns the ids of users who have open sessions under a login, as it was typed or, for ASCII letters, in any case.
 * With an application's own table only the sessions know them. Reads the whole table, for operators.
 */
export function* findSessionUsers(typed: {
  readonly login: string;
  readonly canonical: string;
}): Transaction<readonly string[]> {
  const { login, canonical } = typed;
  const rows = yield* queryLast(
    "select distinct user_id, login from ampho_sessions where ended_at is null and (login = ? or lower(login) = ?)",
    [login, canonical],
  );
  // Another user of an application's own table can have another spelling.
  const exact = rows.filter((row) => text(row, "login") === login);
  return [...new Set((exact.length > 0 ? exact : rows).map((row) => text(row, "user_id")))];
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
