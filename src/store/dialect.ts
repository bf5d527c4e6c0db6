// The differences between the databases, as named members. All other SQL is one text for both.

export interface Dialect {
  /** The type of text. It is compared byte by byte, so that no order or index depends on a collation. */
  readonly text: string;
  /** Type and constraint of a primary key that is a number which Ampho chooses. */
  readonly numberKey: string;
  /** Type and constraint of a primary key that the database counts. */
  readonly countingKey: string;
  /** The storage options of a table whose rows change often or are deleted in large numbers. */
  readonly busyTable: string;
  /** An expression for 128 random bits as text. */
  readonly randomText: string;
  /** True if an index is built outside of any transaction, without a lock that writers wait for. */
  readonly indexesApart: boolean;
  /** A select that returns one row if the table named by its parameter exists. */
  readonly tableExists: string;
}

export const sqliteDialect: Dialect = {
  text: "text",
  // `integer` is the row id itself. `bigint` would need a second index.
  numberKey: "integer primary key",
  // `autoincrement`: the number of a deleted row is never used again.
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
  // A renewed row finds room in its page, and no index changes (HOT update). Autovacuum starts at a twentieth of dead
  // rows instead of a fifth.
  busyTable: "with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05)",
  randomText: "replace(gen_random_uuid()::text, '-', '')",
  indexesApart: true,
  // Through the search path, as every other statement finds the table.
  tableExists: "select relname as name from pg_class where oid = to_regclass(?)",
};
