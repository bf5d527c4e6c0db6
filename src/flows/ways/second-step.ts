// The second step of a login, which redeems a transaction, and the step-up of a live session (docs/guides/second-factors.md).

import type { Origin } from "../../audit/entry.js";
import { type AmphoError, transactionOver } from "../../errors.js";
import type { LoginTransaction, TransactionContents } from "../../factors/transactions.js";
import { decide } from "../../levels/decide.js";
import { policyOf } from "../../levels/policy.js";
import { canonicalLogin } from "../../logins/login-name.js";
import { type Account, unprovenEmailOf } from "../../users/directory.js";
import type { Grant } from "../../wire/login.js";
import type { Caller, Deps } from "../deps.js";
import { accountOf, endedSession, liveSession, sessionIdOf } from "../find/account.js";
import { factorNeeded } from "../find/errors.js";
import { isDead } from "../find/transaction-over.js";
import { askForFactor, type Entrance, enter, needsEnrolCode, repeat } from "../gate/enter.js";
import { digestOfProof } from "../gate/idempotency.js";
import { hasFactor, proveFactor, type SentFactor } from "../prove/factor.js";
import { pendingIdentityOf } from "../prove/identity-text.js";

export interface SecondStep extends SentFactor {
  readonly transaction: string;
  readonly bearer: string | undefined;
  readonly device: string | undefined;
  readonly remember: boolean | undefined;
  readonly idempotencyKey: string | undefined;
}

/** Rejects like `proveFactor` and `enter`. Without a factor it rejects like the first step, also for an enrolment. */
export async function finishLogin(deps: Deps, input: SecondStep, caller: Caller): Promise<Grant> {
  const { transactions, deviceProofs, clock } = deps;
  const now = clock.now();
  const transaction = transactions.read(input.transaction, hasFactor(input) ? ["second"] : ["second", "enroll"], now);
  const { sid } = transaction;
  // A transaction of a session is good for this session alone.
  if (sid !== undefined && sid !== sessionIdOf(deps, input.bearer)) throw transactionOver();
  const origin: Origin = { actor: "user", ...caller };
  const account = await accountOf(deps, transaction, origin);
  if (!hasFactor(input)) throw await askAgain(deps, input.transaction, transaction, account);
  const device = deviceProofs.readOf(account, input.device, now);
  const deviceId = device?.deviceId ?? transaction.did;
  const { remember, totp, recoveryCode, passkey } = input;
  const idempotency = digestOfProof(input.idempotencyKey, { totp, recoveryCode, passkey });
  const stepsUp = transaction.amr.length === 0;
  const live = sid === undefined ? undefined : { sessionId: sid, ...(stepsUp && { only: true as const }) };
  const entrance: Entrance = { origin, now, live, device, deviceId, remember, idempotency };
  const repeated = await repeat(deps, account, transaction, entrance);
  if (repeated !== undefined) return repeated;
  const known =
    deviceId !== undefined ? { device: deviceId } : stepsUp && sid !== undefined ? { session: sid } : undefined;
  const factor = await proveFactor(deps, account, input, { known, transaction, origin });
  const { amr, iat: at } = transaction;
  const identity = pendingIdentityOf(transaction);
  const provesEmail = amr.includes("mail") ? unprovenEmailOf(account) : undefined;
  const proven = { amr, at, factor, transaction, identity, provesEmail };
  return enter(deps, account, proven, { ...entrance, now: clock.now() });
}

/** The response of the first step again, for a page that was loaded again. Rejects with `transaction_over` for a dead one. */
async function askAgain(
  deps: Deps,
  token: string,
  transaction: LoginTransaction,
  account: Account,
): Promise<AmphoError> {
  const [{ factors: all, given, factorsVersion, policy }, over] = await Promise.all([
    deps.store.listFactors(account.id),
    isDead(deps, transaction),
  ]);
  if (over || factorsVersion !== transaction.fv) throw transactionOver();
  const { amr } = transaction;
  if (transaction.for === "enroll")
    return factorNeeded(token, [], { enroll: true, ...enrolMailed(deps, account, amr) });
  const rolePolicy = policyOf(account.roles, deps.settings.factors);
  const isFirstProof = amr.includes("mail") && unprovenEmailOf(account) !== undefined;
  const proved = isFirstProof ? given : all;
  const decision = decide({ amr, factors: proved, policy: policy ?? rolePolicy, remembered: false });
  const factors = decision.result === "factor_needed" ? decision.factors : proved;
  const about = { token, factors, enroll: false, userId: account.id };
  return askForFactor(deps, { ...about, read: () => transaction });
}

/** Only the first response states that no code was mailed. */
const enrolMailed = ({ outbox }: Deps, account: Account, amr: readonly string[]) =>
  outbox !== undefined && needsEnrolCode(account, amr) ? { mail: true } : {};

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
  const claims = deps.tokens.verifySession(input.bearer, clock.now());
  // A copy of a token that was replaced must not get the level that its owner proves later.
  if (deps.revocations.find(claims) === "session") throw endedSession();
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
  const live = { sessionId, gen: claims.gen ?? 0, only: true } as const;
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
