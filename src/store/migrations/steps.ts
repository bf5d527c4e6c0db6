// One migration: forward and back as lists of statements.
//
// While a fleet is updated, programs of two schema versions use one database. So a change first expands and later
// contracts. A migration expands if older programs still work: it adds a table, an index, or a column that can be null
// or has a constant default. A later migration removes the old part, when no program uses it any more.
import type { Dialect } from "../dialect.js";

export interface MigrationSteps {
  readonly version: number;
  readonly name: string;
  /**
   * The oldest schema version whose programs can use the database afterwards. A migration that expands repeats the
   * value of the migration before it. A migration that removes something names the first version whose programs do not
   * use it.
   */
  readonly servesFrom: number;
  /** One transaction. On PostgreSQL no statement can take longer than others can wait for its locks. */
  readonly up: (dialect: Dialect) => readonly string[];
  /** Indexes of tables that can be large. They are built after `up`, on PostgreSQL while the table is in use. */
  readonly indexes?: readonly IndexSteps[];
  /** Reverts `up` in one transaction. `indexes` are dropped before it. */
  readonly down: (dialect: Dialect) => readonly string[];
}

export interface IndexSteps {
  readonly name: string;
  /** Table, columns and condition, as in `create index NAME on …`. */
  readonly on: string;
}
