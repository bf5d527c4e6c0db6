// The callers that change second factors (docs/guides/second-factors.md). A session needs a recent login at the highest level that its
// account can reach (NIST SP 800-63B-4 §4.1.2.1). A pending login without a second factor sets up its first one.

import type { Origin } from "../../audit/entry.js";
import { isRecent } from "../../clock.js";
import { AmphoError, transactionOver } from "../../errors.js";
import { createRecoveryCodes, recoveryHash } from "../../factors/recovery/recovery-codes.js";
import type { LoginTransaction, Purpose, TransactionContents } from "../../factors/transactions.js";
import { type Acr, reaches } from "../../levels/acr.js";
import type { FactorName } from "../../levels/decide.js";
import { policyOf } from "../../levels/policy.js";
import type { FactorOutcome, NewFactor } from "../../store/sql/factors/factor-changes.js";
import type { TokenSession } from "../../store/sql/sessions.js";
import type { Auth } from "../../tokens/auth.js";
import { type Account, originFor, unprovenEmailOf } from "../../users/directory.js";
import type { Grant, RecoveryCodes } from "../../wire/login.js";
import type { Caller, Deps } from "../deps.js";
import { accountOf, liveSession } from "../find/account.js";
import { accountKeyOf } from "../find/account-key.js";
import { factorNeeded } from "../find/errors.js";
import { genOf, grantAfter, ownSession } from "../find/own-session.js";
import { isDead } from "../find/transaction-over.js";
import { enrolBindingOf, enter, needsEnrolCode, spendingOf, storedOf } from "../gate/enter.js";
import { endSuperseded, type SupersededTokens } from "../gate/superseded-session.js";
import { pendingIdentityOf } from "../prove/identity-text.js";
import { proveCode } from "../prove/mailbox.js";
import { contentsOf } from "../ways/second-step.js";

/** How long a login counts as recent. */
const recentSeconds = 300;

/** The user of a change: by the token of a session, or by the transaction of a pending login. */
export interface Enrolling {
  /** The transaction of `factor_needed` with `enroll`. */
  readonly pending: string | undefined;
  /** The same from a cookie. It is ignored beside the live session of another user, whose login was given up. */
  readonly pendingCookie: string | undefined;
  /** The mailed code, which a pending login needs whose account has a proven address. */
  readonly code?: string | undefined;
  /** Guards the request. Rejects without a valid token. */
  readonly authenticate: () => Promise<Auth>;
}

export interface Recent extends TokenSession {
  readonly account: Account;
  readonly factorsVersion: number;
}

/**
 * Rejects with `login_too_weak` or `login_too_old` unless the login is recent, at the level that the account can reach.
 * `orDeleted` as for `liveSession`.
 */
export async function requireRecent(deps: Deps, auth: Auth, options?: { readonly orDeleted: true }): Promise<Recent> {
  const { sessionId, account } = await liveSession(deps, auth.session, auth.id, options);
  const { factors, factorsVersion } = await deps.store.listFactors(account.id);
  const acr = reachable(deps, factors);
  const authTime = auth.claims["auth_time"];
  if (acr !== "1fa" && !reaches(auth.acr, acr))
    throw new AmphoError("login_too_weak", "This action needs a second factor. Prove one.", {
      acr,
      maxAgeSeconds: recentSeconds,
    });
  if (typeof authTime !== "number" || !isRecent(authTime, recentSeconds, deps.clock.now()))
    throw new AmphoError("login_too_old", "This action needs a more recent login. Log in again.", {
      maxAgeSeconds: recentSeconds,
    });
  return { sessionId, gen: genOf(auth), account, factorsVersion };
}

/** The highest level that an account with these second factors can prove. */
function reachable({ relyingParty }: Deps, factors: readonly FactorName[]): Acr {
  if (factors.includes("passkey") && relyingParty !== undefined) return "phr";
  return factors.length > 0 ? "2fa" : "1fa";
}

/** The beginning of an enrolment. Nothing is written. */
export interface Begun {
  readonly account: Account;
  /** Signs the transaction of the enrolment. A pending login goes on in it. */
  readonly begin: (purpose: Purpose, further?: Pick<TransactionContents, "uh" | "use">) => string;
  /** The session that asks. Undefined for a pending login. */
  readonly auth: Auth | undefined;
}

/** `phr`: the factor that is set up is enough for the policy `phr`. */
export async function beginEnrolment(
  deps: Deps,
  input: Enrolling,
  caller: Caller,
  { phr }: { readonly phr: boolean },
): Promise<Begun> {
  const { transactions, clock } = deps;
  const now = clock.now();
  const pending = await pendingOf(deps, input, now);
  if (pending !== undefined) return beginForPending(deps, pending, { ...caller, code: input.code }, now, phr);
  const auth = await input.authenticate();
  const { sessionId, account, factorsVersion } = await requireRecent(deps, auth);
  const contents = contentsOf(account, factorsVersion, sessionId);
  return {
    account,
    auth,
    begin: (purpose, further) => transactions.begin(purpose, { ...contents, ...further }, now),
  };
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
    const user = await authenticate().catch((error: unknown) => {
      // A session that has just ended must not go on as the pending login of another user.
      if (!(error instanceof AmphoError) || error.code !== "missing_token") throw error;
    });
    return user === undefined || user.id === transaction.sub ? transaction : undefined;
  } catch (error) {
    return ignoreRejection(error);
  }
}

function ignoreRejection(error: unknown): undefined {
  if (!(error instanceof AmphoError)) throw error;
}

/** The second transaction carries the pending login. Both share their `jti`, so that together they are used once. */
async function beginForPending(
  deps: Deps,
  pending: LoginTransaction,
  { code, ...caller }: Caller & { readonly code: string | undefined },
  now: number,
  phr: boolean,
): Promise<Begun> {
  const { transactions, store, settings } = deps;
  const origin: Origin = { actor: "user", ...caller };
  const account = await accountOf(deps, pending, origin);
  const { factorsVersion, policy = policyOf(account.roles, settings.factors) } = await store.listFactors(account.id);
  // The account got a factor meanwhile, which the login must prove.
  if (factorsVersion !== pending.fv) throw transactionOver();
  if (policy === "phr" && !phr)
    throw factorNeeded(transactions.begin("enroll", pending, now, pending), [], { enroll: true });
  const amr = await withMailbox(deps, account, pending, code, origin);
  return {
    account,
    auth: undefined,
    begin: (purpose, further) => transactions.begin(purpose, { ...pending, amr, ...further }, now, pending),
  };
}

/** The methods of a pending login, with `mail` where it needed the mailed code. */
async function withMailbox(
  deps: Deps,
  account: Account,
  pending: LoginTransaction,
  code: string | undefined,
  origin: Origin,
): Promise<readonly string[]> {
  const { amr } = pending;
  if (deps.outbox === undefined || !needsEnrolCode(account, amr)) return amr;
  if (code === undefined)
    throw new AmphoError("invalid_request", '"code" must be the code that was mailed to the address of the account.', {
      field: "code",
    });
  const key = accountKeyOf(deps.directory, account.login, account);
  // A known device has attempts of its own, so that an attacker with the password does not keep its user out.
  const known = pending.did === undefined ? undefined : { userId: account.id, deviceId: pending.did };
  const mailbox = { binding: enrolBindingOf(account), account, isThere: true, key, known, origin };
  const allowed = await proveCode(deps, pending, code, mailbox);
  await allowed.succeeded();
  return [...amr, "mail"];
}

/** The owner of an enrolment that was begun. Without `gen` for a pending login. */
export interface EnrolmentOwner {
  /** As it is now. */
  readonly account: Account;
  /** The generation of the token that finishes it. */
  readonly gen?: number;
}

export async function ownerOf(
  deps: Deps,
  transaction: LoginTransaction,
  authenticate: () => Promise<Auth>,
  origin: Origin,
): Promise<EnrolmentOwner> {
  const { sid, sub } = transaction;
  if (sid === undefined) return { account: await accountOf(deps, transaction, origin) };
  const auth = await authenticate();
  // A transaction of one session is good for this session alone.
  if (auth.session !== sid || auth.id !== sub) throw transactionOver();
  const { account } = await liveSession(deps, sid, sub);
  // The session goes on after a new password, and what was begun before does not.
  if (account.stored?.passwordVersion !== transaction.pwv) throw transactionOver();
  return { account, gen: genOf(auth) };
}

/** Before a response that the proof is wrong. Rejects with `transaction_over` for an enrolment that is dead. */
export async function requireLiving(deps: Deps, { id }: Account, transaction: LoginTransaction): Promise<void> {
  const { factorsVersion } = await deps.store.listFactors(id);
  if (factorsVersion !== transaction.fv || (await isDead(deps, transaction))) throw transactionOver();
}

/** Stores the factor. For a pending login it is also proven, and the gate returns the tokens. */
export async function finishEnrolment(
  deps: Deps,
  {
    account,
    gen = 0,
    transaction,
    factor,
    method,
    superseded,
    origin,
  }: {
    readonly transaction: LoginTransaction;
    readonly factor: (codes: readonly string[]) => NewFactor;
    readonly method: string;
    readonly superseded: SupersededTokens | undefined;
    readonly origin: Origin;
  } & EnrolmentOwner,
): Promise<Partial<RecoveryCodes> & Grant> {
  const { store, clock } = deps;
  const codes = createRecoveryCodes();
  const change = factor(codes.map(hashOf));
  const now = clock.now();
  if (transaction.sid === undefined) {
    const { amr, iat: at, did: deviceId } = transaction;
    const identity = pendingIdentityOf(transaction);
    const provesEmail = amr.includes("mail") ? unprovenEmailOf(account) : undefined;
    const proven = { amr, at, transaction, identity, provesEmail, enrol: { factor: change, method } };
    // The codes of an account stay as they are when it gets a further passkey. The gate rejects factors that change meanwhile.
    const stores = "totp" in change || (await store.listFactors(account.id)).factors.length === 0;
    const grant = await enter(deps, account, proven, { origin, now, deviceId });
    await endSuperseded(deps, grant, superseded, origin);
    return { ...(stores && { recovery_codes: codes }), ...grant };
  }
  const spend = spendingOf(deps, transaction, undefined);
  const who = whoOf(deps, { account, sessionId: transaction.sid, gen }, origin);
  const outcome = await store.setFactor({ ...who, ...change, spend, factorsVersion: transaction.fv });
  // The session is live, so the factors have changed since the transaction was issued.
  if (outcome.outcome === "changed") throw transactionOver();
  throwUnlessDone(outcome);
  const grant = await grantAfter(deps, account, outcome);
  return { ...(("totp" in change || outcome.isFirst === true) && { recovery_codes: codes }), ...grant };
}

export function hashOf(code: string): string {
  const hash = recoveryHash(code);
  if (hash === undefined) throw new TypeError("a new recovery code has the form of one");
  return hash;
}

/** The user and the session of a change. Throws `unavailable` while no key can sign. */
export function whoOf(deps: Deps, { account, ...session }: Omit<Recent, "factorsVersion">, origin: Origin) {
  const { id: userId, login } = account;
  const own = ownSession(deps, session);
  return {
    userId,
    login,
    own,
    now: deps.clock.now(),
    origin: originFor(account, origin),
    stored: storedOf(account, undefined),
  };
}

export function throwUnlessDone({ outcome }: FactorOutcome): void {
  if (outcome === "over") throw transactionOver();
  if (outcome === "changed")
    throw new AmphoError("invalid_token", "The session has ended, or the factors changed. Log in again.");
  if (outcome === "none") throw new AmphoError("not_found", "Your account has no such factor.");
  if (outcome === "taken")
    throw new AmphoError("invalid_request", "This passkey is registered already, or your account has 20 passkeys.");
  if (outcome === "last_way_in")
    throw new AmphoError("last_way_in", "Your account requires this factor. Add another one first.");
}
