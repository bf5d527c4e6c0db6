// Authenticator apps, recovery codes and remembered devices of the user's own account (docs/guides/second-factors.md).
import { createRecoveryCodes, hashOfCode } from "../../factors/recovery/recovery-codes.js";
import { findStep, otpauthUri, totpSecretText } from "../../factors/totp/totp.js";
import type { TotpSetUp } from "../../wire/begun.js";
import type { Grant, RecoveryCodes } from "../../wire/login.js";
import type { Flow, OwnFlow } from "../deps.js";
import { rulesOf } from "../find/account.js";
import { wrongCredentials } from "../find/errors.js";
import { requireSession } from "../find/own-session.js";
import { beginEnrolment, type Enrolling, type EnrolmentEnd, finishEnrolment, requireLiving } from "./enrolling.js";
import { changeOwn } from "./factor-change.js";

/** Nothing is written. The secret is derived from the transaction, and exists nowhere until a code confirms it. */
export const beginTotp: Flow<Required<TotpSetUp>, Enrolling> = async (deps, input, caller) => {
  const { transactions, clock, settings } = deps;
  const { account, begin } = await beginEnrolment(deps, input, caller, { phr: false, factor: "totp" });
  const transaction = begin("totp");
  const seed = transactions.totpSeed(transactions.read(transaction, ["totp"], clock.now()));
  return { transaction, secret: totpSecretText(seed), uri: otpauthUri(seed, account.login, settings.appName) };
};

export interface TotpConfirmation extends EnrolmentEnd {
  /** The six digits that confirm the secret. The code counts as used. */
  readonly totp: string;
}

export const confirmTotp: Flow<RecoveryCodes & Grant, TotpConfirmation> = async (deps, input, origin) => {
  const { store, transactions, totpSecrets, clock } = deps;
  return finishEnrolment(deps, "totp", input, origin, async (transaction, account) => {
    const now = clock.now();
    const seed = transactions.totpSeed(transaction);
    const step = findStep(seed, input.totp, now);
    if (step === undefined) {
      await requireLiving(deps, account, transaction);
      const audit = { reason: "totp", userId: account.id, login: account.login, sessionId: transaction.sid, origin };
      await store.recordAudit({ at: now, event: "factor_refused", ...audit });
      throw wrongCredentials();
    }
    const totp = { ...totpSecrets.seal(seed, account.id), step };
    const factor = (codes: readonly string[]) => ({ factor: "totp", totp, codes }) as const;
    return { factor, method: "otp", shown: { recovery_codes: [] } };
  });
};

export const removeTotp: OwnFlow<Grant> = (deps, { auth }, caller) =>
  changeOwn(deps, auth, caller, (who, { account, factorsVersion }) =>
    deps.store.removeFactors({ ...who, factorsVersion, rules: rulesOf(deps, account), factor: "totp" }),
  );

export const renewRecoveryCodes: OwnFlow<RecoveryCodes & Grant> = async (deps, { auth }, caller) => {
  const codes = createRecoveryCodes();
  const grant = await changeOwn(deps, auth, caller, (who, { factorsVersion }) =>
    deps.store.replaceRecoveryCodes({ ...who, factorsVersion, codes: codes.map(hashOfCode) }),
  );
  return { recovery_codes: codes, ...grant };
};

export const forgetDevices: OwnFlow<void> = async ({ store, clock }, { auth }, caller) => {
  const { userId } = requireSession(auth);
  await store.forgetDevices({ userId, login: auth.login, now: clock.now(), origin: caller });
};
