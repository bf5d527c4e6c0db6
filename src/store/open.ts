// Opens the database that AMPHO_DATABASE_URL names.
import type { Migrations } from "./migrations/migrations.js";
import { openPostgresMigrations } from "./postgres/migrations.js";
import { openPostgres } from "./postgres/store.js";
import { openSqlite, openSqliteMigrations, type SqliteTarget } from "./sqlite/store.js";
import type { Store, StoreOptions } from "./store.js";

/** Rejects as `openSqlite` and `openPostgres` do. */
export function openStore(options: StoreOptions): Promise<Store> {
  return isPostgres(options.url) ? openPostgres(options) : openSqlite({ ...options, ...sqliteTarget(options.url) });
}

/** Opens the migrations of the same databases, for the commands `db-…`. */
export async function openMigrations(url: string): Promise<Migrations> {
  return isPostgres(url) ? openPostgresMigrations(url) : openSqliteMigrations(sqliteTarget(url));
}

function isPostgres(url: string): boolean {
  return /^postgres(?:ql)?:/.test(url);
}

function sqliteTarget(url: string): SqliteTarget {
  return url === "sqlite::memory:" ? { memory: true } : { path: url.slice("sqlite:".length) };
}
