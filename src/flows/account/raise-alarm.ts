// The alarm link of a notice (docs/guides/mailed-links.md). It needs no login. It ends the sessions, and undoes the change that the
// notice reported. The holder of a stolen mailbox gains nothing by it but the address or the login name from before.

import type { Origin } from "../../audit/entry.js";
import { transactionOver } from "../../errors.js";
import { canonicalLogin } from "../../logins/login-name.js";
import { type ReportedChange, renamedBy } from "../../store/sql/mailbox-changes.js";
import type { Caller, Deps } from "../deps.js";
import { findAccount } from "../find/account.js";

/** Works once for each notice. Rejects with `transaction_over`. */
export async function raiseAlarm(deps: Deps, { alarm }: { readonly alarm: string }, caller: Caller): Promise<void> {
  const { mailTokens, store, directory, revocations, clock, settings } = deps;
  const now = clock.now();
  const read = mailTokens.readAlarm(alarm, now);
  if (read === undefined) throw transactionOver();
  const { userId, notice, hash, exp } = read;
  const spend = { hash, until: exp + settings.tokenLeeway, idempotency: undefined };
  const origin: Origin = { actor: "user", ...caller };
  const raised = await store.raiseAlarm({
    userId,
    notice,
    isStored: directory.inDatabase,
    spend,
    now,
    origin,
    foreignMaxSeconds: settings.tokenForeignTtl,
  });
  revocations.add(raised.revocations);
  if (raised.undo !== undefined) await undoInTable(deps, userId, raised.undo);
}

/** An application's own table stores the address and the login name itself. It changes nothing that was changed again. */
async function undoInTable(deps: Deps, userId: string, undo: ReportedChange): Promise<void> {
  const { directory } = deps;
  const renamed = renamedBy(undo);
  if (renamed === undefined && !("email" in undo)) return;
  const account = await findAccount(deps, userId);
  if (account === undefined) return;
  if ("email" in undo && undo.addresses.includes(account.email?.canonical ?? null))
    await directory.setEmail?.(account, undo.email.address);
  if (renamed !== undefined && undo.logins.includes(canonicalLogin(account.login)))
    await directory.setLogin?.(account, renamed.login, { requireLive: async () => {}, afterwards: async () => "done" });
}
