// Where a schema stands, and the steps forward and back. Each function is one transaction, run under the write lock:
// of several processes that start at once on an empty database one migrates and the others find it done.
import type { Dialect } from "../dialect.js";
import { StoreOpenError } from "../open-error.js";
import type { Migration } from "../store.js";
import { first as firstRow, integer, query, text, type Work } from "../work.js";
import { first } from "./0001-first.js";
import type { MigrationSteps } from "./steps.js";

/** Every migration that this program knows, in order. */
const known: readonly MigrationSteps[] = [first];
export const newest = known.length;

/** Why a store with an older schema is not opened. */
export function outdated(version: number): StoreOpenError {
  return new StoreOpenError(
    `the database has schema version ${version}, this program needs ${newest}: run \`ampho db-up\``,
  );
}

/** Those that the database has had, in order. */
export function* applied(dialect: Dialect): Work<readonly Migration[]> {
  if (!(yield* firstRow(dialect.tableExists, ["ampho_migrations"]))) return [];
  const rows = yield* query("select version, name, applied_at from ampho_migrations order by version");
  return rows.map((row) => ({
    version: integer(row, "version"),
    name: text(row, "name"),
    appliedAt: integer(row, "applied_at"),
  }));
}

/** The version of the schema; 0 before the first migration. Throws StoreOpenError when it is newer than the program. */
export function* currentVersion(dialect: Dialect): Work<number> {
  const version = (yield* applied(dialect)).at(-1)?.version ?? 0;
  if (version > newest)
    throw new StoreOpenError(
      `the database has schema version ${version}, newer than this program knows (${newest}): use a newer Ampho`,
    );
  return version;
}

/** All known migrations with the time at which they were applied, and any that only the database knows. */
export function* listMigrations(dialect: Dialect): Work<readonly Migration[]> {
  const had = yield* applied(dialect);
  const open = known.filter(({ version }) => !had.some((each) => each.version === version));
  return [...had, ...open.map(({ version, name }) => ({ version, name, appliedAt: null }))];
}

/** Applies the next migration, if there is one. */
export function* migrateUp(dialect: Dialect, now: number): Work<Migration | undefined> {
  const next = known[yield* currentVersion(dialect)];
  if (!next) return undefined;
  yield* query(
    "create table if not exists ampho_migrations (version integer primary key, name text not null, applied_at bigint not null)",
  );
  for (const statement of next.up(dialect)) yield* query(statement);
  yield* query("insert into ampho_migrations (version, name, applied_at) values (?, ?, ?)", [
    next.version,
    next.name,
    now,
  ]);
  return { version: next.version, name: next.name, appliedAt: now };
}

/** Takes the newest migration back, if there is one. What its tables held is gone. */
export function* migrateDown(dialect: Dialect): Work<Migration | undefined> {
  const last = known[(yield* currentVersion(dialect)) - 1];
  if (!last) return undefined;
  for (const statement of last.down(dialect)) yield* query(statement);
  yield* query("delete from ampho_migrations where version = ?", [last.version]);
  return { version: last.version, name: last.name, appliedAt: null };
}
