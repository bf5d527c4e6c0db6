// Deletes the accounts of users whose import is not published.
import { type Transaction, write } from "../transaction.js";

const idsAtOnce = 50;
const idPlaceholders = Array(idsAtOnce).fill("?").join(", ");

export function* deleteImportedAccounts(ids: readonly string[]): Transaction<void> {
  for (let at = 0; at < ids.length; at += idsAtOnce) {
    // The last id fills the rest, so that the statement has one text.
    const chunk = Array.from({ length: idsAtOnce }, (_, index) => ids[Math.min(at + index, ids.length - 1)] ?? "");
    for (const table of ["ampho_passkeys", "ampho_totp", "ampho_recovery", "ampho_identities", "ampho_accounts"])
      yield* write(`delete from ${table} where user_id in (${idPlaceholders})`, chunk);
  }
}
