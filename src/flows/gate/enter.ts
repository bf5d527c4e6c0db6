// The gate (docs/guides/second-factors.md): the only way to a session. Every way in proves something and calls `enter`,
// which returns the first tokens or rejects with what is still needed. Nothing else calls `store.grantSession`.
import { randomId } from "../../crypto/random.js";
import { AmphoError, transactionOver } from "../../errors.js";
import type { SessionRequest } from "../../store/sql/gate/session-grants.js";
import { type Account, originFor } from "../../users/directory.js";
import type { Grant } from "../../wire/login.js";
import type { Deps } from "../deps.js";
import { rulesOf } from "../find/account.js";
import { stillStoring, usedCode, wrongCredentials } from "../find/errors.js";
import { supersededIds } from "./end-sessions.js";
import { enrolMailOf, factorNeededFor, oldestProofOf } from "./factor-needed.js";
import type { GateProof, LoginContext } from "./gate-proof.js";
import { issueGrant, spendingOf, storedOf, willRemember } from "./grant.js";

/** Rejects with `factor_needed`, `invalid_credentials`, `transaction_over`, `unavailable`, or as a registration. */
export async function enter(deps: Deps, account: Account, proven: GateProof, context: LoginContext): Promise<Grant> {
  const pending = deps.transactions.reserve(proven.at);
  const outcome = await deps.store.grantSession({
    ...requestOf(deps, account, proven, context),
    enrolMail: enrolMailOf(deps, account, proven, context, pending),
  });
  if (outcome.outcome === "over") throw transactionOver();
  if (outcome.outcome === "login_taken")
    throw new AmphoError("login_taken", "A user with this login already exists. Choose another one.");
  if (outcome.outcome === "closed")
    throw new AmphoError("registration_closed", "The invitation is not valid any more.");
  if (outcome.outcome === "factor_needed")
    throw await factorNeededFor(deps, account, proven, context, {
      ...outcome,
      pending,
    });
  if (outcome.outcome === "storing") throw stillStoring();
  if (outcome.outcome === "pending")
    throw new AmphoError("account_pending", "Your account was created. You can sign in when it has been enabled.");
  // The user has changed since the transaction was issued.
  if (outcome.outcome === "rejected" && proven.transaction !== undefined) throw transactionOver();
  const isCode = proven.enrol === undefined && proven.factor?.use.factor === "totp";
  if (outcome.outcome === "factor_rejected" && isCode) throw usedCode();
  if (outcome.outcome !== "granted") throw wrongCredentials();
  return issueGrant(deps, account, outcome, context);
}

function requestOf(deps: Deps, account: Account, proven: GateProof, context: LoginContext): SessionRequest {
  const { settings } = deps;
  const { factor, transaction, enrol, acr, identity } = proven;
  const { now, origin, live, idempotency } = context;
  // A new identity is a change of the account, for which a remembered device is not enough.
  const remembered = identity?.isNew === true ? undefined : rememberedBy(deps, context);
  return {
    userId: account.id,
    login: account.login,
    now,
    accessTtlSeconds: settings.tokenTtl,
    idleSeconds: settings.sessionIdleTtl,
    origin: originFor(account, origin),
    stored: storedOf(account, transaction),
    disabled: account.disabled ? (proven.isNewUser ? "pending" : "rejected") : undefined,
    amr: [...proven.amr, ...(factor?.methods ?? []), ...(enrol === undefined ? [] : [enrol.method])],
    provenAt: oldestProofOf(proven),
    gate: acr === undefined ? { ...rulesOf(deps, account), remembered } : { acr },
    factorsVersion: transaction?.factorsVersion ?? proven.factorsVersion ?? factor?.factorsVersion,
    use: factor?.use,
    spend: proven.spend ?? (transaction && spendingOf(deps, transaction, idempotency)),
    enrol: enrol?.factor,
    identity,
    provesEmail: proven.provesEmail,
    way: proven.way,
    register: proven.register,
    isNewId: proven.isNewUser && account.stored === undefined,
    isNewDevice: !(proven.isNewUser || acr || context.device || context.deviceId),
    live: live?.sessionId,
    liveGen: live?.gen,
    create:
      live?.only === true
        ? undefined
        : { random: randomId(), maxSeconds: settings.sessionTtl, sessionsPerUser: settings.sessionsPerUser },
    superseded: supersededIds(deps, context.superseded, now),
    remember: willRemember(deps, context),
    attempt: proven.attempt,
    factorAttempt: factor?.attempt,
  };
}

/** A shorter AMPHO_SECURITY_REMEMBER, or 0, also holds for devices that were remembered before. */
function rememberedBy({ settings }: Deps, { device, now }: LoginContext) {
  const { until = 0 } = device?.remember ?? {};
  return now < until && until <= now + settings.remember ? device?.remember : undefined;
}
