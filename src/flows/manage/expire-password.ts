// The expiry of passwords, after a copy of the database was stolen. A random password that is not kept takes the place
// of the old one. An account without any password could not get one by mail, because its user has decided to have none.

import type { Origin } from "../../audit/entry.js";
import { randomId } from "../../crypto/random.js";
import { AmphoError } from "../../errors.js";
import type { PasswordChange } from "../../store/sql/user-changes.js";
import type { Account } from "../../users/directory.js";
import { storeOwnPassword } from "../account/change-password.js";
import type { Deps } from "../deps.js";
import { stillStoring } from "../find/errors.js";
import { requireAppUrl } from "./invitations.js";
import { requireAccount, type UserRef } from "./users.js";

type ExpiryDeps = Pick<Deps, "store" | "directory" | "passwords" | "revocations" | "clock" | "settings">;

/** A user can change the password while it is read. */
const attempts = 3;

/** One password and its hash for all accounts of a process, because a hash takes 60 ms and the password is not kept. */
export function createPasswordExpiry(deps: ExpiryDeps) {
  const { store, directory, passwords, revocations, clock, settings } = deps;
  const unknownPassword = randomId(32);
  let hashing: Promise<string> | undefined;

  async function changeOf({
    id,
    login,
    stored,
  }: Account): Promise<Pick<PasswordChange, "passwordHash" | "passwordVersion" | "ownUser">> {
    if (stored === undefined) {
      const { factorsVersion } = await store.listFactors(id);
      return { passwordHash: null, passwordVersion: undefined, ownUser: { login, factorsVersion } };
    }
    hashing ??= passwords.hash(unknownPassword);
    return { passwordHash: await hashing, passwordVersion: stored.passwordVersion };
  }

  /** Resolves to false for a user who has no password. */
  return async function expirePassword(ref: UserRef, reason: string | undefined, origin: Origin): Promise<boolean> {
    requireAppUrl(settings);
    if (directory.setPassword === undefined)
      throw new AmphoError("not_found", "The application keeps its own user table, without `setPassword`.");
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const account = await requireAccount(deps, ref);
      if (account.stored?.passwordHash === null) return false;
      const change = await changeOf(account);
      const now = clock.now();
      const ended = { userId: account.id, own: undefined, expires: { reason }, now, origin };
      const outcome = await store.setPassword({ ...change, ...ended });
      if (outcome.outcome === "storing") throw stillStoring();
      if (outcome.outcome !== "done") continue;
      revocations.add(outcome.revocations);
      // After the sessions have ended, as for every password that an application's own table stores.
      if (change.ownUser) await storeOwnPassword(deps, account, unknownPassword, { origin, since: now });
      return true;
    }
    throw new AmphoError("unavailable", "The password was changed meanwhile. Try again.");
  };
}
