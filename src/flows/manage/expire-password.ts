// The expiry of passwords, after a copy of the database was stolen. A random password that is not kept takes the place
// of the old one. An account without any password could not get one by mail, because its user has decided to have none.
import { randomId } from "../../crypto/random.js";
import { AmphoError } from "../../errors.js";
import type { Account } from "../../users/directory.js";
import { storeOwnPassword } from "../account/change-password.js";
import { stillStoring } from "../find/errors.js";
import * as check from "./checks.js";
import type { Management } from "./management.js";
import { findAny, type Manager, requireAppUrl, unknownUser } from "./manager.js";

/** A user can change the password while it is read. */
const attempts = 3;

/** So many users are changed in one transaction. */
const atOnce = 200;

/** One password and its hash for all accounts of a process, because a hash takes 60 ms and the password is not kept. */
export function createPasswordExpiry(m: Manager): Pick<Management["users"], "expirePassword" | "expirePasswords"> {
  const { store, directory, passwords, clock, settings, origin } = m;
  const unknownPassword = randomId(32);
  let hashing: Promise<string> | undefined;

  async function changeOf({ id, login, stored }: Account) {
    if (stored === undefined) {
      const { factorsVersion } = await store.listFactors(id);
      return { passwordHash: null, passwordVersion: undefined, ownUser: { login, factorsVersion } };
    }
    return { passwordHash: await unknownHash(), passwordVersion: stored.passwordVersion };
  }

  const unknownHash = () => (hashing ??= passwords.hash(unknownPassword));

  async function* expireAll({ reason, after }: { reason?: string | undefined; after?: string | undefined }) {
    requireAppUrl(settings);
    const passwordHash = await unknownHash();
    if (after === undefined) {
      const { tokenTtl: accessTtlSeconds, tokenForeignTtl: foreignMaxSeconds } = settings;
      await store.endAllSessions({ now: clock.now(), origin, accessTtlSeconds, foreignMaxSeconds });
    }
    for (let next = after; ; ) {
      const batch = await store.expirePasswords({
        after: next,
        limit: atOnce,
        passwordHash,
        reason,
        now: clock.now(),
        origin,
      });
      yield batch;
      if (batch.next === undefined) return;
      next = batch.next;
    }
  }

  const expirePassword: Management["users"]["expirePassword"] = check.checked(
    { user: check.user("login"), options: check.reasonOptions },
    async (ref, { reason } = {}) => {
      requireAppUrl(settings);
      if (directory.setPassword === undefined)
        throw new AmphoError("not_found", "The application keeps its own user table, without `setPassword`.");
      for (let attempt = 0; attempt < attempts; attempt += 1) {
        const account = await findAny(m, ref);
        if (account === undefined) throw unknownUser(typeof ref !== "string" && "id" in ref ? "id" : "login");
        if (account.stored?.passwordHash === null) return false;
        const change = await changeOf(account);
        const now = clock.now();
        const ended = { userId: account.id, own: undefined, expires: { reason }, now, origin };
        const outcome = await store.setPassword({ ...change, ...ended });
        if (outcome.outcome === "storing") throw stillStoring();
        if (outcome.outcome !== "done") continue;
        // After the sessions have ended, as for every password that an application's own table stores.
        if (change.ownUser) await storeOwnPassword(m, account, unknownPassword, { origin, since: now });
        return true;
      }
      throw new AmphoError("unavailable", "The password was changed meanwhile. Try again.");
    },
  );
  return {
    expirePassword,
    expirePasswords(options = {}) {
      directory.requireRows();
      check.expiryOptions("options", options);
      return expireAll(options);
    },
  };
}
