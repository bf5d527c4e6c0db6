// The second factors of an imported user.
import { type FactorName, factorNames } from "../../../levels/factors.js";
import { exists, type Transaction, write } from "../../transaction.js";
import { writeAccount } from "./account-factors.js";
import { insertPasskey, type NewPasskeyRow, writeHandle } from "./passkeys.js";
import { importCode } from "./recovery.js";
import { type SealedSecret, writeTotp } from "./totp.js";

export interface ImportedFactors {
  readonly passkeys?: { readonly handle: string | undefined; readonly passkeys: readonly NewPasskeyRow[] } | undefined;
  readonly totp?: (SealedSecret & { readonly recoveryHashes: readonly string[] }) | undefined;
}

/** False: an account has the handle, a passkey or a recovery code. */
/** `addedBy`: `addedByImport` if the address of the account is not proven. Its factors are confirmed otherwise. */
export function* importFactors(
  userId: string,
  { passkeys, totp }: ImportedFactors,
  now: number,
  addedBy: string | undefined,
): Transaction<boolean> {
  const codes = totp?.recoveryHashes ?? [];
  // An import brings no other factor.
  const has: Readonly<Partial<Record<FactorName, boolean>>> = {
    passkey: passkeys !== undefined,
    totp: totp !== undefined,
    recovery_code: codes.length > 0,
  };
  const factors = factorNames.filter((name) => has[name] === true);
  if (factors.length === 0) return true;
  if (passkeys && !(yield* importPasskeys(userId, passkeys, now, addedBy))) return false;
  for (const hash of codes) if (!(yield* importCode(userId, hash))) return false;
  // No step was used here. The present one can have been used at the other system.
  if (totp) yield* writeTotp(userId, { ...totp, step: Math.floor(now / 30) }, now, addedBy);
  yield* writeAccount(userId, {
    factorsVersion: now,
    devicesVersion: 0,
    factors,
    policy: undefined,
    insteadOf: undefined,
    frozen: undefined,
    review: false,
  });
  if (addedBy === undefined)
    for (const table of ["ampho_passkeys", "ampho_totp"])
      yield* write(`update ${table} set confirmed = 1 where user_id = ?`, [userId]);
  if (passkeys?.handle !== undefined) yield* writeHandle(userId, passkeys.handle);
  return true;
}

function* importPasskeys(
  userId: string,
  { handle, passkeys }: NonNullable<ImportedFactors["passkeys"]>,
  now: number,
  addedBy: string | undefined,
): Transaction<boolean> {
  const isTaken = "select user_id from ampho_accounts where handle = ?";
  if (handle !== undefined && (yield* exists(isTaken, [handle]))) return false;
  for (const passkey of passkeys) if (!(yield* insertPasskey(userId, passkey, now, addedBy))) return false;
  return true;
}
