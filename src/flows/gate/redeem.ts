// The row that redeems a transaction, and the version of the account that it was issued for.

import type { LoginTransaction, Redeemable } from "../../factors/transactions.js";
import type { Entry } from "../../store/sql/entries.js";
import type { Spending } from "../../store/sql/spent.js";
import type { Account } from "../../users/directory.js";
import type { Deps } from "../deps.js";

/** The row that uses a transaction up. It stays until no process accepts the transaction any more. */
export function spendingOf(
  { transactions, settings, throttle }: Deps,
  transaction: Redeemable,
  idempotency: string | undefined,
): Spending {
  const hash = transactions.spentHash(transaction);
  const [counter] = throttle.countersOf(hash);
  return { hash, until: transaction.exp + settings.tokenLeeway, idempotency, counter };
}

/** Since the first factor another request can have changed the password, or disabled the user. */
export function storedOf({ stored }: Account, transaction: Pick<LoginTransaction, "pwv"> | undefined): Entry["stored"] {
  if (stored === undefined) return false;
  return { passwordVersion: transaction?.pwv ?? stored.passwordVersion };
}
