// Users in Ampho's own table: created, found, listed. user-changes.ts changes and deletes them.
import { type OwnPolicy, policyFrom } from "../../../levels/policy.js";
import type { Address } from "../../../logins/address.js";
import { integer, type Row, type SqlValue, text, textOrNull } from "../../rows.js";
import { ask, exists, query, queryLast, type RowLock, type Transaction, write } from "../../transaction.js";
import { recordAudit } from "./audit.js";
import { holderOf, makeRoom, visible } from "./import-rows.js";
import type { Ending } from "./session-rows.js";
import type { RowOf } from "./table.js";
import { asFlag, asInteger, asText, asTexts, group, marks, named, orNull, orUndefined, tableOf } from "./table.js";

const emailFields = {
  /** As it is mailed. */
  address: named("email", asText),
  /** The form that is compared and unique. */
  canonical: named("email_canonical", asText),
  /** The time at which the user used a code or a link that was mailed to it. Undefined: not yet. */
  provenAt: named("email_proven_at", orUndefined(asInteger)),
  /** An operator has set it with a reason. */
  byOperator: named("email_by_operator", orUndefined(asFlag)),
};

export const users = tableOf("ampho_users", {
  /** Opaque, chosen by the caller. */
  id: asText,
  /** As it was typed when the user was created. */
  login: asText,
  /** The form that is compared and unique. */
  canonical: asText,
  passwordHash: orNull(asText),
  /** Grows with every new password, but not with a new hash of the same password. */
  passwordVersion: asInteger,
  roles: asTexts,
  /** The claim `ver`. It grows with every change of roles, at least to the time of the change. */
  rolesVersion: asInteger,
  disabled: asFlag,
  createdAt: asInteger,
  email: orUndefined(group(emailFields)),
});
export type User = RowOf<typeof users>;
export type UserEmail = NonNullable<User["email"]>;

/** An address that no operator has set with a reason. */
export const emailOf = ({ address, canonical }: Address, provenAt: number | undefined): UserEmail => ({
  address,
  canonical,
  provenAt,
  byOperator: undefined,
});

const joinedPrefix = "of_user_";

/** The columns of a user beside those of another table. `joinedUserOf` reads them. */
export const joinedUserColumns = users.joined(joinedPrefix);

/** Undefined if the join found no user. */
export const joinedUserOf = (row: Row): User | undefined => users.joinedOf(row, joinedPrefix);

export interface NewUserRow extends Pick<User, "id" | "login" | "canonical" | "passwordHash" | "roles"> {
  readonly email?: UserEmail | undefined;
  readonly disabled?: boolean | undefined;
}

/** The values of a new user. An import calls it for each line, and a spread in it would cost 30 µs. */
export const userValues = (user: NewUserRow, now: number): SqlValue[] =>
  users.values({
    id: user.id,
    login: user.login,
    canonical: user.canonical,
    passwordHash: user.passwordHash,
    passwordVersion: 1,
    roles: [...new Set(user.roles)],
    rolesVersion: 1,
    disabled: user.disabled ?? false,
    createdAt: now,
    email: user.email,
  });

const insert = `${users.insert} on conflict do nothing returning id`;

export type CreationOutcome = "created" | "login_taken" | "email_taken";

export function* createUser(input: Ending & { readonly user: NewUserRow }): Transaction<CreationOutcome> {
  const { user, now, origin } = input;
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

/** `login_taken`: another user has this login, or it is another's address. `email_taken`: another has this address. */
export function* insertUser(user: NewUserRow, now: number): Transaction<CreationOutcome> {
  const values = userValues(user, now);
  // At most one hidden row has the login, and one the address.
  for (let attempt = 0; attempt < 3; attempt += 1) {
    if (yield* exists(insert, values)) return "created";
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
    const email = emailOf({ address: own, canonical: address }, undefined);
    const outcome = yield* insertUser({ id: own, login: own, canonical, email, passwordHash: null, roles: [] }, now);
    if (outcome !== "created") return undefined;
    yield* write("delete from ampho_users where id = ?", [own]);
  }
  const recorded = yield* record();
  const { login, canonical, email } = names;
  yield* write(
    `update ampho_users set login = ?, canonical = ?, email = ?, email_canonical = ?, email_proven_at = ?,
       email_by_operator = ? where id = ?`,
    [
      login,
      canonical,
      email?.address ?? null,
      email?.canonical ?? null,
      email?.provenAt ?? null,
      email?.byOperator === true ? 1 : null,
      user.id,
    ],
  );
  return recorded;
}

/** `isFrozen`: its password counts as a wrong one. */
export type FoundUser = User & { readonly isFrozen?: true };

/** By the canonical form of the login. A check of the password needs no further read. */
export function* findUser(canonical: string): Transaction<FoundUser | undefined> {
  const [row] = yield* queryLast(
    `select ${users.list}, (select 1 from ampho_accounts where ampho_accounts.user_id = ampho_users.id
       and frozen is not null) as is_frozen from ampho_users where canonical = ? and ${visible}`,
    [canonical],
  );
  return row && { ...users.of(row), ...(row["is_frozen"] === null ? undefined : { isFrozen: true }) };
}

export const findUserById = (id: string): Transaction<User | undefined> =>
  users.first(`where id = ? and ${visible}`, [id]);

/** One statement for up to 1000 ids. The lists have few lengths, so that prepared statements stay few. */
export function* findUsers({ ids }: { readonly ids: readonly string[] }): Transaction<readonly User[]> {
  const found: User[] = [];
  for (let at = 0; at < ids.length; at += idsAtOnce) {
    const some = ids.slice(at, at + idsAtOnce);
    const length = [10, 100].find((each) => each >= some.length) ?? idsAtOnce;
    // A repeated id finds its user once.
    const filled = Array.from({ length }, (_, index) => some[index] ?? some[0] ?? "");
    found.push(...(yield* users.all(`where id in (${marks(length)}) and ${visible}`, filled)));
  }
  return found;
}

const idsAtOnce = 1000;

/** Locks the row until the transaction ends. */
export function* lockUser(id: string, lock: "share" | "update"): Transaction<User | undefined> {
  const read = yield* sendUserLock(id, lock);
  return yield* read();
}

/** The same, deferred. */
export const sendUserLock = (id: string, lock: RowLock) => users.send(`where id = ? and ${visible}`, [id], lock);

const ownerOf = `select ampho_accounts.policy as own_policy, ampho_accounts.policy_instead_of as instead_of, ${users.joined()} from ampho_sessions
  left join ampho_users on ampho_users.id = ampho_sessions.user_id and ${visible}
  left join ampho_accounts on ampho_accounts.user_id = ampho_sessions.user_id where ampho_sessions.id = ?`;

export interface SessionOwner {
  /** Undefined for a user of an application's own table. */
  readonly user: User | undefined;
  readonly own: OwnPolicy;
}

/** The user of a session, deferred. A renewal sends it behind the update of the session, which saves a round trip. */
export const sendOwnerOf = (sessionId: string): Transaction<() => Transaction<SessionOwner>> =>
  ask(ownerOf, [sessionId], (row) => ({
    user: row && users.joinedOf(row),
    own: { policy: policyFrom(row?.["own_policy"]), insteadOf: policyFrom(row?.["instead_of"]) },
  }));

const selectOwner = `select ampho_accounts.policy as own_policy, ampho_accounts.policy_instead_of as instead_of, ampho_accounts.frozen as frozen, ${users.joined()}
  from ampho_state left join ampho_users on ampho_users.id = ? and ${visible}
  left join ampho_accounts on ampho_accounts.user_id = ? where ampho_state.id = 1`;

/** The same by the user's id, which an application's own table can have. `isFrozen`: no way in opens the account. */
export const sendOwner = (
  userId: string,
): Transaction<() => Transaction<SessionOwner & { readonly isFrozen: boolean }>> =>
  ask(selectOwner, [userId, userId], (row) => ({
    user: row && users.joinedOf(row),
    own: { policy: policyFrom(row?.["own_policy"]), insteadOf: policyFrom(row?.["instead_of"]) },
    isFrozen: row?.["frozen"] === "all",
  }));

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
  const { rows, next } = yield* readPage(users.list, page);
  return { users: rows.map((row) => users.of(row)), next };
}

/** Hidden rows count, because a read must not walk through a whole import to find the next user. */
function* readPage(columns: string, { after = "", limit }: Page) {
  const sql = `select canonical, ${columns}, case when ${visible} then 1 else 0 end as is_visible
    from ampho_users where canonical > ? order by canonical limit ?`;
  const rows = yield* query(sql, [after, limit]);
  const last = rows.at(-1);
  return {
    rows: rows.filter((row) => integer(row, "is_visible") === 1),
    next: last && rows.length === limit ? text(last, "canonical") : undefined,
  };
}

interface HashCount {
  /** Null for a hash with the current parameters, and for a user without a hash. */
  readonly kind: string | null;
  readonly hasHash: boolean;
  readonly users: number;
}

/** Returns whether any hash does not have the current parameters. Unpublished imports are included. */
export const hasOtherHashes = (): Transaction<boolean> =>
  exists("select 1 from ampho_users where hash_kind is not null limit 1");

/** `next`: undefined on the last page. */
export function* countHashKinds(
  page: Page,
): Transaction<{ readonly counts: readonly HashCount[]; readonly next: string | undefined }> {
  const hasHashColumn = "case when password_hash is null then 0 else 1 end as has_hash";
  const { rows, next } = yield* readPage(`hash_kind, ${hasHashColumn}`, page);
  const counts = new Map<string, HashCount>();
  for (const row of rows) {
    const [kind, hasHash] = [textOrNull(row, "hash_kind"), integer(row, "has_hash") === 1];
    const key = `${hasHash} ${kind}`;
    counts.set(key, { kind, hasHash, users: (counts.get(key)?.users ?? 0) + 1 });
  }
  return { counts: [...counts.values()], next };
}
