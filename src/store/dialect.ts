// What differs between databases, as named members. Everything else is one text for all.

export interface Dialect {
  /** Type of text: compared byte by byte, so that no order or index depends on a collation. */
  readonly text: string;
  /** Type of a primary key that is a number and is given by us. */
  readonly numberKey: string;
  /** Type and constraint of a primary key that counts by itself. */
  readonly countingKey: string;
  /** Behind a table whose rows change often, or go in large numbers: room beside each row, and when to clean up. */
  readonly busyTable: string;
  /** An expression for 128 random bits as text. */
  readonly randomText: string;
  /** Whether an index is built without a lock that writers wait for, outside of any transaction. */
  readonly indexesApart: boolean;
  /** One row when the table named by the parameter exists. */
  readonly tableExists: string;
}

export const sqliteDialect: Dialect = {
  text: "text",
  // `integer` is the row id itself; `bigint` would be a second index.
  numberKey: "integer primary key",
  // `autoincrement`: the number of a row that was removed is never given again.
  countingKey: "integer primary key autoincrement",
  busyTable: "",
  randomText: "lower(hex(randomblob(16)))",
  indexesApart: false,
  tableExists: "select name from sqlite_schema where type = 'table' and name = ?",
};

export const postgresDialect: Dialect = {
  text: 'text collate "C"',
  numberKey: "bigint primary key",
  countingKey: "bigint generated always as identity primary key",
  // A renewed row finds room in its page, and no index is touched (HOT); a twentieth of dead rows, not a fifth, is cleaned up.
  busyTable: "with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05)",
  randomText: "replace(gen_random_uuid()::text, '-', '')",
  indexesApart: true,
  // As every statement finds it: through the search path.
  tableExists: "select relname as name from pg_class where oid = to_regclass(?)",
};
