// The file of an embedded database, which looking must not make.
import { existsSync } from "node:fs";
import { resolve } from "node:path";

/** Undefined for one in memory or elsewhere. */
export function databaseFile(databaseUrl: string, cwd: string): string | undefined {
  const path = /^sqlite:(.+)$/.exec(databaseUrl)?.[1];
  return path === undefined || path === ":memory:" ? undefined : resolve(cwd, path);
}

/** Whether there is a database to look into. One in memory is another process's own. */
export function hasDatabase(databaseUrl: string, cwd: string): boolean {
  if (!databaseUrl.startsWith("sqlite:")) return true;
  const file = databaseFile(databaseUrl, cwd);
  return file !== undefined && existsSync(file);
}
