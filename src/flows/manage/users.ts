// Users of the database, for the commands `user-…` and for `ampho.users`.

import type { Origin } from "../../audit/entry.js";
import { randomId } from "../../crypto/random.js";
import { AmphoError } from "../../errors.js";
import { findOwnAddressProblem, parseAddress } from "../../logins/address.js";
import { canonicalLogin, checkNewLogin } from "../../logins/login-name.js";
import type { NewPasswordOf } from "../../passwords/policy.js";
import type { User, UserEmail } from "../../store/sql/users.js";
import { isStorableName } from "../../store/storable-text.js";
import type { Role } from "../../tokens/auth.js";
import { findStoredUser, findStoredUserById } from "../../users/database-directory.js";
import { type Account, findRoleProblem } from "../../users/directory.js";
import type { Deps } from "../deps.js";
import { emailTaken, requireAddress, requirePassword } from "../find/rules.js";

type UserDeps = Pick<Deps, "store" | "passwords" | "policy" | "revocations" | "clock" | "settings">;

/** A user by id or by login. A user that was found has both, and its id counts. */
export type UserRef =
  | {
      /** The id, which is `auth.id` and the claim `sub`. */
      readonly id: string;
    }
  | {
      /** The login, in any spelling. */
      readonly login: string;
    };

/** A user as applications and commands see one. It never contains a hash. */
export interface UserView {
  /** The id, which never changes. It is the `sub` of the user's tokens. */
  readonly id: string;
  /** The login, as it was spelled at its creation. */
  readonly login: string;
  /** The roles. Tokens carry them from the next renewal on. */
  readonly roles: readonly Role[];
  /** True if the user cannot sign in. */
  readonly disabled: boolean;
  /** The address to which mails go. */
  readonly email: string | null;
  /** The user has used a code or a link that was mailed to the address. */
  readonly emailProven: boolean;
}

/** A user to create. */
export interface NewUser {
  /** 1 to 255 characters. Another spelling of an existing login is taken. An address must be the user's own. */
  readonly login: string;
  /** A password that the policy accepts. Without it the user has no password. */
  readonly password?: string | undefined;
  /** The roles. By default none. */
  readonly roles?: readonly Role[] | undefined;
  /**
   * The address to which mails go. Default: the login, if it is an address. It is unproven until the user proves it.
   */
  readonly email?: string | undefined;
}

/** The roles that the user has afterwards: exactly `set`, or the current ones without `remove` and with `add`. */
export type RoleChange =
  | {
      /** Exactly these roles. */
      readonly set: readonly string[];
    }
  | {
      /** Roles to add to the present ones. */
      readonly add?: readonly string[];
      /** Roles to remove from the present ones. */
      readonly remove?: readonly string[];
    };

export function toUserView({
  id,
  login,
  roles,
  disabled,
  email,
}: Omit<UserView, "email" | "emailProven"> & Pick<User, "email">): UserView {
  const emailProven = email?.provenAt !== undefined;
  return { id, login, roles, disabled, email: email?.address ?? null, emailProven };
}

/**
 * Throws `login_taken`, `email_taken`, `password_rejected`, and `invalid_request` for a login or an address that no new
 * user can have.
 */
export async function createUser(deps: UserDeps, input: NewUser, origin: Origin): Promise<UserView> {
  const { store, clock } = deps;
  const reason = checkNewLogin(input.login);
  if (reason !== undefined) throw new AmphoError("invalid_request", reason, { field: "login" });
  const roles = requireRoles(input.roles ?? []);
  const canonical = canonicalLogin(input.login);
  const passwordHash =
    input.password === undefined
      ? null
      : await hashNew(deps, input.password, { login: input.login, userId: undefined, origin });
  const email = emailOf(input);
  const problem = findOwnAddressProblem(canonical, email);
  if (problem !== undefined) throw new AmphoError("invalid_request", problem, { field: "login" });
  const user = { id: randomId(), login: input.login, canonical, passwordHash, roles, email };
  const outcome = await store.createUser({ user, now: clock.now(), origin });
  if (outcome === "login_taken") throw new AmphoError("login_taken", "A user with this login already exists.");
  if (outcome === "email_taken") throw emailTaken();
  return toUserView({ ...user, disabled: false });
}

function emailOf({ login, email }: NewUser): UserEmail | undefined {
  const address = email === undefined ? parseAddress(login) : requireAddress(email);
  return address && { ...address, provenAt: undefined };
}

/** Sets an address that the user has not proven. With `undefined` the user has none afterwards. */
export async function setEmail(
  deps: Pick<UserDeps, "store" | "clock" | "revocations">,
  user: User,
  email: string | undefined,
  origin: Origin,
): Promise<void> {
  const { store, clock, revocations } = deps;
  const address = email === undefined ? undefined : requireAddress(email);
  const outcome = await store.setEmail({
    userId: user.id,
    own: undefined,
    ownUser: undefined,
    spend: undefined,
    attempt: undefined,
    email: address && { ...address, provenAt: undefined },
    now: clock.now(),
    origin,
  });
  if (outcome.outcome === "taken") throw emailTaken();
  if (outcome.outcome !== "done") throw unknown();
  revocations.add(outcome.revocations);
}

/** Also of an application's own table. */
export async function findUser({ directory }: Pick<Deps, "directory">, ref: UserRef): Promise<UserView | undefined> {
  const account = await ("id" in ref ? directory.findById(ref.id) : directory.findByLogin(ref.login));
  return account && toUserView(account);
}

export async function findUsers(
  { directory }: Pick<Deps, "directory">,
  ids: readonly string[],
): Promise<ReadonlyMap<string, UserView>> {
  const accounts = await directory.findMany([...new Set(ids)].filter(isStorableName));
  return new Map(accounts.map((account) => [account.id, toUserView(account)]));
}

/** Yields all users in the order of their logins. Reads one page at a time. */
export async function* listUsers({ store }: UserDeps): AsyncGenerator<UserView> {
  const limit = 500;
  let after: string | undefined;
  for (;;) {
    const { users, next } = await store.listUsers({ after, limit });
    for (const user of users) yield toUserView(user);
    if (next === undefined) return;
    after = next;
  }
}

/** Ends the user's sessions. With `undefined` the user has no password afterwards. */
export async function setPassword(
  deps: UserDeps,
  user: User,
  password: string | undefined,
  origin: Origin,
): Promise<void> {
  const { store, revocations, clock } = deps;
  const passwordHash =
    password === undefined ? null : await hashNew(deps, password, { login: user.login, userId: user.id, origin });
  const outcome = await store.setPassword({
    userId: user.id,
    passwordHash,
    passwordVersion: undefined,
    own: undefined,
    now: clock.now(),
    origin,
  });
  if (outcome.outcome === "unknown") throw unknown();
  revocations.add(outcome.revocations);
}

/** A removed role has no effect in any process after one second. */
export async function setRoles(deps: UserDeps, user: User, change: RoleChange, origin: Origin): Promise<UserView> {
  const { store, revocations, clock, settings } = deps;
  const checked =
    "set" in change
      ? { set: requireRoles(change.set) }
      : { add: requireRoles(change.add ?? []), remove: change.remove ?? [] };
  const outcome = await store.setRoles({
    userId: user.id,
    change: checked,
    rolePolicies: settings.factors,
    now: clock.now(),
    foreignMaxSeconds: settings.tokenForeignTtl,
    origin,
  });
  if (outcome.user === undefined) throw unknown();
  revocations.add(outcome.revocations);
  return toUserView(outcome.user);
}

export async function setDisabled(deps: UserDeps, user: User, disabled: boolean, origin: Origin): Promise<void> {
  const { store, revocations, clock, settings } = deps;
  const { tokenForeignTtl: foreignMaxSeconds } = settings;
  const outcome = await store.setDisabled({ userId: user.id, disabled, now: clock.now(), foreignMaxSeconds, origin });
  if (!outcome.found) throw unknown();
  revocations.add(outcome.revocations);
}

export async function deleteUser(deps: UserDeps, user: User, origin: Origin): Promise<void> {
  const { store, revocations, clock, settings } = deps;
  const { tokenForeignTtl: foreignMaxSeconds } = settings;
  const outcome = await store.deleteUser({ userId: user.id, now: clock.now(), foreignMaxSeconds, origin });
  if (!outcome.found) throw unknown();
  revocations.add(outcome.revocations);
}

async function hashNew(deps: UserDeps, password: string, about: NewPasswordOf): Promise<string> {
  await requirePassword(deps.policy, password, about);
  return deps.passwords.hash(password, { fairnessKey: about.login });
}

export async function requireUser({ store }: Pick<Deps, "store">, ref: UserRef): Promise<User> {
  const byId = "id" in ref;
  const user = await (byId ? findStoredUserById(store, ref.id) : findStoredUser(store, ref.login));
  if (user === undefined) throw unknown(byId ? "id" : "login");
  return user;
}

/** A user of any table. */
export async function requireAccount({ directory }: Pick<Deps, "directory">, ref: UserRef): Promise<Account> {
  const account = await ("id" in ref ? directory.findById(ref.id) : directory.findByLogin(ref.login));
  if (account === undefined) throw unknown("id" in ref ? "id" : "login");
  return account;
}

/** The id of a user of any table. One that is given is not looked up. */
export async function requireUserId({ directory }: Pick<Deps, "directory">, ref: UserRef): Promise<string> {
  if ("id" in ref && isStorableName(ref.id)) return ref.id;
  const account = "id" in ref ? undefined : await directory.findByLogin(ref.login);
  if (account === undefined) throw unknown("id" in ref ? "id" : "login");
  return account.id;
}

/** The login name of the user of an id. */
export async function requireLogin({ directory }: Pick<Deps, "directory">, id: string): Promise<string> {
  const account = await directory.findById(id);
  if (account === undefined) throw unknown("id");
  return account.login;
}

const unknown = (name: "id" | "login" = "login"): AmphoError =>
  new AmphoError("not_found", `There is no user with this ${name}.`);

/** Returns each role once, in the given order. */
export function requireRoles(roles: readonly string[]): readonly string[] {
  const reason = findRoleProblem(roles);
  if (reason !== undefined) throw new AmphoError("invalid_request", reason, { field: "roles" });
  return [...new Set(roles)];
}
