// Users in Ampho's own table: created, found, listed. user-changes.ts changes and deletes them.
import type { Origin } from "../../audit/entry.js";
import { type Policy, policyFrom } from "../../levels/policy.js";
import { integer, type Row, type SqlValue, text, textOrNull, texts } from "../rows.js";
import { first, query, queryLastRow, resultOf, send, type Transaction, write } from "../transaction.js";
import { recordAudit } from "./audit.js";
import { holderOf, makeRoom, visible } from "./import-rows.js";
import { columnsOf } from "./keyed-rows.js";

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
  readonly email: UserEmail | undefined;
}

export interface UserEmail {
  /** As it is mailed. */
  readonly address: string;
  /** The form that is compared and unique. */
  readonly canonical: string;
  /** The time at which the user used a code or a link that was mailed to it. Undefined: not yet. */
  readonly provenAt: number | undefined;
}

export const userColumns = columnsOf(
  "id login canonical password_hash password_version roles roles_version",
  "disabled created_at email email_canonical email_proven_at",
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
    email: emailOf(row),
  };
}

function emailOf(row: Row): UserEmail | undefined {
  const address = textOrNull(row, "email");
  if (address === null) return undefined;
  const provenAt = row["email_proven_at"] === null ? undefined : integer(row, "email_proven_at");
  return { address, canonical: text(row, "email_canonical"), provenAt };
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

export interface NewUserRow extends Pick<User, "id" | "login" | "canonical" | "passwordHash" | "roles"> {
  readonly email?: UserEmail | undefined;
}

/** The values of `userColumns` for a new user. An import calls it for each line, and a spread in it would cost 5 µs. */
export function userValues(user: NewUserRow, now: number): SqlValue[] {
  return userColumns.values({
    id: user.id,
    login: user.login,
    canonical: user.canonical,
    password_hash: user.passwordHash,
    password_version: 1,
    roles: JSON.stringify([...new Set(user.roles)]),
    roles_version: 1,
    disabled: 0,
    created_at: now,
    email: user.email?.address ?? null,
    email_canonical: user.email?.canonical ?? null,
    email_proven_at: user.email?.provenAt ?? null,
  });
}

export interface UserCreation {
  readonly user: NewUserRow;
  readonly now: number;
  readonly origin: Origin;
}

const insert = `insert into ampho_users (${userColumns.list}) values (${userColumns.placeholders})
  on conflict do nothing returning id`;

export type CreationOutcome = "created" | "login_taken" | "email_taken";

export function* createUser({ user, now, origin }: UserCreation): Transaction<CreationOutcome> {
  const outcome = yield* insertUser(user, now);
  if (outcome !== "created") return outcome;
  if (origin.actor === "operator")
    yield* write("update ampho_users set password_by_operator = 1 where id = ?", [user.id]);
  const detail = { roles: [...new Set(user.roles)] };
  yield* recordAudit({ at: now, event: "user_created", userId: user.id, login: user.login, origin, detail });
  return "created";
}

type Names = Pick<User, "login" | "canonical"> & { readonly email?: UserEmail | undefined };

/** The address that the index `ampho_users_address` compares. */
export const addressOf = ({ canonical, email }: Names): string => email?.canonical ?? canonical;

/**
 * `login_taken`: another user has this canonical login, or it is the address of another user. `email_taken`: another
 * one has this address.
 */
export function* insertUser(user: NewUserRow, now: number): Transaction<CreationOutcome> {
  const values = userValues(user, now);
  // At most one hidden row has the login, and one the address.
  for (let attempt = 0; attempt < 3; attempt += 1) {
    if (yield* first(insert, values)) return "created";
    const byLogin = yield* holderOf("login", user.canonical);
    if (byLogin.kind === "user") return "login_taken";
    const holder = byLogin.kind === "none" ? yield* holderOf("address", addressOf(user)) : byLogin;
    if (holder.kind === "user") return user.email ? "email_taken" : "login_taken";
    if (holder.kind === "import") yield* makeRoom(holder);
  }
  return "login_taken";
}

/**
 * Changes the login and the address of a user whose row is locked. Only this function and an insert write them, so that
 * the indexes decide between two users who take a name at the same moment. `record` runs before the change, because its
 * notice goes to the address until now. Undefined: another user has a name.
 */
export function* changeNames<T>(
  user: User,
  names: Names,
  now: number,
  record: () => Transaction<T>,
): Transaction<T | undefined> {
  const [isLoginNew, isAddressNew] = [names.canonical !== user.canonical, addressOf(names) !== addressOf(user)];
  if (isLoginNew || isAddressNew) {
    // An update would fail where an insert waits for the other transaction. No login has a line feed.
    const own = `\n${user.id}`;
    const canonical = isLoginNew ? names.canonical : own;
    // A new login is reserved as an address too, because it must not be that of another user.
    const isOwn = names.canonical === addressOf(user);
    const address = isAddressNew ? addressOf(names) : isLoginNew && !isOwn ? names.canonical : own;
    const email = { address: own, canonical: address, provenAt: undefined };
    const outcome = yield* insertUser({ id: own, login: own, canonical, email, passwordHash: null, roles: [] }, now);
    if (outcome !== "created") return undefined;
    yield* write("delete from ampho_users where id = ?", [own]);
  }
  const recorded = yield* record();
  const { login, canonical, email } = names;
  yield* write(
    "update ampho_users set login = ?, canonical = ?, email = ?, email_canonical = ?, email_proven_at = ? where id = ?",
    [login, canonical, email?.address ?? null, email?.canonical ?? null, email?.provenAt ?? null, user.id],
  );
  return recorded;
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

/** One statement for up to 1000 ids. The lists have few lengths, so that prepared statements stay few. */
export function* findUsers({ ids }: { readonly ids: readonly string[] }): Transaction<readonly User[]> {
  const users: User[] = [];
  for (let at = 0; at < ids.length; at += idsAtOnce) {
    const some = ids.slice(at, at + idsAtOnce);
    const length = [10, 100].find((each) => each >= some.length) ?? idsAtOnce;
    // A repeated id finds its user once.
    const filled = Array.from({ length }, (_, index) => some[index] ?? some[0] ?? "");
    const rows = yield* query(`${select} where id in (${filled.map(() => "?").join(", ")}) and ${visible}`, filled);
    users.push(...rows.map(userOf));
  }
  return users;
}

const idsAtOnce = 1000;

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

const ownerOf = `select ampho_accounts.policy as own_policy, ${userColumns.joined("ampho_users")} from ampho_sessions
  left join ampho_users on ampho_users.id = ampho_sessions.user_id and ${visible}
  left join ampho_accounts on ampho_accounts.user_id = ampho_sessions.user_id where ampho_sessions.id = ?`;

export interface SessionOwner {
  /** Undefined for a user of an application's own table. */
  readonly user: User | undefined;
  /** The policy of the account, which replaces that of its roles. */
  readonly policy: Policy | undefined;
}

/** The user of a session, deferred. A renewal sends it behind the update of the session, which saves a round trip. */
export function* sendOwnerOf(sessionId: string): Transaction<() => Transaction<SessionOwner>> {
  const sent = yield* send(ownerOf, [sessionId]);
  return function* read() {
    const row = yield* resultOf(sent);
    if (!row) return { user: undefined, policy: undefined };
    return { user: row["id"] === null ? undefined : userOf(row), policy: policyFrom(row["own_policy"]) };
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

interface HashCount {
  /** Null for a hash with the current parameters, and for a user without a hash. */
  readonly kind: string | null;
  readonly hasHash: boolean;
  readonly users: number;
}

/** Returns whether any hash does not have the current parameters. Unpublished imports are included. */
export function* hasOtherHashes(): Transaction<boolean> {
  return (yield* first("select 1 from ampho_users where hash_kind is not null limit 1")) !== undefined;
}

interface HashCountPage {
  readonly counts: readonly HashCount[];
  /** Undefined on the last page. */
  readonly next: string | undefined;
}

export function* countHashKinds(page: Page): Transaction<HashCountPage> {
  const rows = yield* query(
    `select canonical, hash_kind, case when password_hash is null then 0 else 1 end as has_hash,
     case when ${visible} then 1 else 0 end as is_visible
     from ampho_users where canonical > ? order by canonical limit ?`,
    [page.after ?? "", page.limit],
  );
  const counts = new Map<string, HashCount>();
  for (const row of rows) {
    if (integer(row, "is_visible") === 0) continue;
    const [kind, hasHash] = [textOrNull(row, "hash_kind"), integer(row, "has_hash") === 1];
    const key = `${hasHash} ${kind}`;
    counts.set(key, { kind, hasHash, users: (counts.get(key)?.users ?? 0) + 1 });
  }
  const last = rows.at(-1);
  return {
    counts: [...counts.values()],
    next: last && rows.length === page.limit ? text(last, "canonical") : undefined,
  };
}
