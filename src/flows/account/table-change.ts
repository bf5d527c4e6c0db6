// The beginning of a change that an application's own table makes before the database
// (store/sql/account/table-changes.ts).
import type { ConfirmedChange } from "../../store/sql/effects/changes.js";
import type { EmailWait } from "../../store/sql/effects/email-waits.js";
import { originFor } from "../../users/directory.js";
import type { Caller, Deps } from "../deps.js";
import { requireLive } from "../find/account.js";
import { changedMeanwhile } from "../find/rules.js";
import type { Recent } from "../prove/recent.js";

/** Rejects with `confirmation_needed` or `invalid_token`. Resolves to what gives the confirmation or the wait back. */
export async function beginInTable(
  deps: Deps,
  { account, sessionId, gen, factorsVersion }: Omit<Recent, "provedGen">,
  change: ConfirmedChange,
  origin: Caller,
  waited?: Pick<EmailWait, "n">,
): Promise<() => Promise<void>> {
  const { store, clock } = deps;
  await requireLive(deps, { sessionId, gen });
  const about = { userId: account.id, sessionId, change, waited };
  const own = { gen, factorsVersion, now: clock.now(), origin: originFor(account, origin) };
  const outcome = await store.beginTableChange({ ...about, ...own });
  if (outcome === "changed") throw changedMeanwhile();
  return () => store.giveTableChangeBack({ ...about, outcome });
}
