// Opens the database that AMPHO_DATABASE_URL names.
import type { Migrations } from "./migrations/migrations.js";
import { openPostgresMigrations } from "./postgres/migrations.js";
import { openPostgres } from "./postgres/store.js";
import { openSqlite, openSqliteMigrations, type SqliteTarget } from "./sqlite/store.js";
import type { Store, StoreOptions } from "./store.js";

/** Rejects as `openSqlite` and `openPostgres` do. */
export const openStore = (options: StoreOptions): Promise<Store> =>
  isPostgres(options.url) ? openPostgres(options) : openSqlite({ ...options, ...sqliteTarget(options.url) });

/** Opens the migrations of the same databases, for the commands `db-…`. */
export async function openMigrations(url: string): Promise<Migrations> {
  return isPostgres(url) ? openPostgresMigrations(url) : openSqliteMigrations(sqliteTarget(url));
}

const isPostgres = (url: string): boolean => /^postgres(?:ql)?:/.test(url);

const sqliteTarget = (url: string): SqliteTarget =>
  url === "sqlite::memory:" ? { memory: true } : { path: url.slice("sqlite:".length) };
