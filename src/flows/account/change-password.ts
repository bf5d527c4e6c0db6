// A user changes the password, with the old one (docs/reference/contract.md §4, POST /password).
import type { Origin } from "../../audit/entry.js";
import { AmphoError, invalidRequest } from "../../errors.js";
import type { Auth } from "../../tokens/auth.js";
import { type Account, originFor } from "../../users/directory.js";
import type { Grant } from "../../wire/login.js";
import type { Caller, Deps, OwnFlow } from "../deps.js";
import { endedSession, passwordStateOf } from "../find/account.js";
import { stillStoring } from "../find/errors.js";
import { genOf, grantAfter, ownSession, requireSession } from "../find/own-session.js";
import { changedMeanwhile, requirePassword } from "../find/rules.js";
import { endUserSessions } from "../gate/end-sessions.js";
import { type Recent, requireRecent } from "../prove/recent.js";

export interface NewPassword {
  readonly password: string | undefined;
  readonly newPassword: string;
}

/** Throws `too_many_attempts`, `invalid_credentials`, `password_rejected`, `overloaded` or `unavailable`. */
export const changePassword: OwnFlow<Grant, NewPassword> = async (deps, { auth, password, newPassword }, origin) => {
  const { store, directory, policy, throttle, clock } = deps;
  if (password === undefined) return setFirstPassword(deps, auth, newPassword, origin);
  const { userId, sessionId } = requireSession(auth);
  const session = ownSession(deps, { sessionId, gen: genOf(auth) });
  const found = await store.findSession({ id: sessionId, now: clock.now() });
  if (found === undefined || found.session.userId !== userId) throw endedSession();
  const { login } = found.session;
  // The session has its own budget of attempts, so that a stolen token does not delay the user's logins.
  const allowed = await throttle.allowPasswordChange({ login, userId, sessionId, origin });
  const rejection = (reason: string) =>
    ({ at: clock.now(), event: "password_change_rejected", reason, userId, login, sessionId, origin }) as const;
  const wrong = () => new AmphoError("invalid_credentials", "The password is wrong.");
  const { own, good, isFrozen, waitToReject, factorsVersion } = await allowed.run(async () => {
    // Before the password is verified, so that a change meanwhile has another version.
    const { factorsVersion, isFrozen } = await passwordStateOf(deps, userId);
    // By the id, because an application can rename a user whose sessions go on.
    const account = await directory.findSessionUser(found.session);
    const own = account?.id === userId ? account : undefined;
    return { own, factorsVersion, isFrozen, ...(await directory.verify(own, password, allowed.turn)) };
  });
  if (!good || isFrozen || own === undefined) {
    await allowed.failed(rejection(own?.disabled === true ? "disabled" : "wrong_password"), login);
    await waitToReject();
    throw wrong();
  }
  // After the check of the old password, so that only the account's owner learns about the policy.
  await requirePassword(policy, newPassword, { login: own.login, userId, origin }).catch(async (error: unknown) => {
    await allowed.succeeded(rejection("policy"));
    throw error;
  });
  const ownUser = factorsVersion === undefined ? undefined : { login: own.login, factorsVersion };
  const passwordHash = await allowed.run(() => directory.hashNew(newPassword, allowed.turn));
  const now = clock.now();
  const { passwordVersion } = own.stored ?? {};
  const attempt = allowed.asSucceeded(userId);
  const change = { userId, passwordHash, passwordVersion, ownUser, own: session, attempt, now };
  const outcome = await store.setPassword({ ...change, origin: originFor(own, origin) });
  // The session can have ended meanwhile. A change must not follow its end.
  if (outcome.outcome === "ended") {
    await store.recordAudit(rejection("session_ended"));
    throw endedSession();
  }
  if (outcome.outcome === "storing") throw stillStoring();
  // Another change came first, so the verified password is no longer the user's.
  if (outcome.outcome !== "done") {
    await store.recordAudit(rejection("changed_meanwhile"));
    throw wrong();
  }
  // After the sessions have ended, so that a password that the table does not store costs its user a login at most.
  if (ownUser && !(await storeOwnPassword(deps, own, newPassword, { exceptSession: sessionId, origin, since: now })))
    throw endedSession();
  return grantAfter(deps, own, outcome);
};

/**
 * Stores the password in the application's own table, after the caller has ended the sessions and marked the account.
 * If the table stores it after the limit for its function, the sessions end once more. `since`: the time of the mark.
 * False: an alarm came meanwhile, after which only a reset sets a password.
 */
export async function storeOwnPassword(
  deps: Pick<Deps, "directory" | "store" | "clock" | "settings">,
  account: Account,
  newPassword: string,
  options: { readonly exceptSession?: string; readonly origin: Origin; readonly since: number },
): Promise<boolean> {
  let isAlarmed = false;
  await deps.directory.setPassword?.(account, newPassword, async (isStored) => {
    const { since, ...rest } = options;
    const storing = { since, isStored };
    const ended = { change: "password_stored", reason: "password_changed", storing } as const;
    isAlarmed = (await endUserSessions(deps, { userId: account.id, ...rest, ...ended })) === undefined;
  });
  return !isAlarmed;
}

const ownChange = (deps: Deps, recent: Recent, origin: Origin) => {
  return { userId: recent.account.id, own: ownSession(deps, recent), now: deps.clock.now(), origin };
};

/** A user without a password proves the account by a recent login. Rejects like `requireRecent` too. */
async function setFirstPassword(deps: Deps, auth: Auth, newPassword: string, origin: Caller): Promise<Grant> {
  const { store, passwords, policy } = deps;
  const recent = await requireRecent(deps, auth);
  const { account } = recent;
  const { id: userId, login, stored } = account;
  if (stored === undefined || stored.passwordHash !== null)
    throw invalidRequest('"password" must be the old password.', "password");
  await requirePassword(policy, newPassword, { login, userId, origin });
  const change = { ...ownChange(deps, recent, origin), passwordVersion: stored.passwordVersion };
  const passwordHash = await passwords.hash(newPassword, { fairnessKey: userId });
  const outcome = await store.setPassword({ ...change, passwordHash });
  if (outcome.outcome !== "done") throw changedMeanwhile();
  return grantAfter(deps, account, outcome);
}

/** Needs a passkey that signs in alone, and recovery codes. Rejects like `requireRecent`, and with `last_way_in`. */
export const removePassword: OwnFlow<Grant> = async (deps, { auth }, caller) => {
  const recent = await requireRecent(deps, auth);
  const { account } = recent;
  const { stored } = account;
  if (stored === undefined || stored.passwordHash === null)
    throw new AmphoError("not_found", "Your account has no password.");
  const change = { ...ownChange(deps, recent, caller), passwordVersion: stored.passwordVersion, passwordHash: null };
  const outcome = await deps.store.setPassword({ ...change, passkeysOf: deps.relyingParty?.id ?? "" });
  if (outcome.outcome === "last_way_in")
    throw new AmphoError("last_way_in", "Add a passkey and save its recovery codes first.");
  if (outcome.outcome !== "done") throw changedMeanwhile();
  return grantAfter(deps, account, outcome);
};
