// Authenticator apps, recovery codes and remembered devices of the user's own account (docs/guides/second-factors.md).

import type { Origin } from "../../audit/entry.js";
import { createRecoveryCodes, hashOfCode } from "../../factors/recovery/recovery-codes.js";
import { findStep, otpauthUri, totpSecretText } from "../../factors/totp/totp.js";
import { policyOf } from "../../levels/policy.js";
import type { TotpSetUp } from "../../wire/begun.js";
import type { Grant, RecoveryCodes } from "../../wire/login.js";
import type { Flow, OwnFlow } from "../deps.js";
import { wrongCredentials } from "../find/errors.js";
import { grantAfter, requireSession } from "../find/own-session.js";
import type { SupersededTokens } from "../gate/end-sessions.js";
import { requireRecent } from "../prove/recent.js";
import { beginEnrolment, type Enrolling, finishEnrolment, ownerOf, requireLiving } from "./enrolling.js";
import { factorChangeOf, requireDone } from "./factor-change.js";

/** Nothing is written. The secret is derived from the transaction, and exists nowhere until a code confirms it. */
export const beginTotp: Flow<Required<TotpSetUp>, Enrolling> = async (deps, input, caller) => {
  const { transactions, clock, settings } = deps;
  const { account, begin } = await beginEnrolment(deps, input, caller, { phr: false });
  const transaction = begin("totp");
  const seed = transactions.totpSeed(transactions.read(transaction, ["totp"], clock.now()));
  return { transaction, secret: totpSecretText(seed), uri: otpauthUri(seed, account.login, settings.appName) };
};

export interface TotpConfirmation extends Pick<Enrolling, "authenticate"> {
  /** The transaction of `beginTotp`. */
  readonly transaction: string;
  /** Six digits. */
  readonly totp: string;
  readonly superseded?: SupersededTokens;
}

/** The code that confirms the secret counts as used. */
export const confirmTotp: Flow<RecoveryCodes & Grant, TotpConfirmation> = async (deps, input, caller) => {
  const { store, transactions, totpSecrets, clock } = deps;
  const origin: Origin = caller;
  const transaction = transactions.read(input.transaction, ["totp"], clock.now());
  const owner = await ownerOf(deps, transaction, input.authenticate, origin);
  const { account } = owner;
  const now = clock.now();
  const seed = transactions.totpSeed(transaction);
  const step = findStep(seed, input.totp, now);
  if (step === undefined) {
    await requireLiving(deps, account, transaction);
    const about = { reason: "totp", userId: account.id, login: account.login, sessionId: transaction.sid, origin };
    await store.recordAudit({ at: now, event: "factor_refused", ...about });
    throw wrongCredentials();
  }
  const totp = { ...totpSecrets.seal(seed, account.id), step };
  const { superseded } = input;
  const enrolled = await finishEnrolment(deps, {
    ...owner,
    transaction,
    superseded,
    origin,
    factor: (codes) => ({ factor: "totp", totp, codes }),
    method: "otp",
  });
  return { recovery_codes: [], ...enrolled };
};

export const removeTotp: OwnFlow<Grant> = async (deps, { auth }, caller) => {
  const { store, settings } = deps;
  const recent = await requireRecent(deps, auth);
  const { account, factorsVersion } = recent;
  const who = factorChangeOf(deps, recent, caller);
  const rolePolicy = policyOf(account.roles, settings.factors);
  const outcome = await store.removeFactors({ ...who, factorsVersion, rolePolicy, factor: "totp" });
  requireDone(outcome);
  return grantAfter(deps, account, outcome);
};

export const renewRecoveryCodes: OwnFlow<RecoveryCodes & Grant> = async (deps, { auth }, caller) => {
  const { store } = deps;
  const recent = await requireRecent(deps, auth);
  const { account, factorsVersion } = recent;
  const codes = createRecoveryCodes();
  const who = factorChangeOf(deps, recent, caller);
  const outcome = await store.replaceRecoveryCodes({ ...who, factorsVersion, codes: codes.map(hashOfCode) });
  requireDone(outcome);
  return { recovery_codes: codes, ...(await grantAfter(deps, account, outcome)) };
};

export const forgetDevices: OwnFlow<void> = async ({ store, clock }, { auth }, caller) => {
  const { userId } = requireSession(auth);
  await store.forgetDevices({ userId, login: auth.login, now: clock.now(), origin: caller });
};
