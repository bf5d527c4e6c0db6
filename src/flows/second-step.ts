// The second step of a login, which redeems a transaction, and the step-up of a live session (docs/guides/second-factors.md).

import type { Origin } from "../audit/entry.js";
import { transactionOver } from "../errors.js";
import type { TransactionContents } from "../factors/transactions.js";
import { canonicalLogin } from "../logins/login-name.js";
import type { Grant } from "../sessions/session-tokens.js";
import type { Account } from "../users/directory.js";
import type { Caller, Deps } from "./deps.js";
import { askForFactor, type Entrance, enter, repeat } from "./enter.js";
import { accountOf, liveSession, sessionIdOf } from "./find-account.js";
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
