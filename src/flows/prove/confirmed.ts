// A change of how a user signs in needs a confirmation besides a recent login (docs/reference/changes.md). The store
// decides in the transaction of the change. These flows ask before a ceremony, or before an application's table
// changes.
import type { Origin } from "../../audit/entry.js";
import type { Confirmable, ConfirmedChange } from "../../store/sql/effects/changes.js";
import { requireConfirmation } from "../../store/sql/rows/confirmations.js";
import { originFor } from "../../users/directory.js";
import type { Deps } from "../deps.js";
import type { Recent } from "./recent.js";

type Confirming = Pick<Recent, "account" | "sessionId">;

export const readConfirmation = (
  { store, clock }: Deps,
  { account, sessionId }: Confirming,
  change: Confirmable,
  origin: Origin,
) =>
  store.readConfirmation({
    change,
    userId: account.id,
    sessionId,
    now: clock.now(),
    origin: originFor(account, origin),
  });

/** Rejects with `confirmation_needed`. */
export async function requireConfirmed(
  deps: Deps,
  session: Confirming,
  change: ConfirmedChange,
  origin: Origin,
): Promise<void> {
  requireConfirmation(change, await readConfirmation(deps, session, change, origin));
}
