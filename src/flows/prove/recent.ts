// A recent login of the session, at the highest level that its account can reach (NIST SP 800-63B-4 §4.1.2.1).
import { isRecent } from "../../clock.js";
import { AmphoError } from "../../errors.js";
import { type Acr, reaches } from "../../levels/acr.js";
import { type FactorName, reachesPhr } from "../../levels/factors.js";
import type { TokenSession } from "../../store/sql/rows/sessions.js";
import type { Auth } from "../../tokens/auth.js";
import type { Deps } from "../deps.js";
import { type LiveSession, liveSession, requireNewest } from "../find/account.js";
import { genOf } from "../find/own-session.js";
import { offeredFactors } from "./factor.js";

const recentSeconds = 300;

export interface Recent extends TokenSession, LiveSession {
  readonly factorsVersion: number;
}

/** Rejects with `login_too_weak` or `login_too_old`. `orDeleted` as for `liveSession`. */
export async function requireRecent(deps: Deps, auth: Auth, options?: { readonly orDeleted: true }): Promise<Recent> {
  const live = await liveSession(deps, auth.session, auth.id, options);
  const gen = genOf(auth);
  requireNewest(live, gen);
  const { factors: names, factorsVersion } = await deps.store.listFactors(live.account.id);
  const acr = reachable(deps, names);
  const authTime = auth.claims["auth_time"];
  if (acr !== "1fa" && !reaches(auth.acr, acr))
    throw new AmphoError("login_too_weak", "This action needs a second factor. Prove one.", {
      acr,
      maxAgeSeconds: recentSeconds,
    });
  if (typeof authTime !== "number" || !isRecent(authTime, recentSeconds, deps.clock.now()))
    throw new AmphoError("login_too_old", "This action needs a more recent login. Sign in again.", {
      maxAgeSeconds: recentSeconds,
    });
  return { ...live, gen, factorsVersion };
}

function reachable(deps: Deps, names: readonly FactorName[]): Acr {
  if (offeredFactors(deps, names).some(reachesPhr)) return "phr";
  return names.length > 0 ? "2fa" : "1fa";
}
