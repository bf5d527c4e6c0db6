// The user's own account (docs/guides/account.md): shown, exported, renamed, deleted.
import type { Origin } from "../../audit/entry.js";
import { AmphoError } from "../../errors.js";
import { spellLogin } from "../../logins/address.js";
import { canonicalLogin } from "../../logins/login-name.js";
import { type Account, originFor } from "../../users/directory.js";
import type { AccountExport, AccountView } from "../../wire/account.js";
import type { Deps, OwnFlow } from "../deps.js";
import { liveSession } from "../find/account.js";
import { changedMeanwhile, requireNewName, requireOwnAddress } from "../find/rules.js";
import { requireConfirmed } from "../prove/confirmed.js";
import { type Recent, requireRecent } from "../prove/recent.js";
import { beginInTable } from "./table-change.js";
import { accountViewOf, exportOf } from "./view.js";

export const readAccount: OwnFlow<AccountView> = async (deps, { auth }) => {
  const { account } = await liveSession(deps, auth.session, auth.id);
  return accountViewOf(deps, account);
};

export const exportOwnAccount: OwnFlow<AccountExport> = async (deps, { auth }, caller) => {
  const { account } = await requireRecent(deps, auth);
  return exportOf(deps, account, caller);
};

/** Ends all sessions, whose tokens carry the old login. Rejects also with `login_taken` or `too_many_attempts`. */
export const changeLogin: OwnFlow<void, { readonly login: string }> = async (deps, { auth, login: typed }, origin) => {
  const { store, directory, throttle, clock } = deps;
  const login = spellLogin(typed);
  const recent = await requireRecent(deps, auth);
  const { account } = recent;
  requireNewLogin(login, account);
  // The table has the login already if the database was unreachable after that. The sessions have the old one.
  const isInTable = account.stored === undefined && login === account.login;
  const before = isInTable ? auth.login : account.login;
  if (login === before) return;
  const { id: userId } = account;
  // Another user of an application's own table can have another spelling of the former login.
  const isSame = account.stored !== undefined && canonicalLogin(login) === canonicalLogin(before);
  if (!isSame) await requireConfirmed(deps, recent, "login_changed", origin);
  const allowed = await throttle.allowLoginChange({ login: before, userId, origin });
  const taken = async () => {
    const audit = { reason: "login_taken", userId, login: account.login, origin } as const;
    await allowed.failed({ at: clock.now(), event: "login_change_rejected", ...audit }, account.login);
    return new AmphoError("login_taken", "A user with this login already exists.");
  };
  const change = async () => {
    const changed = await store.setLogin({
      ...changeOf(deps, recent, origin),
      login: before,
      canonical: canonicalLogin(before),
      newLogin: login,
      newCanonical: canonicalLogin(login),
      isSame,
      isBegun: account.stored === undefined && !isInTable,
    });
    return changed.outcome;
  };
  const outcome = await allowed.run(async () => {
    if (isInTable) return change();
    const own = { begin: () => beginInTable(deps, recent, "login_changed", origin), afterwards: change };
    return (await directory.setLogin?.(account, login, own)) ?? "taken";
  });
  if (outcome === "taken") throw await taken();
  await allowed.succeeded();
  if (outcome === "changed") throw changedMeanwhile();
};

function requireNewLogin(login: string, account: Account): void {
  const { email, login: current } = account;
  requireNewName(login, account, "login");
  if (login !== current) requireOwnAddress(login, email?.provenAt === undefined ? undefined : email.canonical);
}

/** The application's table deletes first: the user could else sign in without the factors. A repetition finishes it. */
export const removeOwnAccount: OwnFlow<void> = async (deps, { auth }, caller) => {
  const { store, directory } = deps;
  const recent = await requireRecent(deps, auth, { orDeleted: true });
  const { account } = recent;
  await requireConfirmed(deps, recent, "account_removed", caller);
  // A repetition has nothing left to begin.
  const isBegun = account.stored === undefined && account.applicationUser !== undefined;
  const remove = async () => (await store.removeAccount({ ...changeOf(deps, recent, caller), isBegun })).outcome;
  const own = { begin: () => beginInTable(deps, recent, "account_removed", caller), afterwards: remove };
  const outcome = await directory.remove?.(account, own);
  if (outcome !== "done") throw changedMeanwhile();
};

const changeOf = ({ clock, settings }: Deps, { account, sessionId, gen, factorsVersion }: Recent, origin: Origin) => ({
  userId: account.id,
  login: account.login,
  address: account.email?.canonical ?? canonicalLogin(account.login),
  factorsVersion,
  now: clock.now(),
  origin: originFor(account, origin),
  own: { sessionId, gen },
  passwordVersion: account.stored?.passwordVersion,
  foreignMaxSeconds: settings.tokenForeignTtl,
});
