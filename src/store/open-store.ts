// From AMPHO_DATABASE_URL to the store that it names.
import { ConfigurationError } from "../errors.js";
import { type Migrations, openSqlite, openSqliteMigrations, type SqliteTarget } from "./sqlite.js";
import type { Store } from "./store.js";

export interface StoreOptions {
  /** `sqlite:PATH` or `sqlite::memory:`. */
  readonly url: string;
  /** Bring the schema up to date; else an old one makes opening fail. */
  readonly migrate: boolean;
  /** Gets a line for people when something was done to the schema. */
  readonly notice: (line: string) => void;
}

/** Throws ConfigurationError for a kind of database that is not there, else as `openSqlite`. */
export function openStore({ url, migrate, notice }: StoreOptions): Promise<Store> {
  return openSqlite({ ...sqliteTarget(url), migrate, notice });
}

/** Of the same databases, for the commands `db-…`. */
export function openMigrations(url: string): Migrations {
  return openSqliteMigrations(sqliteTarget(url));
}

function sqliteTarget(url: string): SqliteTarget {
  if (!url.startsWith("sqlite:"))
    throw new ConfigurationError("AMPHO_DATABASE_URL: this version knows sqlite:PATH and sqlite::memory: only");
  return url === "sqlite::memory:" ? { memory: true } : { path: url.slice("sqlite:".length) };
}
