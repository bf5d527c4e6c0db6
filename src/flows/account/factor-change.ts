import type { Origin } from "../../audit/entry.js";
import { AmphoError, invalidRequest, transactionOver } from "../../errors.js";
import type { FactorOutcome } from "../../store/sql/account/factor-changes.js";
import type { Auth } from "../../tokens/auth.js";
import { originFor } from "../../users/directory.js";
import type { Grant } from "../../wire/login.js";
import type { Deps } from "../deps.js";
import { grantAfter, ownSession } from "../find/own-session.js";
import { storedOf } from "../gate/grant.js";
import { type Recent, requireRecent } from "../prove/recent.js";

/** The user and the session of a change. Throws `unavailable` while no key can sign. */
export function factorChangeOf(
  deps: Deps,
  { account, ...session }: Pick<Recent, "account" | "sessionId" | "gen">,
  origin: Origin,
) {
  const { id: userId, login } = account;
  const own = ownSession(deps, session);
  const [now, stored] = [deps.clock.now(), storedOf(account, undefined)];
  return { userId, login, own, now, origin: originFor(account, origin), stored };
}

export function requireDone({ outcome }: FactorOutcome): void {
  if (outcome === "over") throw transactionOver();
  if (outcome === "changed")
    throw new AmphoError("invalid_token", "The session has ended, or the factors changed. Sign in again.");
  if (outcome === "none") throw new AmphoError("not_found", "Your account has no such factor.");
  if (outcome === "taken") throw invalidRequest("This passkey is registered already.");
  if (outcome === "full") throw invalidRequest("Your account has 20 passkeys. Remove one first.");
  if (outcome === "last_way_in")
    throw new AmphoError("last_way_in", "Your account requires this factor. Add another one first.");
}

/** A change by a session with a recent login, which gets new tokens. Rejects like `requireRecent`. */
export async function changeOwn(
  deps: Deps,
  auth: Auth,
  origin: Origin,
  change: (who: ReturnType<typeof factorChangeOf>, recent: Recent) => Promise<FactorOutcome>,
): Promise<Grant> {
  const recent = await requireRecent(deps, auth);
  const outcome = await change(factorChangeOf(deps, recent, origin), recent);
  requireDone(outcome);
  return grantAfter(deps, recent.account, outcome);
}
