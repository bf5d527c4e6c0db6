// The errors of the ways in. `invalid_credentials` has one message, so that it reveals no reason but a used code.
import { AmphoError, hasCode, transactionOver } from "../../errors.js";
import type { Spendable } from "../../factors/transactions.js";
import type { AllowedAttempt } from "../../throttle/allowed-attempt.js";
import type { Deps } from "../deps.js";

export const unknownPasskey = () =>
  new AmphoError(
    "unknown_passkey",
    "No account has this passkey. It was removed, or it belongs to another application.",
  );

export const wrongCredentials = () =>
  new AmphoError("invalid_credentials", "The login, the password or the code is wrong.");

/** The code was right, after a right first factor. A used code is of no use to an attacker. */
export const usedCode = () =>
  new AmphoError("invalid_credentials", "This code was used already. Wait for the next one.", { reason: "code_used" });

export function factorNeeded(
  transaction: string,
  factors: readonly string[],
  details: { readonly enroll: boolean; readonly passkey?: Readonly<Record<string, unknown>>; readonly mail?: boolean },
): AmphoError {
  const message = !details.enroll
    ? "A second factor is needed."
    : details.mail === true
      ? "This account needs a second factor. Set one up with the code that was mailed."
      : "This account needs a second factor. Set one up.";
  return new AmphoError("factor_needed", message, { transaction, factors, ...details });
}

/** As many codes were mailed to the account as it can get in an hour, and the set-up needs one. */
export const enrolCodeWithheld = (transaction: string, retryAfterSeconds: number) =>
  new AmphoError(
    "factor_needed",
    "This account needs a second factor, and its set-up needs a mailed code. Too many were mailed. Sign in again later.",
    { transaction, factors: [], enroll: true, mail: false, retryAfterSeconds },
  );

/**
 * Until an application's own table has stored a new password, the old one is right, and must give an attacker nothing.
 */
export const stillStoring = () =>
  new AmphoError("unavailable", "A new password of this account is being stored. Try again in a few seconds.", {
    retryAfterSeconds: 1,
  });

// Dead transactions (docs/reference/contract.md §4, `transaction_over`). A response names that before a wrong proof.

type OverDeps = Pick<Deps, "store" | "throttle" | "transactions">;

/** True if the transaction was used, or too many of its proofs were wrong. */
export function isDead(
  { store, throttle, transactions }: OverDeps,
  transaction: Pick<Spendable, "jti">,
): Promise<boolean> {
  const hash = transactions.spentHash(transaction);
  return store.isTransactionOver({ hash, counters: throttle.countersOf(hash) });
}

/** Only a proof that was rejected costs the read. The gate finds out about every other one. */
export async function proveUnlessOver<T>(
  deps: OverDeps,
  transaction: Pick<Spendable, "jti">,
  prove: () => Promise<T>,
): Promise<T> {
  try {
    return await prove();
  } catch (error) {
    const isRejected = hasCode(error, "invalid_credentials", "unknown_passkey");
    if (isRejected && (await isDead(deps, transaction))) throw transactionOver();
    throw error;
  }
}

/** Settles the attempt if the rest fails: the password or the code was right, and the user can try again with it. */
export function settleOnError<T>(rest: Promise<T>, allowed: Pick<AllowedAttempt, "succeeded"> | undefined): Promise<T> {
  return rest.catch(async (error: unknown) => {
    await allowed?.succeeded();
    throw error;
  });
}
