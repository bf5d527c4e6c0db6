// The embedded store: SQLite in a worker thread. Opening it brings the schema up to date or says why it cannot.
import { boundStore } from "./bound-store.js";
import { newest } from "./migrations/migrate.js";
import { StoreOpenError } from "./open-error.js";
import type { DriverName } from "./sqlite-driver.js";
import type { Job } from "./sqlite-messages.js";
import { startThread, type Thread, unavailable } from "./sqlite-thread.js";
import type { Migration, Store } from "./store.js";

/** Where the database is, and the library for it (by default Node's own, else the optional package). */
export type SqliteTarget = ({ readonly path: string } | { readonly memory: true }) & {
  readonly driver?: DriverName | undefined;
};

export type SqliteOptions = SqliteTarget & {
  /** Bring an older or empty schema up to date; else opening it fails and names `ampho db-up`. */
  readonly migrate: boolean;
  /** Gets a line for people when something was done to the schema. */
  readonly notice: (line: string) => void;
};

/**
 * Throws StoreOpenError where a person can mend it (a folder, not a database, read-only, another schema),
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
      throw error instanceof StoreOpenError ? unavailable(error.message) : error;
    });
  return {
    ...boundStore((purpose, input) => run({ kind: "call", purpose, input })),
    ping: async (timeoutMs) => {
      await run({ kind: "ping" }, { tryMs: timeoutMs, waitMs: timeoutMs });
    },
    close: () => thread.close(),
  };
}

function target(options: SqliteTarget) {
  return { path: "path" in options ? options.path : undefined, driver: options.driver };
}

async function prepareSchema(thread: Thread, { migrate, notice }: SqliteOptions): Promise<void> {
  const version = await thread.run<number>({ kind: "migrations", step: "version" });
  if (version === newest) return;
  if (!migrate)
    throw new StoreOpenError(
      `the database has schema version ${version}, this program needs ${newest}: run \`ampho db-up\``,
    );
  for (const { version, name } of await applyAll(thread)) notice(`applied migration ${version} (${name})`);
}

async function applyAll(thread: Thread): Promise<readonly Migration[]> {
  const all: Migration[] = [];
  for (;;) {
    const migration = await thread.run<Migration | undefined>({ kind: "migrations", step: "up" });
    if (!migration) return all;
    all.push(migration);
  }
}

/** What the commands `db-up`, `db-down`, `db-current` and `db-show` need. Errors as of `openSqlite`. */
export interface Migrations {
  /** Applies all that are not; returns those, in order. */
  up(): Promise<readonly Migration[]>;
  /** Takes the newest back with all that its tables hold; undefined when there is none. */
  down(): Promise<Migration | undefined>;
  /** The version of the schema, 0 when there is none. */
  current(): Promise<number>;
  list(): Promise<readonly Migration[]>;
  close(): Promise<void>;
}

export function openSqliteMigrations(options: SqliteTarget): Migrations {
  const thread = startThread({ ...target(options), role: "migrations" });
  return {
    up: () => applyAll(thread),
    down: () => thread.run({ kind: "migrations", step: "down" }),
    current: () => thread.run({ kind: "migrations", step: "version" }),
    list: () => thread.run({ kind: "migrations", step: "list" }),
    close: () => thread.close(),
  };
}
