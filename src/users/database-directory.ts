// The users of Ampho's own database.
import { parseAddress } from "../logins/address.js";
import { canonicalLogin, checkLogin } from "../logins/login-name.js";
import type { FailureDelay } from "../passwords/failure-delay.js";
import { currentFormat } from "../passwords/hash.js";
import type { PasswordPool } from "../passwords/pool.js";
import { emailOf, type FoundUser, type User } from "../store/sql/rows/users.js";
import { isStorableName } from "../store/storable-text.js";
import type { Store } from "../store/store.js";
import { type Directory, toAccount } from "./directory.js";

/** Undefined for a login that no user can have, such as one whose compared form is too long. */
export async function findStoredUser(store: Pick<Store, "findUser">, login: string): Promise<FoundUser | undefined> {
  const canonical = canonicalLogin(login);
  return checkLogin(canonical) === undefined ? store.findUser(canonical) : undefined;
}

/** Undefined for an id that no user can have. */
export const findStoredUserById = async (store: Pick<Store, "findUserById">, id: string): Promise<User | undefined> =>
  isStorableName(id) ? store.findUserById(id) : undefined;

export const createDatabaseDirectory = (
  store: Pick<Store, "findUser" | "findUserById" | "findUsers" | "findUserByAddress">,
  passwords: PasswordPool,
  failureDelay: FailureDelay,
): Directory => ({
  anyUser: {},
  requireRows: () => {},
  fromRows: (read) => read(),
  forTable: async () => undefined,
  canonicalOf: canonicalLogin,
  async findByLogin(login) {
    const user = await findStoredUser(store, login);
    return user && toAccount(user);
  },
  async findForMail(typed) {
    const address = parseAddress(typed);
    // Both are read for every address, so that the time reveals nothing.
    const [byAddress, byLogin] = [
      address && (await store.findUserByAddress(address.canonical)),
      await findStoredUser(store, typed),
    ];
    const user = byAddress?.email?.provenAt === undefined ? (byLogin ?? byAddress) : byAddress;
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
  canDeleteFirst: false,
  findOwner: async (_session, user) => user && toAccount(user),
  hashNew: (password, turn) => passwords.hash(password, turn),
  setPassword: async () => {},
  async create({ id, login: asked, email: address, roles, passwordHash, now }) {
    const login = asked ?? ((await findStoredUser(store, address.address)) === undefined ? address.address : id);
    const email = emailOf(address, now);
    const row = { id, login, canonical: canonicalLogin(login), passwordHash, roles, email };
    const user = { ...row, passwordVersion: 1, rolesVersion: 1, disabled: false, createdAt: now };
    return { account: toAccount(user), row };
  },
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
});

const [usersAtOnce, countedAtOnce] = [500, 2000];

/** Yields all users in the order of their logins. Reads one page at a time. */
export async function* allUsers(store: Pick<Store, "listUsers">): AsyncGenerator<User> {
  for (let after: string | undefined; ; ) {
    const { users, next } = await store.listUsers({ after, limit: usersAtOnce });
    yield* users;
    if (next === undefined) return;
    after = next;
  }
}

/** The number of users with one format of password hash. */
export interface HashFormatCount {
  /** Null for users without a password. */
  readonly format: string | null;
  /** New passwords get this format and cost. Another one is replaced at the next successful login. */
  readonly current: boolean;
  /** The number of users. */
  readonly users: number;
}

/** Returns the most frequent format first. A user who changes meanwhile counts with the old or the new format. */
export async function countHashFormats(
  store: Pick<Store, "countHashKinds">,
  usersMax = Number.POSITIVE_INFINITY,
): Promise<readonly HashFormatCount[]> {
  const counts = new Map<string, HashFormatCount>();
  let after: string | undefined;
  for (let read = 0; read < usersMax; read += countedAtOnce) {
    const page = await store.countHashKinds({ after, limit: countedAtOnce });
    for (const { kind, hasHash, users } of page.counts) {
      const format = kind ?? (hasHash ? currentFormat : null);
      const current = kind === null && hasHash;
      const key = `${current} ${format}`;
      counts.set(key, { format, current, users: (counts.get(key)?.users ?? 0) + users });
    }
    if (page.next === undefined) break;
    after = page.next;
  }
  return [...counts.values()].sort((a, b) => b.users - a.users);
}
