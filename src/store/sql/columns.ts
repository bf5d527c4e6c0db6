// Columns of a table by name. The SQL text is built once, and the parameters are taken from an object, so that no statement
// depends on the position of a column.
import type { SqlValue } from "../transaction.js";

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

/** Each name is a literal, so that a row without the value of a column does not compile. */
export function columnsOf<const C extends string>(
  ...names: string extends C ? readonly never[] : readonly C[]
): Columns<C> {
  return {
    names,
    list: names.join(", "),
    placeholders: names.map(() => "?").join(", "),
    assignments: names.map((name) => `${name} = ?`).join(", "),
    joined: (table, prefix = "") => names.map((name) => `${table}.${name} as ${prefix}${name}`).join(", "),
    values: (row) => names.map((name) => row[name]),
  };
}
