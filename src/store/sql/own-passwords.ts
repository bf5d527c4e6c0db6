// Marks a user while an application's own table stores a new password. Until the table has it, the old one is right, and an
// attacker with the old one must get nothing that stays. The mark is a row of ampho_spent, which also has an end.
import { first, type Transaction, write } from "../transaction.js";

/** Longer than an application's function can take. After that the mark of a process that has crashed counts no more. */
const storingSeconds = 10;

/** No hash of a transaction has a space. */
const markOf = (userId: string) => `storing ${userId}`;

/** False: the table stores another new password now. */
export function* beginStoring(userId: string, now: number): Transaction<boolean> {
  const row = yield* first(
    `insert into ampho_spent (hash, until, at) values (?, ?, ?)
     on conflict (hash) do update set until = excluded.until, at = excluded.at where ampho_spent.until <= ? returning hash`,
    [markOf(userId), now + storingSeconds, now, now],
  );
  return row !== undefined;
}

export function* endStoring(userId: string): Transaction<void> {
  yield* write("delete from ampho_spent where hash = ?", [markOf(userId)]);
}

export function* isStoring(userId: string, now: number): Transaction<boolean> {
  const row = yield* first("select 1 as found from ampho_spent where hash = ? and until > ?", [markOf(userId), now]);
  return row !== undefined;
}
