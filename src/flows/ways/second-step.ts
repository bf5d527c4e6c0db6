// The second step of a login, and the step-up of a live session (docs/guides/second-factors.md).
import { transactionOver } from "../../errors.js";
import type { LoginTransaction } from "../../factors/transactions.js";
import { decide } from "../../levels/decide.js";
import { policyFor, policyOf } from "../../levels/policy.js";
import { type Account, unprovenEmailOf } from "../../users/directory.js";
import type { Deps } from "../deps.js";
import { accountOf, endedSession, liveSession, sessionIdOf } from "../find/account.js";
import { factorNeeded, isDead } from "../find/errors.js";
import { sessionTransaction } from "../find/own-session.js";
import { enter } from "../gate/enter.js";
import { factorNeededError, needsEnrolCode } from "../gate/factor-needed.js";
import type { LoginContext } from "../gate/gate-proof.js";
import { digestOfProof, grantAgain, repeatable } from "../gate/grant.js";
import { proveFactor } from "../prove/factor.js";
import { pendingIdentityOf } from "../prove/identity.js";
import type { Way } from "./sent.js";

/** Rejects like `proveFactor` and `enter`. Without a factor it rejects like the first step, also for an enrolment. */
export const finishLogin: Way<"second"> = async (deps, { sent, ...input }, origin) => {
  const { transactions, deviceProofs, clock } = deps;
  const now = clock.now();
  const transaction = transactions.read(sent.transaction, sent.factor ? ["second"] : ["second", "enroll"], now);
  const { sid } = transaction;
  // A transaction of a session is good for this session alone.
  if (sid !== undefined && sid !== sessionIdOf(deps, input.bearer)) throw transactionOver();
  const account = await accountOf(deps, transaction, origin);
  if (sent.factor === undefined) throw await askAgain(deps, sent.transaction, transaction, account);
  const device = deviceProofs.readOf(account, input.device, now);
  const deviceId = device?.deviceId ?? transaction.did;
  const { remember, superseded } = input;
  const idempotency = digestOfProof(input.idempotencyKey, { factor: sent.factor });
  const stepsUp = transaction.amr.length === 0;
  const live = sid === undefined ? undefined : { sessionId: sid, ...(stepsUp && { only: true as const }) };
  const context: LoginContext = { origin, now, superseded, live, device, deviceId, remember, idempotency };
  const known =
    deviceId !== undefined ? { device: deviceId } : stepsUp && sid !== undefined ? { session: sid } : undefined;
  const { amr, iat: at } = transaction;
  const identity = pendingIdentityOf(transaction);
  const provesEmail = amr.includes("mail") ? unprovenEmailOf(account) : undefined;
  const again = () => grantAgain(deps, account, transaction, context);
  const { factor: sentFactor } = sent;
  return repeatable(again, async () => {
    const factor = await proveFactor(deps, account, sentFactor, { known, transaction, origin });
    const proven = { amr, at, factor, transaction, identity, provesEmail };
    return enter(deps, account, proven, { ...context, now: clock.now() });
  });
};

/** The response of the first step again. Rejects with `transaction_over` for a dead one. */
async function askAgain(deps: Deps, token: string, transaction: LoginTransaction, account: Account) {
  const [{ factors: all, given, factorsVersion, ...own }, over] = await Promise.all([
    deps.store.listFactors(account.id),
    isDead(deps, transaction),
  ]);
  if (over || factorsVersion !== transaction.factorsVersion) throw transactionOver();
  const { amr } = transaction;
  if (transaction.for === "enroll")
    return factorNeeded(token, [], { enroll: true, ...enrolMailed(deps, account, amr) });
  const rolePolicy = policyOf(account.roles, deps.settings.factors);
  const isFirstProof = amr.includes("mail") && unprovenEmailOf(account) !== undefined;
  const proved = isFirstProof ? given : all;
  const decision = decide({ amr, factors: proved, policy: policyFor(own, rolePolicy), remembered: false });
  const factors = decision.result === "factor_needed" ? decision.factors : proved;
  return factorNeededError(deps, account.id, token, factors, () => transaction);
}

/** Only the first response states that no code was mailed. */
const enrolMailed = ({ outbox }: Deps, account: Account, amr: readonly string[]) =>
  outbox !== undefined && needsEnrolCode(account, amr) ? { mail: true } : {};

/** Adds a second factor to the session. Rejects with `factor_needed` without one, or `invalid_token`. */
export const stepUp: Way<"stepUp"> = async (deps, { sent, ...input }, origin) => {
  const { store, transactions, deviceProofs, clock } = deps;
  const claims = deps.tokens.verifySession(sent.bearer, clock.now());
  // A copy of a token that was replaced must not get the level that its owner proves later.
  if (deps.revocations.find(claims) === "session") throw endedSession();
  const { sessionId, account } = await liveSession(deps, claims.sid, claims.sub);
  const now = clock.now();
  if (sent.factor === undefined) {
    const { factors, factorsVersion } = await store.listFactors(account.id);
    const contents = sessionTransaction(account, factorsVersion, sessionId);
    const token = transactions.begin("second", contents, now);
    const read = () => transactions.read(token, ["second"], now);
    throw await factorNeededError(deps, account.id, token, factors, read);
  }
  const factor = await proveFactor(deps, account, sent.factor, { known: { session: sessionId }, origin });
  const device = deviceProofs.readOf(account, input.device, now);
  const { remember, superseded } = input;
  const live = { sessionId, gen: claims.gen ?? 0, only: true } as const;
  const context = { origin, now: clock.now(), superseded, live, device, remember };
  return enter(deps, account, { amr: [], at: now, factor }, context);
};
