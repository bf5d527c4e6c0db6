// The user's own account (docs/guides/account.md): shown, exported, renamed, deleted.

import type { Origin } from "../audit/entry.js";
import { randomId } from "../crypto/random.js";
import { AmphoError } from "../errors.js";
import { parseAddress } from "../logins/address.js";
import { canonicalLogin, checkNewLogin } from "../logins/login-name.js";
import { isStorableName } from "../store/storable-text.js";
import type { Account } from "../users/directory.js";
import { changedMeanwhile } from "./account-rules.js";
import { type AccountExport, type AccountView, accountViewOf, exportOf } from "./account-view.js";
import type { Caller, Deps } from "./deps.js";
import { type Recent, requireRecent } from "./enrolling.js";
import { liveSession } from "./find-account.js";
import type { Authenticated } from "./sessions.js";

export async function readAccount(deps: Deps, { auth }: Authenticated): Promise<AccountView> {
  const { account } = await liveSession(deps, auth.session, auth.id);
  return accountViewOf(deps, account);
}

export async function exportOwnAccount(deps: Deps, { auth }: Authenticated, caller: Caller): Promise<AccountExport> {
  const { account } = await requireRecent(deps, auth);
  return exportOf(deps, account, { actor: "user", ...caller });
}

/**
 * Ends all sessions, because their tokens carry the old login, unless only the spelling changes. Rejects like
 * `requireRecent`, and with `invalid_request`, `login_taken` or `too_many_attempts`.
 */
export async function changeLogin(
  deps: Deps,
  { auth, login }: Authenticated & { readonly login: string },
  caller: Caller,
): Promise<void> {
  const { store, directory, throttle, revocations, clock } = deps;
  const recent = await requireRecent(deps, auth);
  const { account } = recent;
  const origin: Origin = { actor: "user", ...caller };
  requireNewLogin(login, account);
  // The table has the login already if the database was unreachable after it had changed. The sessions have the old one.
  const isInTable = !directory.inDatabase && login === account.login;
  const before = isInTable ? auth.login : account.login;
  if (login === before) return;
  const { id: userId } = account;
  const allowed = await throttle.allowLoginChange({ canonical: canonicalLogin(before), userId, origin });
  const taken = async () => {
    const about = { reason: "login_taken", userId, login: account.login, origin } as const;
    await allowed.failed({ at: clock.now(), event: "login_change_rejected", ...about }, account.login);
    return new AmphoError("login_taken", "A user with this login already exists.");
  };
  const outcome = await allowed.run(async () => {
    const isSet = directory.inDatabase || isInTable || (await directory.setLogin?.(account, login)) === true;
    if (!isSet) return { outcome: "taken" };
    return store.setLogin({
      ...changeOf(deps, recent, origin),
      login: before,
      ...{ newLogin: login, newCanonical: canonicalLogin(login), reservation: randomId() },
      isSame: canonicalLogin(login) === canonicalLogin(before),
    });
  });
  if (outcome.outcome === "taken") throw await taken();
  await allowed.succeeded();
  if (!("revocations" in outcome) || outcome.outcome === "changed") throw changedMeanwhile();
  revocations.add(outcome.revocations);
}

/**
 * A login that is an address counts as the address of a user without another one. So a user cannot take the address
 * of another person, who could then not register.
 */
function requireNewLogin(login: string, { stored, email }: Account): void {
  const reason =
    stored === undefined ? (isStorableName(login) ? undefined : "This login is not allowed.") : checkNewLogin(login);
  if (reason !== undefined) throw new AmphoError("invalid_request", reason, { field: "login" });
  const address = parseAddress(login);
  if (stored === undefined || address === undefined || login === stored.login) return;
  if (email?.canonical === address.canonical && email.provenAt !== undefined) return;
  throw new AmphoError("invalid_request", "A login that is an e-mail address must be your proven address.", {
    field: "login",
  });
}

/**
 * Rejects like `requireRecent`. An application's own table deletes its row first, because the user could otherwise still
 * log in without the factors. If the database is unreachable after that, a repeated request finishes the deletion.
 */
export async function removeOwnAccount(deps: Deps, { auth }: Authenticated, caller: Caller): Promise<void> {
  const { store, directory, revocations } = deps;
  const recent = await requireRecent(deps, auth, { orDeleted: true });
  if (recent.account.applicationUser !== undefined) await directory.remove?.(recent.account);
  const outcome = await store.removeAccount(changeOf(deps, recent, { actor: "user", ...caller }));
  if (outcome.outcome !== "done") throw changedMeanwhile();
  revocations.add(outcome.revocations);
}

function changeOf({ directory, clock, settings }: Deps, recent: Recent, origin: Origin) {
  const { account, sessionId, factorsVersion } = recent;
  return {
    ...{ userId: account.id, login: account.login, factorsVersion, now: clock.now(), origin },
    // The application's table has changed already, so nothing must reject the rest.
    sessionId: directory.inDatabase ? sessionId : undefined,
    passwordVersion: account.stored?.passwordVersion,
    foreignMaxSeconds: settings.tokenForeignTtl,
  };
}
