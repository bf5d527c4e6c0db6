// The interface of the throttle (docs/operate/throttling.md): an attempt as a flow asks for it, and as it is allowed.
import type { AuditEntry, Origin } from "../audit/entry.js";
import type { PasswordTurn } from "../passwords/pool.js";
import type { Attempt, NamedAccount } from "./attempt.js";

export interface KnownDevice {
  readonly userId: string;
  readonly deviceId: string;
}

/** By what the attempts at an account are counted. Only `accountKeyOf` of flows/find/account-key.ts creates it. */
export interface AccountKey extends NamedAccount {
  /** No two accounts have the same name, and all logins that find an account lead to one name. */
  readonly name: string;
}

export interface LoginAttempt {
  readonly account: AccountKey;
  /** The device that a valid proof names. */
  readonly known?: KnownDevice | undefined;
  readonly captcha?: string | undefined;
  readonly origin: Origin;
}

export interface PasswordChangeAttempt {
  readonly login: string;
  readonly userId: string;
  readonly sessionId: string;
  readonly origin: Origin;
}

export interface FactorAttempt {
  readonly login: string;
  readonly userId: string;
  /** The known device or the live session that the attempt comes from. It has a counter of its own. */
  readonly known?: { readonly device: string } | { readonly session: string } | undefined;
  /** The hash of the transaction that the factor completes. */
  readonly transaction?: string | undefined;
  readonly origin: Origin;
}

export interface MailAttempt {
  readonly account: AccountKey;
  readonly known?: KnownDevice | undefined;
  readonly origin: Origin;
}

export interface CodeAttempt {
  readonly purpose: string;
  readonly account: AccountKey;
  readonly known?: KnownDevice | undefined;
  /** The hash of the transaction to which the code was mailed. */
  readonly transaction: string;
  readonly origin: Origin;
}

/** An attempt whose password can be checked. It must be settled, and otherwise counts as failed after 15 s. */
export interface AllowedAttempt {
  /** The known device that it comes from. */
  readonly deviceId: string | undefined;
  readonly turn: PasswordTurn;
  /**
   * For an operation of the store that settles it in its own transaction, with the outcome that the operation knows.
   */
  readonly attempt: () => Attempt;
  /** For an operation of the store that settles it as succeeded in its own transaction, and ends the user's streaks. */
  asSucceeded(userId: string): Attempt;
  /** Runs the check of the password. Returns the attempt if the check threw (`overloaded`, `unavailable`). */
  run<T>(check: () => Promise<T>): Promise<T>;
  /** Settles it as failed. `login`: the login name of the account, if there is one. */
  failed(audit: AuditEntry, login: string | undefined): Promise<void>;
  /** Settles it as succeeded, where no other operation does. */
  succeeded(audit?: AuditEntry): Promise<void>;
}

export interface Throttle {
  /**
   * Throws `too_many_attempts` with the seconds until the next attempt is allowed, or `captcha_needed` if a solved
   * captcha buys the attempt.
   */
  allowLogin(attempt: LoginAttempt): Promise<AllowedAttempt>;
  /** The same for the old password of a password change. It does not count for the login. */
  allowPasswordChange(change: PasswordChangeAttempt): Promise<AllowedAttempt>;
  /** The same for a new login name of the user. A login that another user has counts as a failure. */
  allowLoginChange(change: Pick<PasswordChangeAttempt, "login" | "userId" | "origin">): Promise<AllowedAttempt>;
  /**
   * The same for a second factor. It does not count for the password. Throws `transaction_over` after five wrong
   * factors of one transaction.
   */
  allowFactor(attempt: FactorAttempt): Promise<AllowedAttempt>;
  /** Every request for a mail counts, and not only failures. */
  allowMail(request: MailAttempt): Promise<AllowedAttempt>;
  /** An attempt at a mailed code. Throws `transaction_over` after five wrong codes of one transaction. */
  allowCode(attempt: CodeAttempt): Promise<AllowedAttempt>;
  /** An attempt at the number of a mailed link. Throws `transaction_over` after three wrong numbers. */
  allowMatch(attempt: Omit<CodeAttempt, "purpose" | "known">): Promise<AllowedAttempt>;
  /** Resolves when a rejection of something that no counter limits can be sent: a transaction, a passkey. */
  readonly delayRejection: () => Promise<void>;
  /** The counters of the wrong proofs of one transaction, by its hash. */
  readonly countersOf: (transaction: string) => readonly [factors: string, codes: string];
}
