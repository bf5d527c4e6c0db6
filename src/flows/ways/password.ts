// A login by password, the first factor, with a second factor in the same request or in the next one.
import type { Origin } from "../../audit/entry.js";
import { leewayMaxSeconds } from "../../clock.js";
import { canonicalLogin } from "../../logins/login-name.js";
import { needsRehash } from "../../passwords/hash.js";
import { type Account, type PasswordCheck, rejectNow } from "../../users/directory.js";
import type { Deps } from "../deps.js";
import { liveOf, passwordStateOf } from "../find/account.js";
import { nameByLogin } from "../find/account-key.js";
import { settleOnError, wrongCredentials } from "../find/errors.js";
import { enter } from "../gate/enter.js";
import type { GateProof } from "../gate/gate-proof.js";
import { digestOfProof } from "../gate/grant.js";
import { proveFactor } from "../prove/factor.js";
import { identityFor } from "./outside.js";
import type { Way } from "./sent.js";

/** A login without a password is rejected without a check, for every account. */
const none: PasswordCheck = { good: false, waitToReject: rejectNow };

export const logInByPassword: Way<"password"> = async (deps, { sent, ...input }, origin) => {
  const { directory, throttle, clock } = deps;
  const { login, password } = sent;
  const startedAt = clock.now();
  const { key, known, find } = await nameByLogin(deps, login, input.device);
  const allowed = await throttle.allowLogin({ account: key, known, captcha: sent.captcha, origin });
  const { account, good, isFrozen, waitToReject, factorsVersion } = await allowed.run(async () => {
    const found = await find();
    // It is also read for an unknown login, whose response must not come earlier. A row of the database has it already.
    const read = await directory.forTable(() => passwordStateOf(deps, found?.id ?? ""));
    const { factorsVersion, isFrozen } = read ?? { factorsVersion: undefined, isFrozen: found?.stored?.isFrozen };
    // The version is at least the time of its change. The row can be older than a recent change, so it is read again.
    const isRecent = factorsVersion !== undefined && factorsVersion > startedAt - leewayMaxSeconds;
    const again = isRecent ? await directory.findByLogin(login) : found;
    const account = again?.id === found?.id ? again : undefined;
    const check = password === undefined ? none : await directory.verify(account, password, allowed.turn);
    return { account, factorsVersion, isFrozen, ...check };
  });
  if (!good || isFrozen || account === undefined) {
    const reason = good && isFrozen ? "password_frozen" : reasonOf(account, password);
    const audit = { reason, userId: account?.id, login: account?.login };
    await allowed.failed({ at: clock.now(), event: "login_rejected", ...audit, origin }, account?.login);
    await waitToReject();
    throw wrongCredentials();
  }
  if (password !== undefined) {
    // Read before the hash is queued. If other passwords wait for a thread, this login does not wait for it.
    const { waiting } = deps.passwords.stats();
    const rehashing = rehash(deps, account, password, origin);
    if (waiting === 0) await rehashing;
  }
  const context = { known: known === undefined ? undefined : { device: known.deviceId }, origin };
  const linking = await settleOnError(linkingOf(deps, sent.linking, account), allowed);
  // The factor comes last, because a right one counts as wrong if the rest is rejected.
  const factor = sent.factor && (await settleOnError(proveFactor(deps, account, sent.factor, context), allowed));
  const now = clock.now();
  const attempt = allowed.asSucceeded(account.id);
  const proven = { amr: ["pwd"], at: now, factor, factorsVersion, attempt, ...linking };
  return enter(deps, account, proven, {
    origin,
    now,
    superseded: input.superseded,
    live: liveOf(deps, input.bearer, account.id),
    device: known,
    deviceId: allowed.deviceId,
    // An application's own table finds a user by the spelling that it knows.
    typed: account.stored === undefined ? login : canonicalLogin(login),
    remember: input.remember,
    // The password is checked again.
    idempotency: digestOfProof(input.idempotencyKey, { login, factor: sent.factor }),
  });
};

/** The identity that this login links. Rejects with `transaction_over` unless it is for this account. */
async function linkingOf(deps: Deps, linking: string | undefined, account: Account): Promise<Partial<GateProof>> {
  if (linking === undefined) return {};
  const { transaction, proven } = await identityFor(deps, linking, account);
  // The password is proven now, and the login at the provider gives the session nothing.
  return { transaction, identity: { proven, isNew: true }, authTime: deps.clock.now() };
}

/** Replaces an old hash, which needs the right password. A failure does not affect the login. */
async function rehash(deps: Deps, account: Account, password: string, origin: Origin): Promise<void> {
  const from = account.stored?.passwordHash;
  if (from === undefined || from === null || !needsRehash(from)) return;
  try {
    const to = await deps.passwords.hash(password, { fairnessKey: account.id });
    await deps.store.rehashPassword({ userId: account.id, from, to, now: deps.clock.now(), origin });
  } catch {
    // Overloaded, or the database is unreachable. The next login replaces the hash.
  }
}

function reasonOf(account: Account | undefined, password: string | undefined): string {
  if (account === undefined) return "unknown_login";
  if (account.disabled) return "disabled";
  if (password === undefined) return "no_password_given";
  return account.stored !== undefined && account.stored.passwordHash === null ? "no_password_set" : "wrong_password";
}
