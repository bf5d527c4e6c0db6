// The users of Ampho's own database.

import { canonicalLogin, checkLogin } from "../logins/login-name.js";
import type { FailureDelay } from "../passwords/failure-delay.js";
import type { PasswordPool } from "../passwords/pool.js";
import type { User } from "../store/sql/users.js";
import { isStorableName } from "../store/storable-text.js";
import type { Store } from "../store/store.js";
import { type Directory, toAccount } from "./directory.js";

/** Undefined for a login that no user can have, such as one whose compared form is too long. */
export async function findStoredUser(store: Pick<Store, "findUser">, login: string): Promise<User | undefined> {
  const canonical = canonicalLogin(login);
  return checkLogin(canonical) === undefined ? store.findUser(canonical) : undefined;
}

/** Undefined for an id that no user can have. */
export async function findStoredUserById(store: Pick<Store, "findUserById">, id: string): Promise<User | undefined> {
  return isStorableName(id) ? store.findUserById(id) : undefined;
}

export function createDatabaseDirectory(
  store: Pick<Store, "findUser" | "findUserById" | "findUsers" | "findUserByAddress">,
  passwords: PasswordPool,
  failureDelay: FailureDelay,
): Directory {
  return {
    inDatabase: true,
    async findByLogin(login) {
      const user = await findStoredUser(store, login);
      return user && toAccount(user);
    },
    async findByAddress(canonical) {
      const user = await store.findUserByAddress(canonical);
      return user && toAccount(user);
    },
    async findById(id) {
      const user = await findStoredUserById(store, id);
      return user && toAccount(user);
    },
    findMany: async (ids) => (await store.findUsers({ ids })).map(toAccount),
    findsById: true,
    findOwner: async (_session, user) => user && toAccount(user),
    hashNew: (password, fairness) => passwords.hash(password, fairness),
    setPassword: async () => {},
    setEmail: async () => true,
    setLogin: (_account, _login, { afterwards }) => afterwards(),
    remove: (_account, { afterwards }) => afterwards(),
    async findSessionUser({ userId }) {
      const user = await store.findUserById(userId);
      return user && toAccount(user);
    },
    async verify(account, password, turn) {
      const stored = account?.stored?.passwordHash ?? undefined;
      const { valid, tookMs } = await passwords.check(stored, password, turn);
      const good = valid && account !== undefined && !account.disabled;
      return { good, waitToReject: () => failureDelay.wait({ stored, tookMs }) };
    },
  };
}
