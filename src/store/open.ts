// Opens the database that AMPHO_DATABASE_URL names.
import type { Migrations } from "./migrations/migrations.js";
import { openPostgresMigrations } from "./postgres/migrations.js";
import { openPostgres } from "./postgres/store.js";
import { openSqlite, openSqliteMigrations, type SqliteTarget } from "./sqlite/store.js";
import type { Store } from "./store.js";

export interface StoreOptions {
  /** `sqlite:PATH`, `sqlite::memory:` or `postgres://…`. */
  readonly url: string;
  /** AMPHO_APP_URL. Mails that this store writes lead to these pages. */
  readonly pages?: string | undefined;
  /** Applies missing migrations. Without it an old schema is an error. */
  readonly migrate: boolean;
  /** Keeps prepared statements on PostgreSQL. SQLite always does. */
  readonly prepare?: boolean | undefined;
  /** Receives a line for people when the schema changed. */
  readonly log: (line: string) => void;
}

/** Rejects as `openSqlite` and `openPostgres` do. */
export function openStore({ url, pages, migrate, prepare, log }: StoreOptions): Promise<Store> {
  return isPostgres(url)
    ? openPostgres({ url, pages, migrate, prepare, log })
    : openSqlite({ ...sqliteTarget(url), pages, migrate, log });
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
