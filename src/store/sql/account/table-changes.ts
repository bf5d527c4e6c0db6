// A change that an application's own table makes, and this database after it. Its confirmation is used up before the
// table is called. So the table changes once for one confirmation, and a stop that comes first leaves it as it is.
import { exists, type Transaction, write } from "../../transaction.js";
import { type ConfirmedChange, lockSessionsOf, ofNextVersion } from "../effects/changes.js";
import { type EmailWait, giveWaitBack, takeEmailWait } from "../effects/email-waits.js";
import { writeAccount } from "../factors/account-factors.js";
import { type ConfirmedSession, useConfirmation } from "../rows/confirmations.js";
import { sendIsLive, type TokenSession } from "../rows/sessions.js";

export interface TableChangeStart extends ConfirmedSession, TokenSession {
  readonly change: ConfirmedChange;
  readonly factorsVersion: number;
  /** The change has waited, and needs no confirmation. */
  readonly waited: Pick<EmailWait, "n"> | undefined;
}

/**
 * `confirmed`: it has used a confirmation up. `begun`: it needs none, or the session has confirmed every change. Then
 * the version of the account decides between two at once. `changed`: the session has ended, the account has changed, or
 * another one was first. Throws `confirmation_needed`.
 */
export type TableChangeOutcome = "confirmed" | "waited" | "begun" | "changed";

export function* beginTableChange(input: TableChangeStart): Transaction<TableChangeOutcome> {
  const { userId, sessionId, change, factorsVersion, waited, now } = input;
  const before = yield* lockSessionsOf(userId);
  const isLive = yield* (yield* sendIsLive(input, now))();
  if (!isLive || before.factorsVersion !== factorsVersion) return "changed";
  if (waited) return (yield* takeEmailWait(waited, now)) ? "waited" : "changed";
  const isUsed = "select 1 as found from ampho_sessions where id = ? and confirmed is null";
  if ((yield* useConfirmation(change, input)) && (yield* exists(isUsed, [sessionId]))) return "confirmed";
  yield* writeAccount(userId, ofNextVersion(before, now));
  return "begun";
}

/** The table has not changed. */
export function* giveTableChangeBack(
  input: Pick<TableChangeStart, "change" | "sessionId" | "waited"> & { readonly outcome: TableChangeOutcome },
): Transaction<void> {
  const { change, sessionId, waited, outcome } = input;
  if (outcome === "waited" && waited) yield* giveWaitBack(waited);
  if (outcome === "confirmed")
    yield* write("update ampho_sessions set confirmed = ? where id = ? and confirmed is null", [change, sessionId]);
}
