// Where users are looked up and their passwords checked: the store's own table, or an application's.

import { canonicalLogin } from "../crypto/login-name.js";
import type { PasswordPool, PasswordTurn } from "../crypto/password-pool.js";
import { AmphoError } from "../errors.js";
import type { Store, User } from "../store/store.js";
import type { Clock } from "./clock.js";
import type { FailureDelay } from "./failure-delay.js";
import { isNameable } from "./nameable.js";

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
  /** What an application's own table answered, which it gets again with the password. */
  readonly answered: ApplicationUser | undefined;
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
 * An application's own user table (docs/own-users.md). Whatever it throws is answered as `unavailable`.
 * `U` is a row of it: what `find` answers may hold more, such as the hash of the password.
 */
export interface ApplicationUsers<U extends ApplicationUser = ApplicationUser> {
  /** Asked at login, with the login as it was typed, at renewal, and where a route is `strict`. */
  find(login: string): U | undefined | Promise<U | undefined>;
  /** Gets what `find` has answered, as it is. */
  verify(user: U, password: string): boolean | Promise<boolean>;
}

/** What came of looking at a password. */
export interface Verdict {
  readonly good: boolean;
  /**
   * Resolves when a failure may be answered. Awaited last, when all that a failure writes is written: nobody else's guess
   * has to wait for it.
   */
  readonly answerable: () => Promise<void>;
}

export const answerableAtOnce = async (): Promise<void> => {};

export interface Directory {
  /** Whether the users are the store's own. */
  readonly stored: boolean;
  find(login: string): Promise<Account | undefined>;
  /** Costs the same for an unknown, a disabled and a passwordless account as for any other; then it is not good. */
  verify(account: Account | undefined, password: string, turn: PasswordTurn): Promise<Verdict>;
}

export function accountOf(user: User): Account {
  const { id, login, roles, rolesVersion, disabled } = user;
  return { id, login, roles, rolesVersion, disabled, stored: user, answered: undefined };
}

/** The users of Ampho's own store. */
export function storedDirectory(
  store: Pick<Store, "findUser">,
  passwords: PasswordPool,
  failureDelay: FailureDelay,
): Directory {
  return {
    stored: true,
    async find(login) {
      const canonical = canonicalLogin(login);
      const user = isNameable(canonical) ? await store.findUser(canonical) : undefined;
      return user === undefined ? undefined : accountOf(user);
    },
    async verify(account, password, turn) {
      const stored = account?.stored?.passwordHash ?? undefined;
      const { valid, tookMs } = await passwords.check(stored, password, turn);
      const good = valid && account !== undefined && !account.disabled;
      return { good, answerable: () => failureDelay.hold({ stored, password, tookMs }) };
    },
  };
}

function rolesOf(answer: ApplicationUser["roles"] | null): readonly string[] {
  // A text would be taken apart into letters, and a token with a role that is none is refused by every guard.
  const roles: readonly unknown[] = [...(answer ?? [])];
  if (typeof answer !== "string" && roles.every((role) => typeof role === "string")) return roles;
  throw new TypeError("users.find must answer roles as an array of strings, or not at all");
}

/** Many tables say it with 0 and 1. What is neither is not guessed at: a date that passed for no would let the user in. */
function isDisabled(answer: unknown): boolean {
  if (typeof answer === "boolean") return answer;
  if (answer === undefined || answer === null || answer === 0) return false;
  if (answer === 1) return true;
  throw new TypeError("users.find must answer disabled as true or false, or not at all");
}

/** How many measured checks stand behind the time that an unknown login takes. */
const sampleCount = 16;

export interface ApplicationParts {
  readonly users: ApplicationUsers;
  readonly passwords: PasswordPool;
  readonly clock: Clock;
  /** Told once when the table begins to fail, with what it threw, and once when it answers again. */
  readonly report: (state: "failing" | "answering", cause?: unknown) => void;
}

/** An application's own table, asked through the two functions that it gives. */
export function applicationDirectory({ users, passwords, clock, report }: ApplicationParts): Directory {
  const samplesMs: number[] = [];
  let next = 0;
  let failing = false;

  async function ask<T>(question: () => T | Promise<T>): Promise<T> {
    try {
      const answer = await question();
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

  return {
    stored: false,
    async find(login) {
      const user = await ask(() => users.find(login));
      if (user === undefined || user === null) return undefined;
      if (typeof user.id !== "string" || user.id === "" || typeof user.login !== "string" || user.login === "")
        throw new TypeError("users.find must answer { id, login } with non-empty strings, or undefined");
      return {
        id: user.id,
        login: user.login,
        roles: rolesOf(user.roles),
        rolesVersion: 0,
        disabled: isDisabled(user.disabled),
        stored: undefined,
        answered: user,
      };
    },
    async verify(account, password, turn) {
      if (account?.answered === undefined) {
        // There is nobody whom the application could check. The answer comes as late as one of the last real checks
        // did; before the first of them, after one check of our own.
        const sample = samplesMs[next++ % samplesMs.length];
        if (sample === undefined) await passwords.verify(undefined, password, turn);
        else await new Promise((resolve) => setTimeout(resolve, sample));
        return { good: false, answerable: answerableAtOnce };
      }
      const { answered } = account;
      const startedMs = clock.monotonicMs();
      const good = await ask(() => users.verify(answered, password));
      if (samplesMs.length >= sampleCount) samplesMs.shift();
      samplesMs.push(clock.monotonicMs() - startedMs);
      return { good: good === true && !account.disabled, answerable: answerableAtOnce };
    },
  };
}
