// From AMPHO_DATABASE_URL to the store that it names.
import type { Migrations } from "./migrations/migrations.js";
import { openPostgresMigrations } from "./postgres/migrations.js";
import { openPostgres } from "./postgres/store.js";
import { openSqlite, openSqliteMigrations, type SqliteTarget } from "./sqlite/store.js";
import type { Store } from "./store.js";

export interface StoreOptions {
  /** `sqlite:PATH`, `sqlite::memory:` or `postgres://…`. */
  readonly url: string;
  /** Bring the schema up to date; else an old one makes opening fail. */
  readonly migrate: boolean;
  /** Of PostgreSQL; SQLite's always are. */
  readonly prepare?: boolean | undefined;
  /** Gets a line for people when something was done to the schema. */
  readonly log: (line: string) => void;
}

/** Errors as of `openSqlite` and `openPostgres`. */
export function openStore({ url, migrate, prepare, log }: StoreOptions): Promise<Store> {
  return isPostgres(url)
    ? openPostgres({ url, migrate, prepare, log })
    : openSqlite({ ...sqliteTarget(url), migrate, log });
}

/** Of the same databases, for the commands `db-…`. */
export async function openMigrations(url: string): Promise<Migrations> {
  return isPostgres(url) ? openPostgresMigrations(url) : openSqliteMigrations(sqliteTarget(url));
}

function isPostgres(url: string): boolean {
  return /^postgres(?:ql)?:/.test(url);
}

function sqliteTarget(url: string): SqliteTarget {
  return url === "sqlite::memory:" ? { memory: true } : { path: url.slice("sqlite:".length) };
}
