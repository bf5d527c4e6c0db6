// The alarm link of a notice (docs/guides/mailed-links.md). It needs no login and can only end things, so that a stolen mailbox gains nothing by it.

import type { Origin } from "../audit/entry.js";
import { transactionOver } from "../errors.js";
import type { Caller, Deps } from "./deps.js";

/** Ends every session and device proof of the user, once for each notice. Rejects with `transaction_over`. */
export async function raiseAlarm(
  { mailTokens, store, directory, revocations, clock, settings }: Deps,
  { alarm }: { readonly alarm: string },
  caller: Caller,
): Promise<void> {
  const now = clock.now();
  const read = mailTokens.readAlarm(alarm, now);
  if (read === undefined) throw transactionOver();
  const { userId, hash, exp } = read;
  const spend = { hash, until: exp + settings.tokenLeeway, idempotency: undefined };
  const origin: Origin = { actor: "user", ...caller };
  revocations.add(await store.raiseAlarm({ userId, isStored: directory.inDatabase, spend, now, origin }));
}
