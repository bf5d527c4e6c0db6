// Transactions that are dead (docs/reference/contract.md §4, `transaction_over`). A response names that before a wrong proof.
import { AmphoError, transactionOver } from "../../errors.js";
import type { Redeemable } from "../../factors/transactions.js";
import type { AllowedAttempt } from "../../throttle/allowed-attempt.js";
import type { Deps } from "../deps.js";

type OverDeps = Pick<Deps, "store" | "throttle" | "transactions">;

/** True if the transaction was used, or too many of its proofs were wrong. */
export function isDead(
  { store, throttle, transactions }: OverDeps,
  transaction: Pick<Redeemable, "jti">,
): Promise<boolean> {
  const hash = transactions.spentHash(transaction);
  return store.isTransactionOver({ hash, counters: throttle.countersOf(hash) });
}

/** Only a proof that was rejected costs the read. The gate finds out about every other one. */
export async function proveUnlessOver<T>(
  deps: OverDeps,
  transaction: Pick<Redeemable, "jti">,
  prove: () => Promise<T>,
): Promise<T> {
  try {
    return await prove();
  } catch (error) {
    const isRejected =
      error instanceof AmphoError && (error.code === "invalid_credentials" || error.code === "unknown_passkey");
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
