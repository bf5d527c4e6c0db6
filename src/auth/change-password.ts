// A user changes their own password (contract §4, POST /password): the old one is asked for, the other sessions end.
import type { PasswordPolicy } from "../crypto/password-policy.js";
import { AmphoError } from "../errors.js";
import type { Origin } from "../store/store.js";
import type { Auth } from "./auth.js";
import type { Caller } from "./flows.js";
import type { Parts } from "./parts.js";
import { requireSession } from "./sessions.js";

/**
 * Throws `invalid_credentials` (the old password is wrong), `invalid_request` (the new one is refused; the message says
 * which rule), `overloaded`, `unavailable`.
 */
export async function changePassword(
  parts: Parts & { readonly policy: PasswordPolicy },
  auth: Auth,
  input: { readonly password: string; readonly newPassword: string },
  caller: Caller,
): Promise<void> {
  const { store, directory, passwords, policy, revocations, clock } = parts;
  const { userId, sessionId } = requireSession(auth);
  const origin: Origin = { actor: "user", ...caller };
  const found = await store.findSession({ id: sessionId, now: clock.now() });
  if (found === undefined || found.session.userId !== userId)
    throw new AmphoError("invalid_token", "The session has ended.");
  const account = await directory.find(found.session.login);
  const own = account?.id === userId ? account : undefined;
  const { login } = found.session;
  const recordRefusal = (reason: string) =>
    store.recordAudit({ at: clock.now(), event: "password_refused", reason, userId, login, sessionId, origin });
  const wrong = () => new AmphoError("invalid_credentials", "The password is wrong.");
  const good = await directory.verify(own, input.password, userId);
  if (!good || own?.stored === undefined) {
    await recordRefusal(own?.disabled === true ? "disabled" : "wrong_password");
    throw wrong();
  }
  // After the check: what the rules say of a new password is for the account's owner alone.
  const broken = await policy.check(input.newPassword, { login: own.login });
  if (broken !== undefined) {
    await recordRefusal("rule_broken");
    throw new AmphoError("invalid_request", broken);
  }
  const passwordHash = await passwords.hash(input.newPassword, { fairnessKey: userId });
  const outcome = await store.setPassword({
    userId,
    passwordHash,
    passwordVersion: own.stored.passwordVersion,
    exceptSession: sessionId,
    now: clock.now(),
    origin,
  });
  // Another change won in between: the password that was checked is no longer the user's.
  if (outcome.outcome !== "done") {
    await recordRefusal("changed_meanwhile");
    throw wrong();
  }
  revocations.add(outcome.revocations);
}
