// Authenticator apps and recovery codes of the user's own account (docs/second-factors.md). A change needs a recent login at the
// highest level that the account can reach (NIST SP 800-63B-4 §4.1.2.1). A pending login that must set up a factor can do so
// with its transaction, and then gets its session.

import type { Origin } from "../audit/entry.js";
import { AmphoError } from "../errors.js";
import { createRecoveryCodes, recoveryHash } from "../factors/recovery-codes.js";
import { findStep, otpauthUri, totpSecretText } from "../factors/totp.js";
import type { LoginTransaction } from "../factors/transactions.js";
import { reaches } from "../levels/acr.js";
import { policyOf } from "../levels/policy.js";
import { canonicalLogin } from "../logins/login-name.js";
import type { Grant } from "../sessions/session-tokens.js";
import type { FactorOutcome } from "../store/sql/factor-changes.js";
import type { Auth } from "../tokens/auth.js";
import type { Account } from "../users/directory.js";
import type { Caller, Deps } from "./deps.js";
import { enter } from "./enter.js";
import { factorNeeded, transactionOver, wrongCredentials } from "./login-errors.js";
import { accountOf, liveSession } from "./second-step.js";
import { type Authenticated, requireSession } from "./sessions.js";
import { endSuperseded, type SupersededTokens } from "./superseded-session.js";

/** How long a login counts as recent. */
const recentSeconds = 300;

export interface TotpSetUp {
  readonly transaction: string;
  /** Base32. */
  readonly secret: string;
  readonly uri: string;
}

export interface RecoveryCodes {
  readonly recovery_codes: readonly string[];
}

/** The user of a change: by the token of a session, or by the transaction of a pending login. */
export interface Enrolling {
  /** The transaction of `factor_needed` with `enroll`. */
  readonly pending: string | undefined;
  /** The same from a cookie. It is ignored beside the live session of another user, whose login was given up. */
  readonly pendingCookie: string | undefined;
  /** Guards the request. Rejects without a valid token. */
  readonly authenticate: () => Promise<Auth>;
}

interface Recent {
  readonly sessionId: string;
  readonly account: Account;
  readonly factorsVersion: number;
}

/** Rejects with `login_too_weak` or `login_too_old` unless the login is recent, at the level that the account can reach. */
async function requireRecent(deps: Deps, auth: Auth): Promise<Recent> {
  const { sessionId, account } = await liveSession(deps, auth.session, auth.id);
  const { factors, factorsVersion } = await deps.store.listFactors(account.id);
  const acr = factors.length > 0 ? "2fa" : "1fa";
  const authTime = auth.claims["auth_time"];
  if (acr !== "1fa" && !reaches(auth.acr, acr))
    throw new AmphoError("login_too_weak", "This action needs a second factor. Prove one.", {
      acr,
      maxAgeSeconds: recentSeconds,
    });
  // Written so that a value that is no number rejects.
  if (!(typeof authTime === "number" && deps.clock.now() - authTime <= recentSeconds))
    throw new AmphoError("login_too_old", "This action needs a more recent login. Log in again.", {
      maxAgeSeconds: recentSeconds,
    });
  return { sessionId, account, factorsVersion };
}

/** Nothing is written. The secret is derived from the transaction, and exists nowhere until a code confirms it. */
export async function beginTotp(deps: Deps, input: Enrolling, caller: Caller): Promise<TotpSetUp> {
  const { transactions, clock, settings } = deps;
  const now = clock.now();
  const pending = await pendingOf(deps, input, now);
  const { account, transaction } =
    pending === undefined ? await beginForSession(deps, input, now) : await beginForPending(deps, pending, caller, now);
  const seed = transactions.totpSeed(transactions.read(transaction, ["totp"], now));
  const { login } = account;
  const uri = otpauthUri({ seed, login, ...(settings.appName !== undefined && { issuer: settings.appName }) });
  return { transaction, secret: totpSecretText(seed), uri };
}

async function pendingOf(
  { transactions }: Deps,
  { pending, pendingCookie, authenticate }: Enrolling,
  now: number,
): Promise<LoginTransaction | undefined> {
  if (pending !== undefined) return transactions.read(pending, ["enroll"], now);
  if (pendingCookie === undefined) return undefined;
  try {
    const transaction = transactions.read(pendingCookie, ["enroll"], now);
    const user = await authenticate().catch(ignoreRejection);
    return user === undefined || user.id === transaction.sub ? transaction : undefined;
  } catch (error) {
    return ignoreRejection(error);
  }
}

function ignoreRejection(error: unknown): undefined {
  if (!(error instanceof AmphoError)) throw error;
}

async function beginForSession(deps: Deps, { authenticate }: Pick<Enrolling, "authenticate">, now: number) {
  const { sessionId, account, factorsVersion } = await requireRecent(deps, await authenticate());
  const contents = {
    login: canonicalLogin(account.login),
    sub: account.id,
    pwv: account.stored?.passwordVersion,
    fv: factorsVersion,
    amr: [],
    sid: sessionId,
  };
  return { account, transaction: deps.transactions.begin("totp", contents, now) };
}

/** The second transaction carries the pending login. Both share their `jti`, so that together they are used once. */
async function beginForPending(deps: Deps, pending: LoginTransaction, caller: Caller, now: number) {
  const { transactions, store, settings } = deps;
  const account = await accountOf(deps, pending, { actor: "user", ...caller });
  const { factorsVersion, policy = policyOf(account.roles, settings.factors) } = await store.listFactors(account.id);
  // The account got a factor meanwhile, which the login must prove.
  if (factorsVersion !== pending.fv) throw wrongCredentials();
  // TOTP does not reach `phr`.
  if (policy === "phr") throw factorNeeded(transactions.begin("enroll", pending, now, pending), [], true);
  return { account, transaction: transactions.begin("totp", pending, now, pending) };
}

export interface TotpConfirmation extends Pick<Enrolling, "authenticate"> {
  /** The transaction of `beginTotp`. */
  readonly transaction: string;
  /** Six digits. */
  readonly totp: string;
  readonly device: string | undefined;
  readonly superseded?: SupersededTokens;
}

/** The code that confirms the secret counts as used. Returns the Grant too, for a pending login. */
export async function confirmTotp(
  deps: Deps,
  input: TotpConfirmation,
  caller: Caller,
): Promise<RecoveryCodes & Partial<Grant>> {
  const { store, transactions, totpSecrets, revocations, clock, settings } = deps;
  const origin: Origin = { actor: "user", ...caller };
  const transaction = transactions.read(input.transaction, ["totp"], clock.now());
  const { sid, sub } = transaction;
  if (sid !== undefined) requireOwn(transaction, await input.authenticate());
  const { account } =
    sid === undefined ? { account: await accountOf(deps, transaction, origin) } : await liveSession(deps, sid, sub);
  const now = clock.now();
  const seed = transactions.totpSeed(transaction);
  const step = findStep(seed, input.totp, now);
  if (step === undefined) {
    const about = { reason: "totp", userId: account.id, login: account.login, sessionId: sid, origin };
    await store.recordAudit({ at: now, event: "factor_refused", ...about });
    throw wrongCredentials();
  }
  const codes = createRecoveryCodes();
  const change = { totp: { ...totpSecrets.seal(seed, account.id), step }, codes: codes.map(hashOf) };
  if (sid === undefined) {
    const { amr, iat: at, did: deviceId } = transaction;
    const grant = await enter(deps, account, { amr, at, transaction, enrol: change }, { origin, now, deviceId });
    await endSuperseded(deps, grant, input.superseded, origin);
    return { recovery_codes: codes, ...grant };
  }
  const until = transaction.exp + settings.tokenLeeway;
  const spend = { hash: transactions.spentHash(transaction), until, idempotency: undefined };
  const factorsVersion = transaction.fv;
  const outcome = await store.setTotp({ ...whoOf(account, sid, now, origin), ...change, spend, factorsVersion });
  // The session is live, so the factors have changed since the transaction was issued.
  if (outcome.outcome === "changed") throw transactionOver();
  throwUnlessDone(outcome);
  revocations.add(outcome.revocations);
  return { recovery_codes: codes };
}

function hashOf(code: string): string {
  const hash = recoveryHash(code);
  if (hash === undefined) throw new TypeError("a new recovery code has the form of one");
  return hash;
}

/** A transaction of one session is good for this session alone. */
function requireOwn({ sid, sub }: LoginTransaction, auth: Auth): void {
  if (auth.session !== sid || auth.id !== sub) throw transactionOver();
}

function whoOf({ id: userId, login, stored }: Account, sessionId: string, now: number, origin: Origin) {
  return {
    ...{ userId, login, sessionId, now, origin },
    stored: stored === undefined ? (false as const) : { passwordVersion: stored.passwordVersion },
  };
}

function throwUnlessDone({ outcome }: FactorOutcome): void {
  if (outcome === "over") throw transactionOver();
  if (outcome === "changed")
    throw new AmphoError("invalid_token", "The session has ended, or the factors changed. Log in again.");
  if (outcome === "none") throw new AmphoError("not_found", "This account has no second factor.");
  if (outcome === "last_way_in")
    throw new AmphoError("last_way_in", "Your account requires a second factor. Add another one first.");
}

export async function removeTotp(deps: Deps, { auth }: Authenticated, caller: Caller): Promise<void> {
  const { store, revocations, clock, settings } = deps;
  const { sessionId, account, factorsVersion } = await requireRecent(deps, auth);
  const who = whoOf(account, sessionId, clock.now(), { actor: "user", ...caller });
  const rolePolicy = policyOf(account.roles, settings.factors);
  const outcome = await store.removeFactors({ ...who, factorsVersion, rolePolicy });
  throwUnlessDone(outcome);
  revocations.add(outcome.revocations);
}

export async function renewRecoveryCodes(deps: Deps, { auth }: Authenticated, caller: Caller): Promise<RecoveryCodes> {
  const { store, revocations, clock } = deps;
  const { sessionId, account, factorsVersion } = await requireRecent(deps, auth);
  const codes = createRecoveryCodes();
  const who = whoOf(account, sessionId, clock.now(), { actor: "user", ...caller });
  const outcome = await store.replaceRecoveryCodes({ ...who, factorsVersion, codes: codes.map(hashOf) });
  throwUnlessDone(outcome);
  revocations.add(outcome.revocations);
  return { recovery_codes: codes };
}

/** Known devices keep their budget of attempts. */
export async function forgetDevices(
  { store, clock }: Pick<Deps, "store" | "clock">,
  { auth }: Authenticated,
  caller: Caller,
): Promise<void> {
  const { userId } = requireSession(auth);
  await store.forgetDevices({ userId, login: auth.login, now: clock.now(), origin: { actor: "user", ...caller } });
}
