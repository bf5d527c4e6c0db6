// Recovery codes. One conditional update uses a code up, and its row decides.
import { count, exists, type Transaction, write } from "../../transaction.js";

export interface CodeUse {
  readonly factor: "recovery_code";
  readonly hash: string;
}

export function useCode(userId: string, { hash }: CodeUse, now: number): Transaction<boolean> {
  return exists(
    "update ampho_recovery set used_at = ? where hash = ? and user_id = ? and used_at is null returning hash",
    [now, hash, userId],
  );
}

/** How many recovery codes are left. Without any, they are no factor of the account. */
export function countCodes(userId: string): Transaction<number> {
  return count("select count(*) from ampho_recovery where user_id = ? and used_at is null", [userId]);
}

const insertCode = "insert into ampho_recovery (hash, user_id) values (?, ?)";

/** Replaces all recovery codes, used or not. */
export function* writeCodes(userId: string, hashes: readonly string[]): Transaction<void> {
  yield* write("delete from ampho_recovery where user_id = ?", [userId]);
  for (const hash of hashes) yield* write(insertCode, [hash, userId]);
}

/** False: an account has this code. */
export function importCode(userId: string, hash: string): Transaction<boolean> {
  return exists(`${insertCode} on conflict do nothing returning hash`, [hash, userId]);
}
