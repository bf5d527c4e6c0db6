// The file of an embedded database. The doctor must not create it by opening it.
import { existsSync } from "node:fs";
import { resolve } from "node:path";

/** Returns the path of a SQLite file, or undefined for a database in memory or on a server. */
export function databaseFile(databaseUrl: string, cwd: string): string | undefined {
  const path = /^sqlite:(.+)$/.exec(databaseUrl)?.[1];
  return path === undefined || path === ":memory:" ? undefined : resolve(cwd, path);
}

/** Reports whether a database exists that this process can read. A database in memory belongs to its own process. */
export function hasDatabase(databaseUrl: string, cwd: string): boolean {
  if (!databaseUrl.startsWith("sqlite:")) return true;
  const file = databaseFile(databaseUrl, cwd);
  return file !== undefined && existsSync(file);
}
