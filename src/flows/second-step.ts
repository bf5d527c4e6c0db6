// The second step of a login, which redeems a transaction, and the step-up of a live session (docs/guides/second-factors.md).

import type { Origin } from "../audit/entry.js";
import { AmphoError, transactionOver } from "../errors.js";
import type { LoginTransaction, TransactionContents } from "../factors/transactions.js";
import { canonicalLogin } from "../logins/login-name.js";
import type { Grant } from "../sessions/session-tokens.js";
import { isStorableText } from "../store/storable-text.js";
import { type Account, toAccount } from "../users/directory.js";
import type { Caller, Deps } from "./deps.js";
import { askForFactor, type Entrance, enter, repeat } from "./enter.js";
import { pendingIdentityOf } from "./identity-text.js";
import { hasFactor, proveFactor, type SentFactor } from "./prove-factor.js";

export interface SecondStep extends SentFactor {
  readonly transaction: string;
  readonly bearer: string | undefined;
  readonly device: string | undefined;
  readonly remember: boolean | undefined;
  readonly idempotencyKey: string | undefined;
}

/** Rejects like `proveFactor` and `enter`. Without a factor it rejects with `factor_needed`, as the first step did. */
export async function finishLogin(deps: Deps, input: SecondStep, caller: Caller): Promise<Grant> {
  const { transactions, deviceProofs, clock } = deps;
  const now = clock.now();
  const transaction = transactions.read(input.transaction, ["second"], now);
  const { sid } = transaction;
  // A transaction of a session is good for this session alone.
  if (sid !== undefined && sid !== sessionIdOf(deps, input.bearer)) throw transactionOver();
  const origin: Origin = { actor: "user", ...caller };
  const account = await accountOf(deps, transaction, origin);
  const device = deviceProofs.readOf(account, input.device, now);
  const deviceId = device?.deviceId ?? transaction.did;
  const { remember, idempotencyKey } = input;
  const stepsUp = transaction.amr.length === 0;
  const live = sid === undefined ? undefined : { sessionId: sid, ...(stepsUp && { only: true as const }) };
  const entrance: Entrance = { origin, now, live, device, deviceId, remember, idempotencyKey };
  const repeated = await repeat(deps, account, transaction, entrance);
  if (repeated !== undefined) return repeated;
  if (!hasFactor(input)) {
    const { factors } = await deps.store.listFactors(account.id);
    const about = { token: input.transaction, factors, enroll: false, userId: account.id };
    throw await askForFactor(deps, { ...about, read: () => transaction });
  }
  const known =
    deviceId !== undefined ? { device: deviceId } : stepsUp && sid !== undefined ? { session: sid } : undefined;
  const factor = await proveFactor(deps, account, input, { known, transaction, origin });
  const { amr, iat: at } = transaction;
  const identity = pendingIdentityOf(transaction);
  return enter(deps, account, { amr, at, factor, transaction, identity }, { ...entrance, now: clock.now() });
}

/** The account of a pending login. Rejects with `transaction_over` if it has changed or cannot log in any more. */
export async function accountOf(
  { directory, store, clock }: Deps,
  { sub: userId, login, pwv }: LoginTransaction,
  origin: Origin,
): Promise<Account> {
  const account = await directory.findSessionUser({ userId, login });
  const isSame = account?.id === userId && account.stored?.passwordVersion === pwv;
  if (account !== undefined && isSame && !account.disabled) return account;
  const reason = account?.id !== userId ? "unknown" : account.disabled ? "disabled" : "password_changed";
  await store.recordAudit({ at: clock.now(), event: "login_rejected", reason, userId, origin });
  throw transactionOver();
}

/** The session of an access token. Undefined for a bad one. The database decides whether the session is live. */
function sessionIdOf({ tokens, clock }: Deps, bearer: string | undefined, userId?: string): string | undefined {
  if (bearer === undefined) return undefined;
  try {
    const { sub, sid } = tokens.verifyAccess(bearer, clock.now()).claims;
    return sid !== undefined && isStorableText(sid) && (userId ?? sub) === sub ? sid : undefined;
  } catch (error) {
    if (error instanceof AmphoError) return undefined;
    throw error;
  }
}

/** The session that a login of this user re-authenticates. */
export function liveOf(deps: Deps, bearer: string | undefined, userId: string): Entrance["live"] {
  const sessionId = sessionIdOf(deps, bearer, userId);
  return sessionId === undefined ? undefined : { sessionId };
}

export interface StepUp extends SentFactor {
  readonly bearer: string;
  readonly remember: boolean | undefined;
  readonly device: string | undefined;
}

/**
 * Adds a second factor to the live session of the token. Without one, rejects with `factor_needed` and the factors that the
 * account can prove. Rejects with `invalid_token` if the session has ended.
 */
export async function stepUp(deps: Deps, input: StepUp, caller: Caller): Promise<Grant> {
  const { store, transactions, deviceProofs, clock } = deps;
  const { claims } = deps.tokens.verifyAccess(input.bearer, clock.now());
  const { sessionId, account } = await liveSession(deps, claims.sid, claims.sub);
  const now = clock.now();
  const origin: Origin = { actor: "user", ...caller };
  if (!hasFactor(input)) {
    const { factors, factorsVersion } = await store.listFactors(account.id);
    const contents = contentsOf(account, factorsVersion, sessionId);
    const token = transactions.begin("second", contents, now);
    const read = () => transactions.read(token, ["second"], now);
    throw await askForFactor(deps, { token, factors, enroll: false, userId: account.id, read });
  }
  const factor = await proveFactor(deps, account, input, { known: { session: sessionId }, origin });
  const device = deviceProofs.readOf(account, input.device, now);
  const { remember } = input;
  const live = { sessionId, only: true } as const;
  return enter(deps, account, { amr: [], at: now, factor }, { origin, now: clock.now(), live, device, remember });
}

/** The contents of a transaction that belongs to a session. Nothing is proven in it yet. */
export function contentsOf(account: Account, factorsVersion: number, sessionId: string): TransactionContents {
  const { id: sub, login, stored } = account;
  return {
    // An application's own table finds a user by the spelling that it knows.
    login: stored === undefined ? login : canonicalLogin(login),
    sub,
    pwv: stored?.passwordVersion,
    fv: factorsVersion,
    amr: [],
    sid: sessionId,
  };
}

const ended = () => new AmphoError("invalid_token", "The session has ended.");

/** The live session of a token, and its user. Rejects with `invalid_token`, or `insufficient_scope` without a session. */
export async function liveSession(
  { store, directory, clock }: Deps,
  sid: string | undefined,
  sub: string | undefined,
): Promise<{ readonly sessionId: string; readonly account: Account }> {
  if (sid === undefined || sub === undefined || !isStorableText(sid) || !isStorableText(sub))
    throw new AmphoError("insufficient_scope", "This action needs the token of a session.");
  const found = await store.findSession({ id: sid, now: clock.now() });
  if (found === undefined || found.session.userId !== sub) throw ended();
  const account = directory.inDatabase
    ? found.user && toAccount(found.user)
    : await directory.findSessionUser(found.session);
  if (account?.id !== sub || account.disabled) throw ended();
  return { sessionId: sid, account };
}
