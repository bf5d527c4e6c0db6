// Users of this store: made, found, listed. What changes or removes one is in user-changes.ts.
import type { Origin, User } from "../store.js";
import {
  first,
  firstLast,
  integer,
  query,
  type Row,
  resultOf,
  send,
  type Transaction,
  text,
  textOrNull,
  texts,
} from "../transaction.js";
import { recordAudit } from "./audit.js";
import { holderOf, makeRoom, visible } from "./import-rows.js";

export function userOf(row: Row): User {
  return {
    id: text(row, "id"),
    login: text(row, "login"),
    canonical: text(row, "canonical"),
    passwordHash: textOrNull(row, "password_hash"),
    passwordVersion: integer(row, "password_version"),
    roles: texts(row, "roles"),
    rolesVersion: integer(row, "roles_version"),
    disabled: integer(row, "disabled") === 1,
    createdAt: integer(row, "created_at"),
  };
}

export const userColumns =
  "id, login, canonical, password_hash, password_version, roles, roles_version, disabled, created_at";

export function* createUser(input: {
  readonly user: Pick<User, "id" | "login" | "canonical" | "passwordHash" | "roles">;
  readonly now: number;
  readonly origin: Origin;
}): Transaction<"created" | "taken"> {
  const { user, now, origin } = input;
  const roles = [...new Set(user.roles)];
  const insert = () =>
    first(
      `insert into ampho_users (${userColumns}) values (?, ?, ?, ?, 1, ?, 1, 0, ?)
       on conflict (canonical) do nothing returning id`,
      [user.id, user.login, user.canonical, user.passwordHash, JSON.stringify(roles), now],
    );
  if (!(yield* insert())) {
    const holder = yield* holderOf(user.canonical);
    if (holder.kind !== "import") return "taken";
    yield* makeRoom(user.canonical, holder);
    if (!(yield* insert())) return "taken";
  }
  yield* recordAudit({ at: now, event: "user_created", userId: user.id, login: user.login, origin, detail: { roles } });
  return "created";
}

export function* findUser(canonical: string): Transaction<User | undefined> {
  const row = yield* firstLast(`select ${userColumns} from ampho_users where canonical = ? and ${visible}`, [
    canonical,
  ]);
  return row && userOf(row);
}

/** `lock`: the row may not change until the transaction ends. */
export function* findUserById(id: string, lock?: "share" | "update"): Transaction<User | undefined> {
  const read = yield* sendUser(id, lock);
  return yield* read();
}

/** As `findUserById`, sent ahead. */
export function* sendUser(id: string, lock?: "share" | "update"): Transaction<() => Transaction<User | undefined>> {
  const sent = yield* send(`select ${userColumns} from ampho_users where id = ? and ${visible}`, [id], lock);
  return function* read() {
    const row = yield* resultOf(sent);
    return row && userOf(row);
  };
}

const ofSession = `select ${userColumns} from ampho_users
  where id = (select user_id from ampho_sessions where ampho_sessions.id = ?) and ${visible}`;

/** The user of a session, read in the turn in which the session is moved: that saves a way to the database and back. */
export function* sendUserOf(sessionId: string): Transaction<() => Transaction<User | undefined>> {
  const sent = yield* send(ofSession, [sessionId]);
  return function* read() {
    const row = yield* resultOf(sent);
    return row && userOf(row);
  };
}

/** The same, as the last thing that is read. */
export function* readUserOf(sessionId: string): Transaction<User | undefined> {
  const row = yield* firstLast(ofSession, [sessionId]);
  return row && userOf(row);
}

export function* listUsers(page: {
  readonly after: string | undefined;
  readonly limit: number;
}): Transaction<{ readonly users: readonly User[]; readonly next: string | undefined }> {
  // A page is of so many rows, hidden ones included: a read must not walk through a whole import to find the next user.
  const rows = yield* query(
    `select ${userColumns}, case when ${visible} then 1 else 0 end as there
     from ampho_users where canonical > ? order by canonical limit ?`,
    [page.after ?? "", page.limit],
  );
  const last = rows.at(-1);
  return {
    users: rows.filter((row) => integer(row, "there") === 1).map(userOf),
    next: last && rows.length === page.limit ? text(last, "canonical") : undefined,
  };
}
