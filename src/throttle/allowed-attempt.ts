// An attempt as a flow asks the throttle for it, and as it is allowed (docs/operate/throttling.md).
import type { AuditEntry } from "../audit/entry.js";
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

/** An attempt whose password can be checked. It must be settled, and otherwise counts as failed after 15 s. */
export interface AllowedAttempt {
  readonly deviceId: string | undefined;
  readonly turn: PasswordTurn;
  /** For an operation of the store that settles it in its own transaction, with the outcome that it knows. */
  readonly attempt: () => Attempt;
  /** For an operation of the store that settles it as succeeded in its own transaction, and ends the user's streaks. */
  asSucceeded(userId: string): Attempt;
  /** Runs the check of the password. Returns the attempt if the check threw (`overloaded`, `unavailable`). */
  run<T>(check: () => Promise<T>): Promise<T>;
  /** Settles it as failed. `login`: the login name of the account, if there is one. */
  failed(audit: AuditEntry, login: string | undefined): Promise<void>;
  succeeded(audit?: AuditEntry): Promise<void>;
}
