// The error of a login whose first factor was right and is not enough (docs/guides/client.md).
import { AmphoError } from "../errors.js";
import type { ClientSession } from "../wire/login.js";
import type { ProblemBody } from "../wire/problem.js";

/** A second factor that the user types. */
export interface TypedFactor {
  /** The six digits that the user's TOTP application shows. */
  readonly totp?: string | undefined;
  /** One of the recovery codes, of 24 letters and digits. */
  readonly recoveryCode?: string | undefined;
  /** Skips the second factor at later logins on this device, for routes that do not ask for it. */
  readonly remember?: boolean | undefined;
}

/** A second factor, which a user shows in addition to a password or in a step-up. */
export interface SecondFactor extends TypedFactor {
  /** Asks the browser for a passkey of this account. */
  readonly passkey?: true | undefined;
}

/** The session that a login has created. */
export interface EnteredSession extends ClientSession {
  /** How many recovery codes the user has left, after a login by one. Below 3, advise the user to renew them. */
  readonly recoveryCodesLeft?: number;
  /**
   * True at the first login after a reset, an alarm or a recovery: show the user `account.access()` of
   * `ampho/client/account`.
   */
  readonly review?: true;
}

export type Finish = (proof: SecondFactor) => Promise<EnteredSession>;

/**
 * The error of a login that needs a second factor.
 * @example
 * try {
 *   await client.login("alice", password);
 * } catch (error) {
 *   if (!(error instanceof FactorNeeded)) throw error;
 *   const { factors, enroll, mail, login, transaction } = error;
 *   show(login, factors, mail, transaction);
 *   if (enroll) await client.totp.begin(error);
 *   else await error.finish({ totp: "123456" });
 * }
 */
export class FactorNeeded extends AmphoError {
  /** The factors that this account can show now, the strongest first. */
  declare readonly factors: readonly string[];
  /** True if the account must set up a second factor first, with `totp.begin(error)` or `passkeys.add(error)`. */
  declare readonly enroll: boolean;
  /** True if the set-up also needs the code that was mailed to the address of the account. */
  declare readonly mail: boolean;
  /** The set-up needs a code, and too many were mailed: the seconds until a new login gets one. Undefined otherwise. */
  declare readonly retryAfter: number | undefined;
  /**
   * Sends the second factor, and stores the session like `login`. After `invalid_credentials` call it again. After
   * `transaction_over` begin with a new login.
   * @example await factorNeeded.finish({ totp: "123456", remember: true });
   */
  declare readonly finish: Finish;
  /** The user who is signing in. */
  declare readonly login: string;
  /** The pending login. Absent where it is in a cookie. */
  declare readonly transaction: string | undefined;

  constructor(error: AmphoError, login: string, finish: Finish) {
    super(error.code, error.message, error.details);
    const details = error.details as Partial<ProblemBody>;
    const { transaction, factors = [], enroll = false, mail = false, retry_after: retryAfter } = details;
    Object.assign(this, { transaction, factors, enroll, mail, retryAfter, login, finish });
  }
}
