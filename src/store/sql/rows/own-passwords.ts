// Marks a user while an application's own table stores a new password. Until the table has it, the old one is right,
// and an attacker with the old one must get nothing that stays. The mark is a row of ampho_spent, which also has an
// end. A deletion sets it too.
import { exists, type Transaction, write } from "../../transaction.js";

/**
 * After that the mark of a process that has crashed counts no more. The table can have stored the password up to 8 s
 * after the beginning. A login that read the row just before takes up to 14 s.
 */
const storingSeconds = 30;

/** No hash of a transaction has a space. */
const markOf = (userId: string) => `storing ${userId}`;

/** False: the table stores another new password now. */
export const beginStoring = (userId: string, now: number): Transaction<boolean> =>
  exists(
    `insert into ampho_spent (hash, until, at) values (?, ?, ?)
     on conflict (hash) do update set until = excluded.until, at = excluded.at where ampho_spent.until <= ? returning hash`,
    [markOf(userId), now + storingSeconds, now, now],
  );

/**
 * `since`: the `now` of its beginning. A change that ends too late leaves the mark of the next one. False: the mark has
 * another time, also after an alarm.
 */
export const endStoring = (userId: string, since: number): Transaction<boolean> =>
  exists("delete from ampho_spent where hash = ? and at = ? returning hash", [markOf(userId), since]);

/** The mark stays, and its password thaws nothing. */
export const voidStoring = (userId: string): Transaction<void> =>
  write("update ampho_spent set at = 0 where hash = ?", [markOf(userId)]);

/** True for as long as a password could not sign in after the alarm. */
export const isVoided = (userId: string, now: number): Transaction<boolean> =>
  exists("select 1 as found from ampho_spent where hash = ? and at = 0 and until > ?", [markOf(userId), now]);

export const isStoring = (userId: string, now: number): Transaction<boolean> =>
  exists("select 1 as found from ampho_spent where hash = ? and until > ?", [markOf(userId), now]);
