// Users in Ampho's own table: created, found, listed. user-changes.ts changes and deletes them.
import type { Origin } from "../../audit/entry.js";
import {
  first,
  integer,
  query,
  queryLastRow,
  type Row,
  resultOf,
  type SqlValue,
  send,
  type Transaction,
  text,
  textOrNull,
  texts,
} from "../transaction.js";
import { recordAudit } from "./audit.js";
import { columnsOf } from "./columns.js";
import { holderOf, makeRoom, visible } from "./import-rows.js";

export interface User {
  /** Opaque, chosen by the caller. */
  readonly id: string;
  /** As it was typed when the user was created. */
  readonly login: string;
  /** The form that is compared and unique. */
  readonly canonical: string;
  readonly passwordHash: string | null;
  /** Grows with every new password, but not with a new hash of the same password. */
  readonly passwordVersion: number;
  readonly roles: readonly string[];
  /** The claim `ver`. It grows with every change of roles, at least to the time of the change. */
  readonly rolesVersion: number;
  readonly disabled: boolean;
  readonly createdAt: number;
}

export const userColumns = columnsOf(
  ...["id", "login", "canonical", "password_hash", "password_version"],
  ...["roles", "roles_version", "disabled", "created_at"],
);

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

const joinedPrefix = "of_user_";

/** The columns of a user beside those of another table. `joinedUserOf` reads them. */
export const joinedUserColumns = userColumns.joined("ampho_users", joinedPrefix);

/** Undefined if the join found no user. */
export function joinedUserOf(row: Row): User | undefined {
  if (row[`${joinedPrefix}id`] === null) return undefined;
  const own = Object.entries(row).filter(([name]) => name.startsWith(joinedPrefix));
  return userOf(Object.fromEntries(own.map(([name, value]) => [name.slice(joinedPrefix.length), value])));
}

export type NewUserRow = Pick<User, "id" | "login" | "canonical" | "passwordHash" | "roles">;

/** The values of `userColumns` for a new user. */
export function userValues({ id, login, canonical, passwordHash, roles }: NewUserRow, now: number): SqlValue[] {
  return userColumns.values({
    ...{ id, login, canonical, password_hash: passwordHash, password_version: 1 },
    ...{ roles: JSON.stringify([...new Set(roles)]), roles_version: 1, disabled: 0, created_at: now },
  });
}

export interface UserCreation {
  readonly user: NewUserRow;
  readonly now: number;
  readonly origin: Origin;
}

const insert = `insert into ampho_users (${userColumns.list}) values (${userColumns.placeholders})
  on conflict (canonical) do nothing returning id`;

/** `taken`: another user has this canonical login. */
export function* createUser({ user, now, origin }: UserCreation): Transaction<"created" | "taken"> {
  const values = userValues(user, now);
  if (!(yield* first(insert, values))) {
    const holder = yield* holderOf(user.canonical);
    if (holder.kind !== "import") return "taken";
    yield* makeRoom(user.canonical, holder);
    if (!(yield* first(insert, values))) return "taken";
  }
  const detail = { roles: [...new Set(user.roles)] };
  yield* recordAudit({ at: now, event: "user_created", userId: user.id, login: user.login, origin, detail });
  return "created";
}

const select = `select ${userColumns.list} from ampho_users`;

export function* findUser(canonical: string): Transaction<User | undefined> {
  const row = yield* queryLastRow(`${select} where canonical = ? and ${visible}`, [canonical]);
  return row && userOf(row);
}

export function* findUserById(id: string): Transaction<User | undefined> {
  const row = yield* first(`${select} where id = ? and ${visible}`, [id]);
  return row && userOf(row);
}

/** Locks the row until the transaction ends. */
export function* lockUser(id: string, lock: "share" | "update"): Transaction<User | undefined> {
  const read = yield* sendUserLock(id, lock);
  return yield* read();
}

/** The same, deferred. */
export function* sendUserLock(id: string, lock: "share" | "update"): Transaction<() => Transaction<User | undefined>> {
  const sent = yield* send(`${select} where id = ? and ${visible}`, [id], lock);
  return function* read() {
    const row = yield* resultOf(sent);
    return row && userOf(row);
  };
}

const ofSession = `${select} where id = (select user_id from ampho_sessions where ampho_sessions.id = ?) and ${visible}`;

/** The user of a session, deferred. A renewal sends it behind the update of the session, which saves a round trip. */
export function* sendUserOf(sessionId: string): Transaction<() => Transaction<User | undefined>> {
  const sent = yield* send(ofSession, [sessionId]);
  return function* read() {
    const row = yield* resultOf(sent);
    return row && userOf(row);
  };
}

export interface Page {
  /** The canonical login behind which the page starts. Undefined for the first page. */
  readonly after: string | undefined;
  readonly limit: number;
}

export interface UserPage {
  /** At most `limit`, in the order of canonical logins. There can be fewer although it is not the last page. */
  readonly users: readonly User[];
  /** Undefined on the last page. */
  readonly next: string | undefined;
}

export function* listUsers(page: Page): Transaction<UserPage> {
  // Hidden rows count, because a read must not walk through a whole import to find the next user.
  const rows = yield* query(
    `select ${userColumns.list}, case when ${visible} then 1 else 0 end as is_visible
     from ampho_users where canonical > ? order by canonical limit ?`,
    [page.after ?? "", page.limit],
  );
  const last = rows.at(-1);
  return {
    users: rows.filter((row) => integer(row, "is_visible") === 1).map(userOf),
    next: last && rows.length === page.limit ? text(last, "canonical") : undefined,
  };
}
