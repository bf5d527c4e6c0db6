// Single rows of a table by their key, read or locked. Each function sends its statement and returns a function that
// reads the result, so that the statements of a transaction travel together.

import type { Row, SqlValue } from "../rows.js";
import { resultOf, send, type Transaction } from "../transaction.js";

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

// Columns of a table by name. The SQL text is built once, and the parameters are taken from an object, so that no
// statement depends on the position of a column.

export interface Columns<C extends string> {
  readonly names: readonly C[];
  /** `a, b` */
  readonly list: string;
  /** `?, ?` */
  readonly placeholders: string;
  /** `a = ?, b = ?` */
  readonly assignments: string;
  /** The columns of a table in a join. With a prefix they get names of their own. */
  joined(table: string, prefix?: string): string;
  /** The parameters for `placeholders` and `assignments`. */
  values(row: Readonly<Record<C, SqlValue>>): SqlValue[];
}

type NamesIn<T extends string> = T extends `${infer Name} ${infer Rest}` ? Name | NamesIn<Rest> : T;

/** Takes literals with one or more names, so that a row without the value of a column does not compile. */
export function columnsOf<const T extends string>(
  ...texts: string extends T ? readonly never[] : readonly T[]
): Columns<NamesIn<T>> {
  const names = texts.flatMap((text) => text.split(" ")) as NamesIn<T>[];
  return {
    names,
    list: names.join(", "),
    placeholders: names.map(() => "?").join(", "),
    assignments: names.map((name) => `${name} = ?`).join(", "),
    joined: (table, prefix = "") => names.map((name) => `${table}.${name} as ${prefix}${name}`).join(", "),
    values: (row) => names.map((name) => row[name]),
  };
}
