// The set-up of second factors (docs/guides/second-factors.md): by a session with a recent login at its highest level
// (NIST SP 800-63B-4 §4.1.2.1), or by a pending login without one.
import type { Origin } from "../../audit/entry.js";
import { hasCode, ignoreRejection, invalidRequest, transactionOver } from "../../errors.js";
import { createRecoveryCodes, hashOfCode } from "../../factors/recovery/recovery-codes.js";
import type { LoginTransaction, Purpose, TransactionContents } from "../../factors/transactions.js";
import { factors, type MainFactor } from "../../levels/factors.js";
import { policyFor, policyOf } from "../../levels/policy.js";
import { type NewFactor, setUpOf } from "../../store/sql/account/factor-changes.js";
import type { Auth } from "../../tokens/auth.js";
import { type Account, unprovenEmailOf } from "../../users/directory.js";
import type { Grant, RecoveryCodes } from "../../wire/login.js";
import type { Caller, Deps } from "../deps.js";
import { accountOf, liveSession } from "../find/account.js";
import { accountKeyOf } from "../find/account-key.js";
import { factorNeeded, isDead } from "../find/errors.js";
import { genOf, grantAfter, sessionTransaction } from "../find/own-session.js";
import type { SupersededTokens } from "../gate/end-sessions.js";
import { enter } from "../gate/enter.js";
import { enrolBindingOf, needsEnrolCode } from "../gate/factor-needed.js";
import { spendingOf } from "../gate/grant.js";
import { requireConfirmed } from "../prove/confirmed.js";
import { pendingIdentityOf } from "../prove/identity.js";
import { proveCode } from "../prove/mailbox.js";
import { requireRecent } from "../prove/recent.js";
import { factorChangeOf, requireDone } from "./factor-change.js";

export interface Enrolling {
  readonly pending: string | undefined;
  /** The same from a cookie. It is ignored beside the live session of another user, whose login was given up. */
  readonly pendingCookie: string | undefined;
  /** The mailed code, which a pending login needs whose account has a proven address. */
  readonly code?: string | undefined;
  /** Guards the request. Rejects without a valid token. */
  readonly authenticate: () => Promise<Auth>;
}

export interface Begun {
  readonly account: Account;
  /** Signs the transaction of the enrolment. A pending login goes on in it. */
  readonly begin: (purpose: Purpose, further?: Pick<TransactionContents, "uh" | "use">) => string;
  readonly auth: Auth | undefined;
}

/** `phr`: the factor that is set up is enough for the policy `phr`. */
export async function beginEnrolment(
  deps: Deps,
  input: Enrolling,
  caller: Caller,
  { phr, factor }: { readonly phr: boolean; readonly factor: MainFactor },
): Promise<Begun> {
  const { transactions, clock, store } = deps;
  const now = clock.now();
  const pending = await pendingOf(deps, input, now);
  if (pending !== undefined) return beginForPending(deps, pending, { ...caller, code: input.code }, now, phr);
  const auth = await input.authenticate();
  const recent = await requireRecent(deps, auth);
  const { sessionId, account, factorsVersion } = recent;
  // Before the user meets the authenticator, which could not undo the rest.
  await requireConfirmed(deps, recent, setUpOf((await store.listFactors(account.id)).factors, factor), caller);
  const contents = sessionTransaction(account, factorsVersion, sessionId);
  return { account, auth, begin: (purpose, further) => transactions.begin(purpose, { ...contents, ...further }, now) };
}

async function pendingOf({ transactions }: Deps, { pending, pendingCookie, authenticate }: Enrolling, now: number) {
  if (pending !== undefined) return transactions.read(pending, ["enroll"], now);
  if (pendingCookie === undefined) return undefined;
  try {
    const transaction = transactions.read(pendingCookie, ["enroll"], now);
    const user = await authenticate().catch((error: unknown) => {
      // A session that has just ended must not go on as the pending sign-in of another user.
      if (!hasCode(error, "missing_token")) throw error;
    });
    return user === undefined || user.id === transaction.sub ? transaction : undefined;
  } catch (error) {
    return ignoreRejection(error);
  }
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
  const account = await accountOf(deps, pending, caller);
  const { factorsVersion, ...own } = await store.listFactors(account.id);
  // The account got a factor meanwhile, which the login must prove.
  if (factorsVersion !== pending.factorsVersion) throw transactionOver();
  if (policyFor(own, policyOf(account.roles, settings.factors)) === "phr" && !phr)
    throw factorNeeded(transactions.begin("enroll", pending, now, pending), [], { enroll: true });
  const amr = await withMailbox(deps, account, pending, code, caller);
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
    throw invalidRequest('"code" must be the code that was mailed to the address of the account.', "code");
  const key = accountKeyOf(deps.directory, account.login, account);
  // A known device has attempts of its own, so that an attacker with the password does not keep its user out.
  const known = pending.did === undefined ? undefined : { userId: account.id, deviceId: pending.did };
  const mailbox = { binding: enrolBindingOf(account), account, mailWasSent: true, key, known, origin };
  const allowed = await proveCode(deps, pending, code, mailbox);
  await allowed.succeeded();
  return [...amr, "mail"];
}

async function ownerOf(deps: Deps, transaction: LoginTransaction, authenticate: () => Promise<Auth>, origin: Origin) {
  const { sid, sub } = transaction;
  if (sid === undefined) return { account: await accountOf(deps, transaction, origin) };
  const auth = await authenticate();
  // A transaction of one session is good for this session alone.
  if (auth.session !== sid || auth.id !== sub) throw transactionOver();
  const { account } = await liveSession(deps, sid, sub);
  // The session goes on after a new password, and what was begun before does not.
  if (account.stored?.passwordVersion !== transaction.passwordVersion) throw transactionOver();
  return { account, gen: genOf(auth) };
}

/** Before a response that the proof is wrong. Rejects with `transaction_over` for an enrolment that is dead. */
export async function requireLiving(deps: Deps, { id }: Account, transaction: LoginTransaction): Promise<void> {
  const { factorsVersion } = await deps.store.listFactors(id);
  if (factorsVersion !== transaction.factorsVersion || (await isDead(deps, transaction))) throw transactionOver();
}

export interface EnrolmentEnd extends Pick<Enrolling, "authenticate"> {
  readonly transaction: string;
  readonly superseded?: SupersededTokens;
}

interface NewProof<T> {
  readonly factor: (codes: readonly string[]) => NewFactor;
  readonly method: string;
  /** The user has used the factor just now, which raises the session. */
  readonly isProven?: boolean;
  readonly shown: T;
}

/** Stores the factor that `prove` checks. For a pending login it is also proven, and the gate returns the tokens. */
export async function finishEnrolment<T extends object>(
  deps: Deps,
  purpose: Purpose,
  { transaction: token, authenticate, superseded }: EnrolmentEnd,
  origin: Caller,
  prove: (transaction: LoginTransaction, account: Account) => Promise<NewProof<T>>,
): Promise<T & Partial<RecoveryCodes> & Grant> {
  const { store, transactions, clock } = deps;
  const transaction = transactions.read(token, [purpose], clock.now());
  const { account, gen = 0 } = await ownerOf(deps, transaction, authenticate, origin);
  const { factor, method, isProven = true, shown } = await prove(transaction, account);
  const codes = createRecoveryCodes();
  const change = factor(codes.map(hashOfCode));
  const now = clock.now();
  if (transaction.sid === undefined) {
    const { amr, iat: at, did: deviceId } = transaction;
    const identity = pendingIdentityOf(transaction);
    const provesEmail = amr.includes("mail") ? unprovenEmailOf(account) : undefined;
    const proven = { amr, at, transaction, identity, provesEmail, enrol: { factor: change, method } };
    // The codes stay when the account gets a further passkey. The gate rejects factors that change meanwhile.
    const stores = factors[change.factor].ownsCodes || (await store.listFactors(account.id)).factors.length === 0;
    const grant = await enter(deps, account, proven, { origin, now, superseded, deviceId });
    return { ...shown, ...(stores && { recovery_codes: codes }), ...grant };
  }
  const spend = spendingOf(deps, transaction, undefined);
  const who = factorChangeOf(deps, { account, sessionId: transaction.sid, gen }, origin);
  const own = { ...who.own, proven: isProven ? [method] : undefined };
  const outcome = await store.setFactor({ ...who, own, ...change, spend, factorsVersion: transaction.factorsVersion });
  // The session is live, so the factors have changed since the transaction was issued.
  if (outcome.outcome === "changed") throw transactionOver();
  requireDone(outcome);
  const grant = await grantAfter(deps, account, outcome);
  return {
    ...shown,
    ...((factors[change.factor].ownsCodes || outcome.isFirst === true) && { recovery_codes: codes }),
    ...grant,
  };
}
