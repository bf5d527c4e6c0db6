// Users of the database, for the commands `user-…` and for `ampho.users`.

import { issuersOf } from "../../config/provider-settings.js";
import { randomId } from "../../crypto/random.js";
import { AmphoError } from "../../errors.js";
import { relyingPartyOf } from "../../factors/passkey/relying-party.js";
import { findOwnAddressProblem, parseAddress } from "../../logins/address.js";
import { canonicalLogin, checkNewLogin } from "../../logins/login-name.js";
import type { Revocation } from "../../store/sql/revocations.js";
import type { User } from "../../store/sql/users.js";
import { isStorableName } from "../../store/storable-text.js";
import type { Role } from "../../tokens/auth.js";
import { countHashFormats } from "../../users/database-directory.js";
import { findRoleProblem, toAccount } from "../../users/directory.js";
import { importUsers } from "../../users/import.js";
import { exportOf } from "../account/view.js";
import { emailTaken, requireAddress, requirePassword } from "../find/rules.js";
import * as check from "./checks.js";
import { createPasswordExpiry } from "./expire-password.js";
import { manageInvitations } from "./invitations.js";
import type { Management } from "./management.js";
import { findAny, type Manager, requireUser, type UserRef, unknownUser } from "./manager.js";

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

export function toUserView(user: Omit<UserView, "email" | "emailProven"> & Pick<User, "email">): UserView {
  const { id, login, roles, disabled, email } = user;
  const emailProven = email?.provenAt !== undefined;
  return { id, login, roles, disabled, email: email?.address ?? null, emailProven };
}

const named = { user: check.user("login") };

export function manageUsers(m: Manager): Management["users"] {
  const { store, directory, revocations, clock, settings, origin, stored } = m;
  const { tokenForeignTtl: foreignMaxSeconds } = settings;

  async function hashNew(password: string, login: string, userId: string | undefined): Promise<string> {
    await requirePassword(m.policy, password, { login, userId, origin });
    return m.passwords.hash(password, { fairnessKey: login });
  }

  function apply(changed: { readonly found: boolean; readonly revocations: readonly Revocation[] }): void {
    if (!changed.found) throw unknownUser();
    revocations.add(changed.revocations);
  }

  const setDisabled = (disabled: boolean) =>
    stored(named, async (ref: string | UserRef) => {
      const { id: userId } = await requireUser(m, ref);
      apply(await store.setDisabled({ userId, disabled, now: clock.now(), foreignMaxSeconds, origin }));
    });

  return {
    ...manageInvitations(m),
    expirePassword: createPasswordExpiry(m),
    create: stored({ user: check.newUser }, async ({ login, password, roles: given = [], email: typed }) => {
      const reason = checkNewLogin(login);
      if (reason !== undefined) throw new AmphoError("invalid_request", reason, { field: "login" });
      const roles = requireRoles(given);
      const canonical = canonicalLogin(login);
      const passwordHash = password === undefined ? null : await hashNew(password, login, undefined);
      const address = typed === undefined ? parseAddress(login) : requireAddress(typed);
      const email = address && { ...address, provenAt: undefined };
      const problem = findOwnAddressProblem(canonical, email);
      if (problem !== undefined) throw new AmphoError("invalid_request", problem, { field: "login" });
      const user = { id: randomId(), login, canonical, passwordHash, roles, email };
      const outcome = await store.createUser({ user, now: clock.now(), origin });
      if (outcome === "login_taken") throw new AmphoError("login_taken", "A user with this login already exists.");
      if (outcome === "email_taken") throw emailTaken();
      return toUserView({ ...user, disabled: false });
    }),
    find: check.checked(named, async (ref) => {
      const account = await findAny(m, ref);
      return account && toUserView(account);
    }),
    findById: check.checked({ id: check.string }, async (id) => {
      const account = await directory.findById(id);
      return account && toUserView(account);
    }),
    findMany: check.checked({ ids: check.stringArray }, async (ids) => {
      const accounts = await directory.findMany([...new Set(ids)].filter(isStorableName));
      return new Map(accounts.map((account) => [account.id, toUserView(account)]));
    }),
    list() {
      directory.requireRows();
      return listUsers(m);
    },
    setPassword: stored({ ...named, password: check.optionally(check.string) }, async (ref, password) => {
      const { id: userId, login } = await requireUser(m, ref);
      const passwordHash = password === undefined ? null : await hashNew(password, login, userId);
      const change = { userId, passwordHash, passwordVersion: undefined, own: undefined, now: clock.now(), origin };
      const outcome = await store.setPassword(change);
      if (outcome.outcome === "unknown") throw unknownUser();
      revocations.add(outcome.revocations);
    }),
    setEmail: stored({ ...named, email: check.optionally(check.string) }, async (ref, typed) => {
      const { id: userId } = await requireUser(m, ref);
      const address = typed === undefined ? undefined : requireAddress(typed);
      const email = address && { ...address, provenAt: undefined };
      const unproven = { own: undefined, ownUser: undefined, spend: undefined, attempt: undefined };
      const outcome = await store.setEmail({ ...unproven, userId, email, now: clock.now(), origin });
      if (outcome.outcome === "taken") throw emailTaken();
      if (outcome.outcome !== "done") throw unknownUser();
      revocations.add(outcome.revocations);
    }),
    import: stored({ input: check.iterable, options: check.importOptions }, (input, options = {}) => {
      const rp = relyingPartyOf(settings)?.id;
      const providers = settings.providers.map((each) => ({ name: each.name, issuers: issuersOf(each) }));
      return importUsers({ ...m, rp, providers }, input, options, origin);
    }),
    countHashFormats: stored({}, () => countHashFormats(m)),
    setRoles: stored({ ...named, roles: check.roleChange }, async (ref, roles) => {
      const { id: userId } = await requireUser(m, ref);
      const sent: RoleChange = "length" in roles ? { set: roles } : roles;
      const change =
        "set" in sent
          ? { set: requireRoles(sent.set) }
          : { add: requireRoles(sent.add ?? []), remove: sent.remove ?? [] };
      const { factors: rolePolicies } = settings;
      const now = clock.now();
      const outcome = await store.setRoles({ userId, change, rolePolicies, now, foreignMaxSeconds, origin });
      if (outcome.user === undefined) throw unknownUser();
      revocations.add(outcome.revocations);
      return toUserView(outcome.user);
    }),
    export: stored(named, async (ref) => exportOf(m, toAccount(await requireUser(m, ref)), origin)),
    disable: setDisabled(true),
    enable: setDisabled(false),
    remove: stored(named, async (ref) => {
      const { id: userId } = await requireUser(m, ref);
      apply(await store.deleteUser({ userId, now: clock.now(), foreignMaxSeconds, origin }));
    }),
  };
}

/** Yields all users in the order of their logins. Reads one page at a time. */
async function* listUsers({ store }: Manager): AsyncGenerator<UserView> {
  const limit = 500;
  for (let after: string | undefined; ; ) {
    const { users, next } = await store.listUsers({ after, limit });
    for (const user of users) yield toUserView(user);
    if (next === undefined) return;
    after = next;
  }
}

/** Returns each role once, in the given order. */
export function requireRoles(roles: readonly string[]): readonly string[] {
  const reason = findRoleProblem(roles);
  if (reason !== undefined) throw new AmphoError("invalid_request", reason, { field: "roles" });
  return [...new Set(roles)];
}
