// Reads the version of a schema and applies migrations forward and back. Each function is one transaction under the
// write lock. Of several processes that start at once, one migrates.
import { DatabaseError } from "../database-error.js";
import type { Dialect } from "../dialect.js";
import { asInteger, asText, orNull, tableOf } from "../sql/rows/table.js";
import type { StoreOptions } from "../store.js";
import { exists, query, type Transaction } from "../transaction.js";
import { known } from "./known.js";
import type { Migration } from "./migrations.js";
import type { IndexSteps } from "./steps.js";

/** The schema version of this program. */
export const newest = known.length;

/** The error for a database with an older schema. */
export const mayMigrate = (migrate: StoreOptions["migrate"], version: number): boolean =>
  migrate === "existing" ? version > 0 : migrate;

export function outdated(version: number): DatabaseError {
  return new DatabaseError(
    `The database has schema version ${version}, but this program needs ${newest}. Run \`ampho db-up\`.`,
  );
}

function tooNew(version: number): DatabaseError {
  return new DatabaseError(
    `The database has schema version ${version}, but this program only knows ${newest}. Use a newer Ampho.`,
  );
}

const migrations = tableOf("ampho_migrations", {
  version: asInteger,
  name: asText,
  servesFrom: asInteger,
  /** Null while indexes of the last migration are missing. */
  appliedAt: orNull(asInteger),
});

/** The migrations of the database, in order. */
function* readApplied(dialect: Dialect) {
  if (!(yield* exists(dialect.tableExists, ["ampho_migrations"]))) return [];
  return yield* migrations.all("order by version", []);
}

/**
 * Returns the version of the schema, 0 before the first migration. The version can be above the program's. Throws
 * DatabaseError if this program cannot work with the newer schema.
 */
export function* currentVersion(dialect: Dialect): Transaction<number> {
  const had = yield* readApplied(dialect);
  if (had.some(({ servesFrom }) => servesFrom > newest)) throw tooNew(had.at(-1)?.version ?? 0);
  return had.filter(({ appliedAt }) => appliedAt !== null).at(-1)?.version ?? 0;
}

/** Lists all known migrations with the time at which they were applied, and any that only the database knows. */
export function* listMigrations(dialect: Dialect): Transaction<readonly Migration[]> {
  const had = yield* readApplied(dialect);
  const open = known.filter(({ version }) => !had.some((each) => each.version === version));
  return [
    ...had.map(({ version, name, appliedAt }) => ({ version, name, appliedAt })),
    ...open.map(({ version, name }) => ({ version, name, appliedAt: null })),
  ];
}

export interface MigrationStep {
  readonly migration: Migration;
  /** Indexes that must be built separately before the migration counts as applied. */
  readonly indexes: readonly IndexSteps[];
}

/** Applies the next migration, if there is one. Where indexes are built separately, it leaves them to the caller. */
export function* migrateUp(dialect: Dialect, now: number): Transaction<MigrationStep | undefined> {
  const next = known[yield* currentVersion(dialect)];
  if (!next) return undefined;
  const { version, name, servesFrom, indexes = [] } = next;
  const apart = dialect.indexesApart ? indexes : [];
  const appliedAt = apart.length === 0 ? now : null;
  if (!(yield* readApplied(dialect)).some((had) => had.version === version)) {
    yield* query(
      `create table if not exists ampho_migrations (
        version integer primary key, name text not null, serves_from integer not null, applied_at bigint
      )`,
    );
    for (const statement of next.up(dialect)) yield* query(statement);
    if (!dialect.indexesApart) for (const index of indexes) yield* query(`create index ${index.name} on ${index.on}`);
    yield* query(migrations.insert, migrations.values({ version, name, servesFrom, appliedAt }));
  }
  return { migration: { version, name, appliedAt }, indexes: apart };
}

/** Marks the migration as applied when its indexes exist. Undefined if another process was first. */
export function* finishUp({ version, name }: Migration, now: number): Transaction<Migration | undefined> {
  const isFirst = yield* exists(
    "update ampho_migrations set applied_at = ? where version = ? and applied_at is null returning version",
    [now, version],
  );
  return isFirst ? { version, name, appliedAt: now } : undefined;
}

/** Reverts the newest migration, if there is one. The data in its tables is lost. */
export function* migrateDown(dialect: Dialect): Transaction<Migration | undefined> {
  const last = (yield* readApplied(dialect)).at(-1);
  if (!last) return undefined;
  const { version, name } = last;
  const steps = known[version - 1];
  if (!steps) throw tooNew(version);
  for (const index of steps.indexes ?? []) yield* query(`drop index if exists ${index.name}`);
  for (const statement of steps.down(dialect)) yield* query(statement);
  yield* query("delete from ampho_migrations where version = ?", [version]);
  return { version, name, appliedAt: null };
}
