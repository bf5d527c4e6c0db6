// A user changes the password (docs/contract.md §4, POST /password). It needs the old password and ends the user's
// other sessions.

import type { Origin } from "../audit/entry.js";
import { AmphoError } from "../errors.js";
import { canonicalLogin } from "../logins/login-name.js";
import type { Caller, Deps } from "./deps.js";
import { type Authenticated, requireSession } from "./sessions.js";

/**
 * Throws `too_many_attempts`, `invalid_credentials` (the old password is wrong), `password_rejected` (`details.reason`
 * is the rule that the new one breaks), `overloaded`, `unavailable`.
 */
export async function changePassword(
  deps: Deps,
  { auth, password, newPassword }: Authenticated & { readonly password: string; readonly newPassword: string },
  caller: Caller,
): Promise<void> {
  const { store, directory, passwords, policy, throttle, revocations, clock } = deps;
  const { userId, sessionId } = requireSession(auth);
  const origin: Origin = { actor: "user", ...caller };
  const found = await store.findSession({ id: sessionId, now: clock.now() });
  const ended = () => new AmphoError("invalid_token", "The session has ended.");
  if (found === undefined || found.session.userId !== userId) throw ended();
  const { login } = found.session;
  // The session has its own budget of attempts. A stolen token gives few attempts, and they do not delay the user's
  // logins.
  const admission = await throttle.allowPasswordChange({
    canonical: canonicalLogin(login),
    userId,
    sessionId,
    origin,
  });
  const rejection = (reason: string) =>
    ({ at: clock.now(), event: "password_change_rejected", reason, userId, login, sessionId, origin }) as const;
  const wrong = () => new AmphoError("invalid_credentials", "The password is wrong.");
  const { own, good, waitToReject } = await admission.run(async () => {
    const account = await directory.findByLogin(login);
    const own = account?.id === userId ? account : undefined;
    return { own, ...(await directory.verify(own, password, admission.turn)) };
  });
  if (!good || own?.stored === undefined) {
    await admission.failed(rejection(own?.disabled === true ? "disabled" : "wrong_password"), login);
    await waitToReject();
    throw wrong();
  }
  // After the check of the old password, so that only the account's owner learns about the policy.
  const problem = await policy.check(newPassword, { login: own.login, userId, origin });
  if (problem !== undefined) {
    await admission.succeeded(rejection("policy"));
    throw new AmphoError("password_rejected", problem.message, { reason: problem.reason });
  }
  const passwordHash = await admission.run(() => passwords.hash(newPassword, admission.turn));
  const outcome = await store.setPassword({
    userId,
    passwordHash,
    passwordVersion: own.stored.passwordVersion,
    exceptSession: sessionId,
    attempt: admission.asSucceeded(userId),
    now: clock.now(),
    origin,
  });
  // The session can have ended meanwhile. A change must not follow its end.
  if (outcome.outcome === "ended") {
    await store.recordAudit(rejection("session_ended"));
    throw ended();
  }
  // Another change came first, so the verified password is no longer the user's.
  if (outcome.outcome !== "done") {
    await store.recordAudit(rejection("changed_meanwhile"));
    throw wrong();
  }
  revocations.add(outcome.revocations);
}
