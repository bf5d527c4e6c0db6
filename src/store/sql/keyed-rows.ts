// Single rows of a table by their key, read or locked. Each function sends its statement and returns a function that reads
// the result, so that the statements of a transaction travel together.
import { type Row, resultOf, send, type Transaction } from "../transaction.js";
import type { Columns } from "./columns.js";

export interface KeyedTable<C extends string, R> {
  readonly name: string;
  /** The column of the primary key. */
  readonly key: C;
  readonly columns: Columns<C>;
  rowOf(row: Row): R;
}

export function keyedRows<C extends string, R>({ name, key, columns, rowOf }: KeyedTable<C, R>) {
  const select = `select ${columns.list} from ${name} where ${key} = ?`;
  const insert = `insert into ${name} (${columns.list}) values (${columns.placeholders})
    on conflict (${key}) do update set ${key} = excluded.${key} returning ${columns.list}`;

  function* sendSelect(value: string, lock?: "update"): Transaction<() => Transaction<R | undefined>> {
    const sent = yield* send(select, [value], lock);
    return function* read() {
      const row = yield* resultOf(sent);
      return row && rowOf(row);
    };
  }

  return {
    sendRead: (value: string) => sendSelect(value),

    /** Locks the row if there is one. */
    sendLockIfPresent: (value: string) => sendSelect(value, "update"),

    /** Locks the row if there is one, and waits for it. */
    *lockIfPresent(value: string): Transaction<R | undefined> {
      const read = yield* sendSelect(value, "update");
      return yield* read();
    },

    /** Inserts the row if there is none, and locks it until the transaction ends. */
    *sendLock(row: Parameters<Columns<C>["values"]>[0]): Transaction<() => Transaction<R>> {
      const sent = yield* send(insert, columns.values(row));
      return function* read() {
        const locked = yield* resultOf(sent);
        if (!locked) throw new TypeError("an inserted row was not returned");
        return rowOf(locked);
      };
    },
  };
}
