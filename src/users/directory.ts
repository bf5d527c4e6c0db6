// Where users are looked up and their passwords checked: the store's own table, or an application's.

import type { Clock } from "../clock.js";
import { AmphoError } from "../errors.js";
import { canonicalLogin } from "../logins/login-name.js";
import type { FailureDelay } from "../passwords/failure-delay.js";
import type { PasswordPool, PasswordTurn } from "../passwords/pool.js";
import type { User } from "../store/sql/users.js";
import { isStorableName, isStorableText } from "../store/storable-text.js";
import type { Store } from "../store/store.js";

/** A user as the flows know one. */
export interface Account {
  readonly id: string;
  /** As tokens say it. */
  readonly login: string;
  readonly roles: readonly string[];
  readonly rolesVersion: number;
  readonly disabled: boolean;
  /** The row, for users of the store. */
  readonly stored: User | undefined;
  /** What an application's own table applicationUser, which it gets again with the password. */
  readonly applicationUser: ApplicationUser | undefined;
}

/** What an application's own user table answers (contract §6, option `users`). */
export interface ApplicationUser {
  /** Never given to somebody else: it is `sub` of tokens, and whose the sessions are. */
  readonly id: string;
  readonly login: string;
  readonly roles?: readonly string[] | undefined;
  readonly disabled?: boolean | undefined;
}

/**
 * An application's own user table (docs/own-users.md). Whatever it throws is applicationUser as `unavailable`.
 * `U` is a row of it: what `find` answers may hold more, such as the hash of the password.
 */
export interface ApplicationUsers<U extends ApplicationUser = ApplicationUser> {
  /**
   * Asked at login, with the login as it was typed, and where a route is `live` and the token has no session. Without
   * `findById` also with the login that a session has, and by `sessions.create` with the id of whoever has none.
   */
  find(login: string): U | undefined | Promise<U | undefined>;
  /**
   * Asked by `sessions.create`, at renewal and where a route is `live`. With it a login may change, or come to be somebody
   * else's: sessions go on, for they are their user's by the id.
   */
  readonly findById?: ((id: string) => U | undefined | Promise<U | undefined>) | undefined;
  /** Gets what `find` has applicationUser, as it is. */
  verify(user: U, password: string): boolean | Promise<boolean>;
}

/** What came of looking at a password. */
export interface PasswordVerdict {
  readonly good: boolean;
  /**
   * Resolves when a failure may be applicationUser. Awaited last, when all that a failure writes is written: nobody else's guess
   * has to wait for it.
   */
  readonly waitToReject: () => Promise<void>;
}

export const rejectAtOnce = async (): Promise<void> => {};

export interface Directory {
  /** Whether the users are the store's own. */
  readonly stored: boolean;
  findByLogin(login: string): Promise<Account | undefined>;
  /** Whether users are found by their ids alone. */
  readonly findsById: boolean;
  /** By the id where that is possible, else by the login that a session of the user has. The answer may be somebody else. */
  findSessionUser(session: { readonly userId: string; readonly login: string }): Promise<Account | undefined>;
  /** Costs the same for an unknown, a disabled and a passwordless account as for any other; then it is not good. */
  verify(account: Account | undefined, password: string, turn: PasswordTurn): Promise<PasswordVerdict>;
}

export function accountOf(user: User): Account {
  const { id, login, roles, rolesVersion, disabled } = user;
  return { id, login, roles, rolesVersion, disabled, stored: user, applicationUser: undefined };
}

/** The users of Ampho's own store. */
export function storedDirectory(
  store: Pick<Store, "findUser" | "findUserById">,
  passwords: PasswordPool,
  failureDelay: FailureDelay,
): Directory {
  return {
    stored: true,
    async findByLogin(login) {
      const canonical = canonicalLogin(login);
      const user = isStorableText(canonical) ? await store.findUser(canonical) : undefined;
      return user === undefined ? undefined : accountOf(user);
    },
    findsById: true,
    async findSessionUser({ userId }) {
      const user = await store.findUserById(userId);
      return user === undefined ? undefined : accountOf(user);
    },
    async verify(account, password, turn) {
      const stored = account?.stored?.passwordHash ?? undefined;
      const { valid, tookMs } = await passwords.check(stored, password, turn);
      const good = valid && account !== undefined && !account.disabled;
      return { good, waitToReject: () => failureDelay.wait({ stored, password, tookMs }) };
    },
  };
}

function rolesOf(answer: unknown): readonly string[] {
  if (answer === undefined || answer === null) return [];
  // A text would be taken apart into letters, and a token with a role that is none is refused by every guard. A copy: the
  // array may be the application's own, and change.
  if (isIterable(answer)) {
    const roles: readonly unknown[] = [...answer];
    if (roles.every((role) => typeof role === "string")) return roles;
  }
  throw new TypeError("users.find must answer roles as an array of strings, or not at all");
}

const isIterable = (value: unknown): value is Iterable<unknown> =>
  typeof value === "object" && value !== null && Symbol.iterator in value;

/** Many tables say it with 0 and 1. What is neither is not guessed at: a date that passed for no would let the user in. */
function isDisabled(answer: unknown): boolean {
  if (typeof answer === "boolean") return answer;
  if (answer === undefined || answer === null || answer === 0) return false;
  if (answer === 1) return true;
  throw new TypeError("users.find must answer disabled as true or false, or not at all");
}

/** Each member is read once: it may be a getter's, which does not answer twice alike. */
function accountFrom(applicationUser: ApplicationUser | null | undefined): Account | undefined {
  if (applicationUser === undefined || applicationUser === null) return undefined;
  const { id, login, roles, disabled } = applicationUser;
  if (!isStorableName(id) || !isStorableName(login))
    throw new TypeError("users.find must answer { id, login } with non-empty strings without NUL, or undefined");
  return {
    id,
    login,
    roles: rolesOf(roles),
    rolesVersion: 0,
    disabled: isDisabled(disabled),
    stored: undefined,
    applicationUser,
  };
}

/** How many measured checks stand behind the time that an unknown login takes. */
const sampleCount = 16;
/**
 * Of what hangs (a pool of connections that waits for ever) nobody would hear, and tries that are not settled within 15 s
 * count as wrong: both together are less. To `verify` the more, for `verifyPassword` may wait 5 s for its turn.
 */
const limitsMs = { find: 5_000, verify: 8_000 };

export interface ApplicationDirectoryDeps {
  readonly users: ApplicationUsers;
  readonly passwords: PasswordPool;
  readonly clock: Clock;
  /**
   * Told once when the table begins to fail, with what it threw, and once when it answers again; and once when `verify` has
   * applicationUser what is neither true nor false.
   */
  readonly report: (state: UserTableState, cause?: unknown) => void;
}

export type UserTableState = "failing" | "answering" | "undecided";

/** An application's own table, asked through the functions that it gives. */
export function applicationDirectory({ users, passwords, clock, report }: ApplicationDirectoryDeps): Directory {
  const { findById } = users;
  const wrongMs: number[] = [];
  const rightMs: number[] = [];
  let next = 0;
  let failing = false;
  let undecided = false;

  async function ask<T>(limitMs: number, question: () => T | PromiseLike<T>): Promise<T> {
    try {
      const answer = await within(limitMs, question);
      if (failing) report("answering");
      failing = false;
      return answer;
    } catch (cause) {
      if (cause instanceof AmphoError) throw cause;
      if (!failing) report("failing", cause);
      failing = true;
      throw new AmphoError("unavailable", "The user table did not answer.", { retryAfterSeconds: 1 }, { cause });
    }
  }

  const findByLogin = async (login: string) => accountFrom(await ask(limitsMs.find, () => users.find(login)));

  /** What a failure looks like, for there is one to be imitated: a right password may cost more, such as a new hash. */
  function sampleMs(): number | undefined {
    const samples = wrongMs.length > 0 ? wrongMs : rightMs;
    return samples[next++ % samples.length];
  }

  function learn(samples: number[], ms: number): void {
    if (samples.length >= sampleCount) samples.shift();
    samples.push(ms);
  }

  return {
    stored: false,
    findByLogin,
    findsById: findById !== undefined,
    async findSessionUser({ userId, login }) {
      if (findById === undefined) return findByLogin(login);
      return accountFrom(await ask(limitsMs.find, () => findById.call(users, userId)));
    },
    async verify(account, password, turn) {
      if (account?.applicationUser === undefined) {
        // There is nobody whom the application could check. The answer comes as late as one of the last real checks
        // did; before the first of them, after one check of our own.
        const sample = sampleMs();
        if (sample === undefined) await passwords.verify(undefined, password, turn);
        else await new Promise((resolve) => setTimeout(resolve, sample));
        return { good: false, waitToReject: rejectAtOnce };
      }
      const { applicationUser } = account;
      const startedMs = clock.monotonicMs();
      const good: unknown = await ask(limitsMs.verify, () => users.verify(applicationUser, password));
      learn(good === true ? rightMs : wrongMs, clock.monotonicMs() - startedMs);
      if (typeof good !== "boolean" && !undecided) {
        undecided = true;
        report("undecided");
      }
      return { good: good === true && !account.disabled, waitToReject: rejectAtOnce };
    },
  };
}

/** Rejects when there is no answer by then; one that comes later is nobody's. */
async function within<T>(limitMs: number, question: () => T | PromiseLike<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  // Not unref'd: an answer is owed to somebody.
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${limitMs / 1000} s`)), limitMs);
  });
  try {
    return await Promise.race([question(), late]);
  } finally {
    clearTimeout(timer);
  }
}
