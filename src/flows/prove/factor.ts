// Checks a second factor, one row each. The gate uses it up, so that one of two equal requests is granted.
import type { Origin } from "../../audit/entry.js";
import { AmphoError, transactionOver } from "../../errors.js";
import { requestOptions } from "../../factors/passkey/relying-party.js";
import { recoveryHash } from "../../factors/recovery/recovery-codes.js";
import { findStep } from "../../factors/totp/totp.js";
import type { LoginTransaction, Secretive, Spendable } from "../../factors/transactions.js";
import type { FactorName } from "../../levels/factors.js";
import type { Factors } from "../../store/sql/factors/account-factors.js";
import { type Account, originFor } from "../../users/directory.js";
import type { Deps } from "../deps.js";
import { wrongCredentials } from "../find/errors.js";
import { type ProvenFactor, proveOwnPasskey } from "./passkey.js";

interface FactorValues {
  readonly passkey: unknown;
  readonly totp: string;
  readonly recovery_code: string;
}

export type SentFactor = {
  [F in FactorName]: { readonly name: F; readonly value: FactorValues[F] };
}[FactorName];

interface ProofContext {
  readonly known: { readonly device: string } | { readonly session: string } | undefined;
  readonly transaction?: (Spendable & Pick<LoginTransaction, "factorsVersion">) | undefined;
  readonly origin: Origin;
}

interface FactorRow<V> {
  readonly isOffered: (deps: Deps) => boolean;
  /** Returns the members of `factor_needed` that a client needs to prove it. */
  readonly ask?: (deps: Deps, userId: string, transaction: Secretive) => Promise<object>;
  readonly prove: (deps: Deps, account: Account, value: V, context: ProofContext) => Promise<ProvenFactor>;
}

const rows: { readonly [F in FactorName]: FactorRow<FactorValues[F]> } = {
  passkey: {
    isOffered: ({ relyingParty }) => relyingParty !== undefined,
    ask: async ({ relyingParty: party, transactions, store }, userId, transaction) => {
      const challenge = transactions.passkeyChallenge(transaction);
      const { passkeys } = await store.listPasskeys(userId);
      return party === undefined ? {} : { passkey: requestOptions(party, challenge, passkeys) };
    },
    prove: (deps, account, response, { transaction, origin }) =>
      proveOwnPasskey(deps, account, response, transaction, origin),
  },
  totp: {
    isOffered: () => true,
    prove: (deps, account, code, context) =>
      proveByCode(deps, account, context, "totp", (found) => findTotp(deps, account, found, code)),
  },
  recovery_code: {
    isOffered: () => true,
    prove: (deps, account, code, context) => proveByCode(deps, account, context, "recovery_code", () => findCode(code)),
  },
};

export const offeredFactors = (deps: Deps, names: readonly FactorName[]): readonly FactorName[] =>
  names.filter((name) => rows[name].isOffered(deps));

/** The members of `factor_needed` that a client needs to prove these factors. `read` reads the transaction. */
export async function askForFactors(
  deps: Deps,
  names: readonly FactorName[],
  userId: string,
  read: () => Secretive,
): Promise<object> {
  const asked = names.map(async (name) => rows[name].ask?.(deps, userId, read()));
  return Object.assign({}, ...(await Promise.all(asked))) as object;
}

/** Rejects with `invalid_credentials`, `too_many_attempts`, `transaction_over` or `unavailable`. */
export const proveFactor = (
  deps: Deps,
  account: Account,
  { name, value }: SentFactor,
  context: ProofContext,
): Promise<ProvenFactor> => (rows[name] as FactorRow<unknown>).prove(deps, account, value, context);

type Found = Pick<ProvenFactor, "methods" | "use"> | undefined;

/** Counts the attempt, because a code can be guessed. */
async function proveByCode(
  { store, throttle, clock, transactions }: Deps,
  account: Account,
  { known, transaction, origin }: ProofContext,
  reason: FactorName,
  find: (factors: Factors) => Found,
): Promise<ProvenFactor> {
  const { id: userId, login } = account;
  const hash = transaction && transactions.spentHash(transaction);
  const allowed = await throttle.allowFactor({ login, userId, known, transaction: hash, origin });
  const { found, factorsVersion } = await allowed.run(async () => {
    const factors = await store.listFactors(userId);
    // The factors have changed since the transaction was issued.
    if (transaction !== undefined && transaction.factorsVersion !== factors.factorsVersion) throw transactionOver();
    return { found: find(factors), factorsVersion: factors.factorsVersion };
  });
  if (found === undefined) {
    const entry = { at: clock.now(), event: "factor_refused", reason, userId, login } as const;
    await allowed.failed({ ...entry, origin: originFor(account, origin) }, login);
    throw wrongCredentials();
  }
  return { ...found, factorsVersion, attempt: allowed.asSucceeded(userId) };
}

function findTotp({ totpSecrets, clock }: Deps, { id }: Account, { totp }: Factors, code: string): Found {
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
function findCode(text: string): Found {
  const hash = recoveryHash(text);
  return hash === undefined ? undefined : { methods: ["rec"], use: { factor: "recovery_code", hash } };
}
