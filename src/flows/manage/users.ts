// Users of the database, for the commands `user-…` and for `ampho.users`.
import { issuersOf } from "../../config/provider-settings.js";
import { randomId } from "../../crypto/random.js";
import { AmphoError, invalidRequest } from "../../errors.js";
import { relyingPartyOf } from "../../factors/passkey/relying-party.js";
import { findOwnAddressProblem, parseAddress } from "../../logins/address.js";
import { canonicalLogin, checkNewLogin } from "../../logins/login-name.js";
import { emailOf, type User } from "../../store/sql/rows/users.js";
import { isStorableName } from "../../store/storable-text.js";
import { allUsers, countHashFormats } from "../../users/database-directory.js";
import { toAccount } from "../../users/directory.js";
import { accessOf } from "../account/access.js";
import { exportOf } from "../account/view.js";
import { emailTaken, requireAddress, requirePassword } from "../find/rules.js";
import * as check from "./checks.js";
import { createPasswordExpiry } from "./expire-password.js";
import { manageInvitations } from "./invitations.js";
import type { Management, RoleChange, UserRef, UserView } from "./management.js";
import { findAny, type Manager, requireUser, unknownUser } from "./manager.js";

export function toUserView(user: Omit<UserView, "email" | "emailProven"> & Pick<User, "email">): UserView {
  const { id, login, roles, disabled, email } = user;
  const emailProven = email?.provenAt !== undefined;
  return { id, login, roles, disabled, email: email?.address ?? null, emailProven };
}

const named = { user: check.user("login") };
const emailArguments = { ...named, email: check.optionally(check.string), options: check.reasonOptions };

/** A page for users must use `POST /account/email`, which asks the mailbox. */
const reasonNeeded = () =>
  invalidRequest(
    "The account has a mailbox. State the reason for another one. Users change theirs with a confirmation.",
  );

export function manageUsers(m: Manager): Management["users"] {
  const { store, directory, clock, settings, origin, stored } = m;
  const { tokenForeignTtl: foreignMaxSeconds } = settings;

  async function hashNew(password: string, login: string, userId: string | undefined): Promise<string> {
    await requirePassword(m.policy, password, { login, userId, origin });
    return m.passwords.hash(password, { fairnessKey: login });
  }

  const setDisabled = (disabled: boolean) =>
    stored(named, async (ref: string | UserRef) => {
      const { id: userId } = await requireUser(m, ref);
      const ending = { userId, now: clock.now(), foreignMaxSeconds, origin };
      if (!(await store.setDisabled({ ...ending, disabled }))) throw unknownUser();
    });

  return {
    ...manageInvitations(m),
    ...createPasswordExpiry(m),
    create: stored({ user: check.newUser }, async ({ login, password, roles: given = [], email: typed }) => {
      const reason = checkNewLogin(login);
      if (reason !== undefined) throw invalidRequest(reason, "login");
      const roles = check.requireRoles(given);
      const canonical = canonicalLogin(login);
      const passwordHash = password === undefined ? null : await hashNew(password, login, undefined);
      const address = typed === undefined ? parseAddress(login) : requireAddress(typed);
      const email = address && emailOf(address, undefined);
      const problem = findOwnAddressProblem(canonical, email);
      if (problem !== undefined) throw invalidRequest(problem, "login");
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
    access: check.checked(named, async (ref) => {
      const account = await findAny(m, ref);
      if (account === undefined) throw unknownUser();
      return accessOf(m, account, undefined);
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
    }),
    setEmail: stored(emailArguments, async (ref, typed, { reason } = {}) => {
      const { id: userId } = await requireUser(m, ref);
      const address = typed === undefined ? undefined : requireAddress(typed);
      const email = address && { ...emailOf(address, undefined), byOperator: reason === undefined ? undefined : true };
      const unproven = { own: undefined, ownUser: undefined, spend: undefined, attempt: undefined };
      const outcome = await store.setEmail({ ...unproven, userId, email, reason, now: clock.now(), origin });
      if (outcome.outcome === "taken") throw emailTaken();
      if (outcome.outcome === "reason_needed") throw reasonNeeded();
      if (outcome.outcome !== "done") throw unknownUser();
    }),
    import: stored({ input: check.iterable, options: check.importOptions }, async (input, options = {}) => {
      // Only an import needs it, and the libraries that compute hashes of other systems.
      const { importUsers } = await import("../../users/import.js");
      const rp = relyingPartyOf(settings)?.id;
      const providers = settings.providers.map((each) => ({ name: each.name, issuers: issuersOf(each) }));
      return importUsers({ ...m, rp, providers }, input, options, origin);
    }),
    countHashFormats: stored({}, () => countHashFormats(store)),
    setRoles: stored({ ...named, roles: check.roleChange }, async (ref, roles) => {
      const { id: userId } = await requireUser(m, ref);
      const sent: RoleChange = "length" in roles ? { set: roles } : roles;
      const change =
        "set" in sent
          ? { set: check.requireRoles(sent.set) }
          : { add: check.requireRoles(sent.add ?? []), remove: sent.remove ?? [] };
      const { factors: rolePolicies } = settings;
      const now = clock.now();
      const user = await store.setRoles({ userId, change, rolePolicies, now, foreignMaxSeconds, origin });
      if (user === undefined) throw unknownUser();
      return toUserView(user);
    }),
    export: stored(named, async (ref) => exportOf(m, toAccount(await requireUser(m, ref)), origin)),
    disable: setDisabled(true),
    enable: setDisabled(false),
    remove: stored(named, async (ref) => {
      const { id: userId } = await requireUser(m, ref);
      const ending = { userId, now: clock.now(), foreignMaxSeconds, origin };
      if (!(await store.deleteUser(ending))) throw unknownUser();
    }),
  };
}

async function* listUsers({ store }: Manager): AsyncGenerator<UserView> {
  for await (const user of allUsers(store)) yield toUserView(user);
}
