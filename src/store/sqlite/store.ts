// SQLite in a worker thread.
import { migrationLine, newerSchemaLine } from "../../log-lines.js";
import { DatabaseError, databaseUnavailable } from "../database-error.js";
import { type MigrationStep, mayMigrate, newest, outdated } from "../migrations/migrate.js";
import type { Migration } from "../migrations/migrations.js";
import { applyAll, type Migrations } from "../migrations/migrations.js";
import { bindOperations } from "../operations.js";
import type { Store, StoreOptions } from "../store.js";
import { type DriverName, usualDriver } from "./driver.js";
import type { Job } from "./messages.js";
import { type Limits, limitsOf, startThread, type Thread } from "./thread.js";

/** Where the database is, and the library for it (by default Node's own, else the optional package). */
export type SqliteTarget = ({ readonly path: string } | { readonly memory: true }) & {
  readonly driver?: DriverName | undefined;
};

export type SqliteOptions = SqliteTarget & Pick<StoreOptions, "pages" | "migrate" | "log">;

/**
 * Rejects with DatabaseError if a person can fix the cause (a folder, not a database, read-only, another schema).
 * Rejects with ConfigurationError if there is no SQLite, and AmphoError `unavailable` if the database stays locked.
 */
export async function openSqlite(options: SqliteOptions): Promise<Store> {
  const thread = startThread({ ...target(options), pages: options.pages, role: "store" });
  try {
    await prepareSchema(thread, options);
  } catch (error) {
    await thread.close();
    throw error;
  }
  const run = <T>(job: Job, limits?: Limits) =>
    thread.run<T>(job, limits).catch((error: unknown) => {
      // The database was open once, so that the cause might pass. It is for the operator, not for a caller.
      throw error instanceof DatabaseError ? databaseUnavailable(error) : error;
    });
  return {
    ...bindOperations((operation, input, waitMs) =>
      run({ kind: "call", operation, input }, waitMs === undefined ? undefined : limitsOf(waitMs)),
    ),
    ...thread.listeners,
    readClock: async () => undefined,
    ping: async (timeoutMs) => {
      await run({ kind: "ping" }, { tryMs: timeoutMs, waitMs: timeoutMs });
    },
    stats: () => {
      const calls = thread.waiting();
      return { open: 1, busy: Math.min(calls, 1), waiting: Math.max(calls - 1, 0) };
    },
    close: () => thread.close(),
  };
}

function target(options: SqliteTarget) {
  return { path: "path" in options ? options.path : undefined, driver: options.driver ?? usualDriver() };
}

async function prepareSchema(thread: Thread, { migrate, log }: SqliteOptions): Promise<void> {
  const version = await thread.run<number>({ kind: "migrations", step: "version" });
  if (version > newest) log(newerSchemaLine(version, newest));
  if (version >= newest) return;
  if (!mayMigrate(migrate, version)) throw outdated(version);
  for (const { version, name } of await applyAllIn(thread)) log(migrationLine(version, name));
}

/** For a migration of a large table, and while another process applies one. */
const patient = { tryMs: 600_000, waitMs: 600_500 };

const applyAllIn = (thread: Thread): Promise<readonly Migration[]> =>
  applyAll(
    async () => (await thread.run<MigrationStep | undefined>({ kind: "migrations", step: "up" }, patient))?.migration,
  );

/** Rejects as `openSqlite` does. */
export function openSqliteMigrations(options: SqliteTarget): Migrations {
  const thread = startThread({ ...target(options), role: "migrations" });
  return {
    up: () => applyAllIn(thread),
    down: () => thread.run({ kind: "migrations", step: "down" }, patient),
    current: () => thread.run({ kind: "migrations", step: "version" }),
    list: () => thread.run({ kind: "migrations", step: "list" }),
    owns: async () => false,
    close: () => thread.close(),
  };
}
