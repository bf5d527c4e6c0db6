// Recovery codes. One conditional update uses a code up, and its row decides.

import { integer } from "../../rows.js";
import { first, type Transaction, write } from "../../transaction.js";
import { columnsOf } from "../keyed-rows.js";

export interface CodeUse {
  readonly factor: "recovery_code";
  readonly hash: string;
}

export function* useCode(userId: string, { hash }: CodeUse, now: number): Transaction<boolean> {
  const row = yield* first(
    "update ampho_recovery set used_at = ? where hash = ? and user_id = ? and used_at is null returning hash",
    [now, hash, userId],
  );
  return row !== undefined;
}

/** How many recovery codes are left. Without any, they are no factor of the account. */
export function* countCodes(userId: string): Transaction<number> {
  const row = yield* first("select count(*) as left from ampho_recovery where user_id = ? and used_at is null", [
    userId,
  ]);
  return row ? integer(row, "left") : 0;
}

const codeColumns = columnsOf("hash", "user_id");
const insertCode = `insert into ampho_recovery (${codeColumns.list}) values (${codeColumns.placeholders})`;

/** Replaces all recovery codes, used or not. */
export function* writeCodes(userId: string, hashes: readonly string[]): Transaction<void> {
  yield* write("delete from ampho_recovery where user_id = ?", [userId]);
  for (const hash of hashes) yield* write(insertCode, codeColumns.values({ hash, user_id: userId }));
}

/** False: an account has this code. */
export function* importCode(userId: string, hash: string): Transaction<boolean> {
  const values = codeColumns.values({ hash, user_id: userId });
  return (yield* first(`${insertCode} on conflict do nothing returning hash`, values)) !== undefined;
}
