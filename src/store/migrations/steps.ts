// One migration: forward and back as lists of statements.
//
// Programs of two schema versions serve one database while a fleet is brought up to date: first expand, then contract. A
// migration expands when programs that know nothing of it go on: a table, a column that may be null or has a constant
// default, an index. What is taken away goes in a later one, when no program uses it any more.
import type { Dialect } from "../dialect.js";

export interface MigrationSteps {
  readonly version: number;
  readonly name: string;
  /**
   * The oldest schema version whose programs can use the database afterwards: as low as that of the migration before, when
   * this one expands; the first version whose programs can do without, when it takes something away.
   */
  readonly servesFrom: number;
  /** All in one transaction. On PostgreSQL none may take longer than the seconds that others can wait for its locks. */
  readonly up: (dialect: Dialect) => readonly string[];
  /** Of tables that may be large: built after `up`, on PostgreSQL while the table is read and written. */
  readonly indexes?: readonly IndexSteps[];
  /** The same back, in one transaction; `indexes` are gone by then. */
  readonly down: (dialect: Dialect) => readonly string[];
}

export interface IndexSteps {
  readonly name: string;
  /** Table, columns and condition, as in `create index NAME on …`. */
  readonly on: string;
}
