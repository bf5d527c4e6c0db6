// Sessions: found, listed, counted. session-grants.ts creates and raises them, renewal.ts renews them, session-ends.ts
// ends them.
import { integer, text } from "../../rows.js";
import { ask, query, queryLastRow, type Transaction } from "../../transaction.js";
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

/** A page of users with open sessions. */
export interface SessionUsersPage {
  /** Those with open sessions under the login, as it was typed or, for ASCII letters, in any case. */
  readonly users: readonly { readonly userId: string; readonly login: string }[];
  /** The user behind whom the next page starts. Undefined on the last page. */
  readonly next: string | undefined;
}

const openAtOnce = 5000;
/** Open sessions in the order of their users, from behind the user. */
const someOpen = `select user_id, login, era, expires_at, renewed_at from ampho_sessions
  where user_id > ? and ended_at is null order by user_id, n limit ${openAtOnce}`;

/** With an application's own table only the sessions know the users of a login. Reads all of them, for operators. */
export function* findSessionUsers(input: {
  readonly login: string;
  readonly canonical: string;
  readonly after: string | undefined;
}): Transaction<SessionUsersPage> {
  const { login, canonical, after = "" } = input;
  const [page, parameters] = [`from (${someOpen}) as limited`, [after, login, canonical]];
  const rows = yield* query(`select user_id, login ${page} where login = ? or lower(login) = ?`, parameters);
  const last = yield* queryLastRow(`select max(user_id) as last, count(*) as rows ${page}`, [after]);
  const isLast = last === undefined || integer(last, "rows") < openAtOnce;
  return {
    users: rows.map((row) => ({ userId: text(row, "user_id"), login: text(row, "login") })),
    // The sessions of the last user can continue behind the page, under the same login.
    next: isLast ? undefined : text(last, "last"),
  };
}

export interface SessionCount {
  /** Among the 5000 open ones that are counted. Ids of users are random, so these are a sample. */
  readonly live: number;
  /** Live sessions that were not renewed since `idleSince`. */
  readonly idle: number;
}

export function* countSessions(input: { readonly now: number; readonly idleSince: number }): Transaction<SessionCount> {
  const row = yield* queryLastRow(
    `select count(*) as live, coalesce(sum(case when renewed_at < ? then 1 else 0 end), 0) as idle
     from (${someOpen}) as limited where era = (select era from ampho_state where id = 1) and expires_at > ?`,
    [input.idleSince, "", input.now],
  );
  return row === undefined ? { live: 0, idle: 0 } : { live: integer(row, "live"), idle: integer(row, "idle") };
}
