// The embedded store: SQLite in a worker thread. Opening it brings the schema up to date or says why it cannot.
import { DatabaseError } from "../database-error.js";
import { expanded, newest, outdated, type Step } from "../migrations/migrate.js";
import type { Migration } from "../migrations/migrations.js";
import { applyAll, type Migrations } from "../migrations/migrations.js";
import { bindOperations } from "../operations.js";
import type { Store } from "../store.js";
import { type DriverName, usualDriver } from "./driver.js";
import type { Job } from "./messages.js";
import { startThread, type Thread, unavailable } from "./thread.js";

/** Where the database is, and the library for it (by default Node's own, else the optional package). */
export type SqliteTarget = ({ readonly path: string } | { readonly memory: true }) & {
  readonly driver?: DriverName | undefined;
};

export type SqliteOptions = SqliteTarget & {
  /** Bring an older or empty schema up to date; else opening it fails and names `ampho db-up`. */
  readonly migrate: boolean;
  /** Gets a line for people when something was done to the schema. */
  readonly log: (line: string) => void;
};

/**
 * Throws DatabaseError where a person can mend it (a folder, not a database, read-only, another schema),
 * ConfigurationError when there is no SQLite, AmphoError `unavailable` when the database stays locked.
 */
export async function openSqlite(options: SqliteOptions): Promise<Store> {
  const thread = startThread({ ...target(options), role: "store" });
  try {
    await prepareSchema(thread, options);
  } catch (error) {
    await thread.close();
    throw error;
  }
  const run = <T>(job: Job, limits?: { tryMs: number; waitMs: number }) =>
    thread.run<T>(job, limits).catch((error: unknown) => {
      // It was open once: what is wrong now may pass, and is the operator's to see, not a caller's.
      throw error instanceof DatabaseError ? unavailable(error.message) : error;
    });
  return {
    ...bindOperations((operation, input) => run({ kind: "call", operation, input })),
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
  if (version > newest) log(expanded(version));
  if (version >= newest) return;
  if (!migrate) throw outdated(version);
  for (const { version, name } of await applyAllIn(thread)) log(`applied migration ${version} (${name})`);
}

/** For one that is to be made on a large table, and for another process that makes it. */
const patient = { tryMs: 600_000, waitMs: 600_500 };

function applyAllIn(thread: Thread): Promise<readonly Migration[]> {
  return applyAll(
    async () => (await thread.run<Step | undefined>({ kind: "migrations", step: "up" }, patient))?.migration,
  );
}

/** Errors as of `openSqlite`. */
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
