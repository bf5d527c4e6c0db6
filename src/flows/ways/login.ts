// Login (docs/reference/contract.md §4, POST /login): a right password, the first factor, and one of the second factors with it or in a
// second request. The gate opens a session, or re-authenticates the live session of a bearer token.

import type { Origin } from "../../audit/entry.js";
import { leewayMaxSeconds } from "../../clock.js";
import { AmphoError } from "../../errors.js";
import { isTransactionFor } from "../../factors/transactions.js";
import { canonicalLogin } from "../../logins/login-name.js";
import { needsRehash } from "../../passwords/hash.js";
import type { AllowedAttempt } from "../../throttle/allowed-attempt.js";
import { type Account, type PasswordCheck, rejectNow } from "../../users/directory.js";
import type { Grant } from "../../wire/login.js";
import type { Caller, Deps } from "../deps.js";
import { liveOf } from "../find/account.js";
import { nameByLogin } from "../find/account-key.js";
import { wrongCredentials } from "../find/errors.js";
import { enter, type Proven } from "../gate/enter.js";
import { digestOfProof } from "../gate/idempotency.js";
import { endSuperseded, type SupersededTokens } from "../gate/superseded-session.js";
import { hasFactor, proveFactor, type SentFactor } from "../prove/factor.js";
import type { SentResponse } from "../prove/identity.js";
import type { SentProof } from "../prove/mailbox.js";
import { logInByMail } from "./mail.js";
import { logInOutside } from "./outside.js";
import { identityFor, logInByIdentityCode } from "./outside-unknown.js";
import { logInByPasskey } from "./passkey.js";
import { finishLogin, stepUp } from "./second-step.js";

export interface LoginInput extends SentFactor {
  /** Undefined for a second step and a step-up. */
  readonly login?: string | undefined;
  readonly password?: string | undefined;
  /** A mailed code or link, in place of the login. */
  readonly mailed?: SentProof | undefined;
  /** The transaction of `factor_needed`, for a second step. */
  readonly transaction?: string | undefined;
  /** The response of an outside provider, with its transaction. */
  readonly outside?: SentResponse | undefined;
  /** The transaction of `link_needed`, with the login that proves the account. */
  readonly linking?: string | undefined;
  /** The one of the cookie. It has no effect on the login of another account, which the user then wants instead. */
  readonly linkingCookie?: string | undefined;
  /** The token of a live session of the same user, which is then re-authenticated or raised. */
  readonly bearer: string | undefined;
  /** The proof that this user has logged in on this device before. An invalid proof is ignored. */
  readonly device: string | undefined;
  /** This device is remembered after a second factor. */
  readonly remember?: boolean | undefined;
  /** The token of a solved captcha. It has no effect unless the throttle would reject the attempt. */
  readonly captcha?: string | undefined;
  readonly idempotencyKey?: string | undefined;
  /** The tokens that the client overwrites with the new ones. Their session ends if it is another. */
  readonly superseded?: SupersededTokens;
}

/** A login without a password is rejected without a check, for every account. */
const none: PasswordCheck = { good: false, waitToReject: rejectNow };

/**
 * Rejects with `factor_needed`, `link_needed`, `match_needed`, `invalid_credentials`, `unknown_passkey`, `invalid_token`,
 * `credential_not_accepted`, `invalid_request`, `transaction_over`, `registration_closed`, `address_needed`, `too_many_attempts`,
 * `captcha_needed`, `overloaded` or `unavailable`.
 */
export async function login(deps: Deps, input: LoginInput, caller: Caller): Promise<Grant> {
  deps.tokens.requireSigningKey();
  const { login: typed } = input;
  const granted =
    typed === undefined
      ? await delayRejection(deps, () => logInWithoutLogin(deps, input, caller))
      : await logInByPassword(deps, { ...input, login: typed }, caller);
  await endSuperseded(deps, granted, input.superseded, { actor: "user", ...caller });
  return granted;
}

/** A flood of wrong second steps costs no hashing thread, and must not take the event loop from other requests. */
async function delayRejection<T>({ throttle }: Deps, way: () => Promise<T>): Promise<T> {
  try {
    return await way();
  } catch (error) {
    if (error instanceof AmphoError && error.code !== "factor_needed") await throttle.delayRejection();
    throw error;
  }
}

/** The second step of a login, a step-up, and each way in that names its account itself. */
async function logInWithoutLogin(deps: Deps, input: LoginInput, caller: Caller): Promise<Grant> {
  const { transaction, bearer, mailed, outside } = input;
  const { device, remember, idempotencyKey, totp, recoveryCode, passkey } = input;
  if (outside !== undefined)
    return logInOutside(
      deps,
      { transaction: transaction ?? "", response: outside, device, bearer, remember, idempotencyKey },
      caller,
    );
  if (mailed?.code !== undefined && isTransactionFor(mailed.transaction, "identity")) {
    const { transaction, code } = mailed;
    return logInByIdentityCode(deps, { transaction, code, device, bearer, remember, idempotencyKey }, caller);
  }
  if (mailed !== undefined) return logInByMail(deps, { ...mailed, device, bearer, remember, idempotencyKey }, caller);
  if (transaction !== undefined && passkey !== undefined && isTransactionFor(transaction, "login"))
    return logInByPasskey(deps, { transaction, passkey, device, bearer, idempotencyKey }, caller);
  if (transaction !== undefined)
    return finishLogin(
      deps,
      { transaction, bearer, device, remember, idempotencyKey, totp, recoveryCode, passkey },
      caller,
    );
  if (bearer !== undefined) return stepUp(deps, { bearer, device, remember, totp, recoveryCode, passkey }, caller);
  throw new AmphoError("invalid_request", '"login" must be a text of 1 to 255 characters without control characters.', {
    field: "login",
  });
}

async function logInByPassword(
  deps: Deps,
  input: LoginInput & { readonly login: string },
  caller: Caller,
): Promise<Grant> {
  const { directory, store, throttle, clock } = deps;
  const { password } = input;
  const origin: Origin = { actor: "user", ...caller };
  const startedAt = clock.now();
  const { key, known, find } = await nameByLogin(deps, input.login, input.device);
  const allowed = await throttle.allowLogin({ account: key, known, captcha: input.captcha, origin });
  const { account, good, waitToReject, factorsVersion } = await allowed.run(async () => {
    const found = await find();
    // An application's own table has no password version. A new password moves the version of the factors instead, which
    // rejects a login with the old one. It is also read for an unknown login, whose response must not come earlier.
    const factorsVersion = directory.inDatabase ? undefined : (await store.listFactors(found?.id ?? "")).factorsVersion;
    // The version is at least the time of its change. The row can be older than a recent change, so it is read again.
    const isRecent = factorsVersion !== undefined && factorsVersion > startedAt - leewayMaxSeconds;
    const again = isRecent ? await directory.findByLogin(input.login) : found;
    const account = again?.id === found?.id ? again : undefined;
    const check = password === undefined ? none : await directory.verify(account, password, allowed.turn);
    return { account, factorsVersion, ...check };
  });
  if (!good || account === undefined) {
    const about = { reason: reasonOf(account, password), userId: account?.id, login: account?.login };
    await allowed.failed({ at: clock.now(), event: "login_rejected", ...about, origin }, account?.login);
    await waitToReject();
    throw wrongCredentials();
  }
  if (password !== undefined) {
    // If other passwords wait for a thread, this login does not wait for its second hash. Read before that hash is
    // queued.
    const { waiting } = deps.passwords.stats();
    const rehashing = rehash(deps, account, password, origin);
    if (waiting === 0) await rehashing;
  }
  const about = { known: known === undefined ? undefined : { device: known.deviceId }, origin };
  const linking = await settleUnlessDone(linkingOf(deps, input, account), allowed);
  // The factor comes last, because a right one counts as wrong if the rest is rejected.
  const factor = hasFactor(input)
    ? await settleUnlessDone(proveFactor(deps, account, input, about), allowed)
    : undefined;
  const now = clock.now();
  const proven = {
    amr: ["pwd"],
    at: now,
    factor,
    factorsVersion,
    attempt: allowed.asSucceeded(account.id),
    ...linking,
  };
  return enter(deps, account, proven, {
    origin,
    now,
    live: liveOf(deps, input.bearer, account.id),
    device: known,
    deviceId: allowed.deviceId,
    // An application's own table finds a user by the spelling that it knows.
    typed: account.stored === undefined ? input.login : canonicalLogin(input.login),
    remember: input.remember,
    // The password is checked again.
    idempotency: digestOfProof(input.idempotencyKey, {
      login: input.login,
      totp: input.totp,
      recoveryCode: input.recoveryCode,
    }),
  });
}

/** Settles the attempt if the rest fails: the password or the code was right, and the user can try again with it. */
export function settleUnlessDone<T>(
  rest: Promise<T>,
  allowed: Pick<AllowedAttempt, "succeeded"> | undefined,
): Promise<T> {
  return rest.catch(async (error: unknown) => {
    await allowed?.succeeded();
    throw error;
  });
}

/** The identity that this login links. Rejects with `transaction_over` if a named transaction is not for this account. */
async function linkingOf(
  deps: Deps,
  { linking, linkingCookie }: Pick<LoginInput, "linking" | "linkingCookie">,
  account: Account,
): Promise<Partial<Proven>> {
  const token = linking ?? linkingCookie;
  if (token === undefined) return {};
  try {
    const { transaction, proven } = await identityFor(deps, token, account);
    // The password is proven now, and the login at the provider gives the session nothing.
    return { transaction, identity: { proven, isNew: true }, authTime: deps.clock.now() };
  } catch (error) {
    if (linking === undefined && error instanceof AmphoError && error.code === "transaction_over") return {};
    throw error;
  }
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
