// Checks a second factor of an account: a code of an authenticator app (RFC 6238), a recovery code or a passkey. The gate uses
// it up in its transaction, so that of two requests with one factor only one is granted.

import type { Origin } from "../../audit/entry.js";
import { AmphoError, transactionOver } from "../../errors.js";
import { recoveryHash } from "../../factors/recovery/recovery-codes.js";
import { findStep } from "../../factors/totp/totp.js";
import type { LoginTransaction, Redeemable } from "../../factors/transactions.js";
import type { Factors } from "../../store/sql/factors/factors.js";
import { type Account, originFor } from "../../users/directory.js";
import type { Deps } from "../deps.js";
import { wrongCredentials } from "../find/errors.js";
import { proveOwnPasskey } from "./passkey.js";
import type { ProvenFactor } from "./proven-factor.js";

/** One of the three, in the form that its route has checked. */
export interface SentFactor {
  /** Six digits. */
  readonly totp?: string | undefined;
  readonly recoveryCode?: string | undefined;
  /** AuthenticationResponseJSON of a passkey, for the challenge of a transaction. */
  readonly passkey?: unknown;
}

export const hasFactor = ({ totp, recoveryCode, passkey }: SentFactor): boolean =>
  (totp ?? recoveryCode ?? passkey) !== undefined;

/** Rejects with `invalid_credentials`, `too_many_attempts`, `transaction_over` or `unavailable`. */
export async function proveFactor(
  deps: Deps,
  account: Account,
  sent: SentFactor,
  about: {
    readonly known: { readonly device: string } | { readonly session: string } | undefined;
    readonly transaction?: (Redeemable & Pick<LoginTransaction, "fv">) | undefined;
    readonly origin: Origin;
  },
): Promise<ProvenFactor> {
  const { store, throttle, clock } = deps;
  const { known, origin } = about;
  if (sent.passkey !== undefined) return proveOwnPasskey(deps, account, sent.passkey, about.transaction, origin);
  const allowed = await throttle.allowFactor({
    login: account.login,
    userId: account.id,
    known,
    transaction: about.transaction && deps.transactions.spentHash(about.transaction),
    origin,
  });
  const { found, factorsVersion } = await allowed.run(async () => {
    const factors = await store.listFactors(account.id);
    // The factors have changed since the transaction was issued.
    if (about.transaction !== undefined && about.transaction.fv !== factors.factorsVersion) throw transactionOver();
    const { totp } = sent;
    const found = totp === undefined ? proveCode(sent.recoveryCode) : proveTotp(deps, account, factors, totp);
    return { found, factorsVersion: factors.factorsVersion };
  });
  if (found === undefined) {
    const { id: userId, login } = account;
    const reason = sent.totp === undefined ? "recovery_code" : "totp";
    const entry = { at: clock.now(), event: "factor_refused", reason, userId, login } as const;
    await allowed.failed({ ...entry, origin: originFor(account, origin) }, login);
    throw wrongCredentials();
  }
  return { ...found, factorsVersion, attempt: allowed.asSucceeded(account.id) };
}

type Found = Pick<ProvenFactor, "methods" | "use"> | undefined;

function proveTotp({ totpSecrets, clock }: Deps, { id }: Account, { totp }: Factors, code: string): Found {
  if (totp === undefined) return undefined;
  // A revoked key might be known to attackers. Only factor-rekey reads secrets under it.
  const seed = totpSecrets.isRevoked(totp.kid) ? undefined : totpSecrets.open(totp, id);
  // The code is not wrong. As a failed attempt it would lock the user out, and report an attack to the user.
  if (seed === undefined)
    throw new AmphoError("unavailable", "Codes of this authenticator app cannot be checked now. Use another factor.");
  const step = findStep(seed, code, clock.now());
  if (step === undefined) return undefined;
  const moved = totpSecrets.isCurrent(totp.kid) ? undefined : totpSecrets.seal(seed, id);
  return { methods: ["otp"], use: { factor: "totp", secret: totp.secret, step, moved } };
}

/** The gate's transaction finds out if the account has this code. */
function proveCode(text = ""): Found {
  const hash = recoveryHash(text);
  return hash === undefined ? undefined : { methods: ["rec"], use: { factor: "recovery_code", hash } };
}
