// Where a schema stands, and the steps forward and back. Each function is one transaction, run under the write lock:
// of several processes that start at once on an empty database one migrates and the others find it done.

import { DatabaseError } from "../database-error.js";
import type { Dialect } from "../dialect.js";
import { first as firstRow, integer, query, type Transaction, text } from "../transaction.js";
import { known } from "./known.js";
import type { Migration } from "./migrations.js";
import type { IndexSteps } from "./steps.js";

/** The schema version that this program is made for. */
export const newest = known.length;

/** Why a store with an older schema is not opened. */
export function outdated(version: number): DatabaseError {
  return new DatabaseError(
    `the database has schema version ${version}, this program needs ${newest}: run \`ampho db-up\``,
  );
}

/** What is told when the schema is newer than the program, and serves it all the same. */
export function expanded(version: number): string {
  return `the database has schema version ${version}, newer than this program's (${newest}), which can use it: start the newer one when you can`;
}

function tooNew(version: number): DatabaseError {
  return new DatabaseError(
    `the database has schema version ${version}, newer than this program knows (${newest}): use a newer Ampho`,
  );
}

interface Had extends Migration {
  readonly servesFrom: number;
}

/** Those that the database has had, in order; `appliedAt` is null while indexes of the last one are missing. */
function* readHad(dialect: Dialect): Transaction<readonly Had[]> {
  if (!(yield* firstRow(dialect.tableExists, ["ampho_migrations"]))) return [];
  const rows = yield* query("select version, name, serves_from, applied_at from ampho_migrations order by version");
  return rows.map((row) => ({
    version: integer(row, "version"),
    name: text(row, "name"),
    servesFrom: integer(row, "serves_from"),
    appliedAt: row["applied_at"] === null ? null : integer(row, "applied_at"),
  }));
}

/**
 * The version of the schema; 0 before the first migration. It may be above the program's: throws DatabaseError when what
 * was done to the schema since is not for this program.
 */
export function* currentVersion(dialect: Dialect): Transaction<number> {
  const had = yield* readHad(dialect);
  if (had.some(({ servesFrom }) => servesFrom > newest)) throw tooNew(had.at(-1)?.version ?? 0);
  return had.filter(({ appliedAt }) => appliedAt !== null).at(-1)?.version ?? 0;
}

/** All known migrations with the time at which they were applied, and any that only the database knows. */
export function* listMigrations(dialect: Dialect): Transaction<readonly Migration[]> {
  const had = yield* readHad(dialect);
  const open = known.filter(({ version }) => !had.some((each) => each.version === version));
  return [
    ...had.map(({ version, name, appliedAt }) => ({ version, name, appliedAt })),
    ...open.map(({ version, name }) => ({ version, name, appliedAt: null })),
  ];
}

export interface Step {
  readonly migration: Migration;
  /** To be built apart before the migration is applied. */
  readonly indexes: readonly IndexSteps[];
}

/** Does the next migration, if there is one; where indexes are built apart, all but these, and that only once. */
export function* migrateUp(dialect: Dialect, now: number): Transaction<Step | undefined> {
  const next = known[yield* currentVersion(dialect)];
  if (!next) return undefined;
  const { version, name, servesFrom, indexes = [] } = next;
  const apart = dialect.indexesApart ? indexes : [];
  const appliedAt = apart.length === 0 ? now : null;
  if (!(yield* readHad(dialect)).some((had) => had.version === version)) {
    yield* query(
      `create table if not exists ampho_migrations (
        version integer primary key, name text not null, serves_from integer not null, applied_at bigint
      )`,
    );
    for (const statement of next.up(dialect)) yield* query(statement);
    if (!dialect.indexesApart) for (const index of indexes) yield* query(`create index ${index.name} on ${index.on}`);
    yield* query("insert into ampho_migrations (version, name, serves_from, applied_at) values (?, ?, ?, ?)", [
      version,
      name,
      servesFrom,
      appliedAt,
    ]);
  }
  return { migration: { version, name, appliedAt }, indexes: apart };
}

/** The indexes are there; undefined when another process has said so before. */
export function* finishUp({ version, name }: Migration, now: number): Transaction<Migration | undefined> {
  const row = yield* firstRow(
    "update ampho_migrations set applied_at = ? where version = ? and applied_at is null returning version",
    [now, version],
  );
  return row && { version, name, appliedAt: now };
}

/** Takes the newest migration back, if there is one. What its tables held is gone. */
export function* migrateDown(dialect: Dialect): Transaction<Migration | undefined> {
  const last = (yield* readHad(dialect)).at(-1);
  if (!last) return undefined;
  const { version, name } = last;
  const steps = known[version - 1];
  if (!steps) throw tooNew(version);
  for (const index of steps.indexes ?? []) yield* query(`drop index if exists ${index.name}`);
  for (const statement of steps.down(dialect)) yield* query(statement);
  yield* query("delete from ampho_migrations where version = ?", [version]);
  return { version, name, appliedAt: null };
}
