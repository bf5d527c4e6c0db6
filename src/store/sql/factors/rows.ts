// How each second factor is used up and removed, one row each. Every statement on a factor names its user.
import { type FactorName, factorNames } from "../../../levels/factors.js";
import { type Transaction, write } from "../../transaction.js";
import { deletePasskeys, type PasskeyTouch, passkeyIdsOf, usePasskey } from "./passkeys.js";
import { type CodeUse, countCodes, useCode, writeCodes } from "./recovery.js";
import { deleteTotp, type TotpUse, useStep } from "./totp.js";

/** The use of one second factor. */
export type FactorUse = PasskeyTouch | TotpUse | CodeUse;

interface FactorRow<U> {
  /** False: it was used before, was replaced, or is not this user's. */
  readonly use: (userId: string, use: U, now: number) => Transaction<boolean>;
  /** `id`: one of several. */
  readonly remove: (userId: string, id?: string) => Transaction<void>;
  /** Counts what is left of a factor that its uses exhaust. */
  readonly countLeft?: (userId: string) => Transaction<number>;
  /** The ids of a factor of which an account can have several. */
  readonly ids?: (userId: string) => Transaction<readonly string[]>;
  /** The event of a use that was rejected. A code that only this statement checks can be a wrong one. */
  readonly rejection: "factor_refused" | "factor_replayed";
}

const rows: { readonly [F in FactorName]: FactorRow<Extract<FactorUse, { readonly factor: F }>> } = {
  passkey: { use: usePasskey, remove: deletePasskeys, ids: passkeyIdsOf, rejection: "factor_replayed" },
  totp: { use: useStep, remove: deleteTotp, rejection: "factor_replayed" },
  recovery_code: {
    use: useCode,
    remove: (userId) => writeCodes(userId, []),
    countLeft: countCodes,
    rejection: "factor_refused",
  },
};

export function* useFactor(userId: string, use: FactorUse, now: number): Transaction<boolean> {
  // TypeScript does not follow that the row and `use` are of the same factor.
  return yield* (rows[use.factor] as FactorRow<FactorUse>).use(userId, use, now);
}

/** Undefined: no use exhausts the factor. */
export function* countLeft(userId: string, factor: FactorName): Transaction<number | undefined> {
  const { countLeft: count } = rows[factor];
  return count && (yield* count(userId));
}

export function* idsOf(userId: string, factor: FactorName): Transaction<readonly string[]> {
  const { ids } = rows[factor];
  return ids ? yield* ids(userId) : [];
}

export const rejectionOf = (factor: FactorName) => rows[factor].rejection;

/** `id`: one passkey. Undefined: the whole factor. */
export const deleteFactor = (userId: string, factor: FactorName, id?: string) => rows[factor].remove(userId, id);

export function* deleteFactors(userId: string): Transaction<void> {
  for (const factor of factorNames) yield* deleteFactor(userId, factor);
}

/** Deletes everything that an account is besides its user. */
export function* deleteAccount(userId: string): Transaction<void> {
  yield* deleteFactors(userId);
  yield* write("delete from ampho_identities where user_id = ?", [userId]);
  yield* write("delete from ampho_accounts where user_id = ?", [userId]);
  yield* write("delete from ampho_mail where user_id = ? and kind <> 'account_deleted'", [userId]);
}
