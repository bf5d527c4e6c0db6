// PostgreSQL 14 or newer, for a fleet. Every call ends within a time limit, whatever the server does.
import { databaseAddress, migrationLine, newerSchemaLine, unprepared, unpreparedLine } from "../../log-lines.js";
import { DatabaseError, databaseUnavailable, instanceClosed } from "../database-error.js";
import { postgresDialect } from "../dialect.js";
import { currentVersion, mayMigrate, newest, outdated } from "../migrations/migrate.js";
import { bindOperations, startOperation } from "../operations.js";
import { integer, text } from "../rows.js";
import { readStateOnly } from "../sql/rows/state.js";
import { createListeners, type Store, type StoreOptions } from "../store.js";
import { first, type Transaction } from "../transaction.js";
import { connect, keepsStatements, loadPostgres } from "./connection.js";
import { PostgresFailure } from "./failure.js";
import { openPostgresMigrations } from "./migrations.js";
import { createPool } from "./pool.js";
import { type CallLimits, createRunner, usualMs } from "./runner.js";
import { createStatementNames } from "./statement-names.js";

const poolLimits = { connections: 10, reserved: 1, waiting: 2000, idleMs: 60_000 };
/** TCP, TLS and SCRAM take six round trips, of up to 600 ms each. It is shorter than the limit of a call. */
const connectMs = 4000;
/** No request waits yet, and ten processes that start at once have much to do. */
const openingMs = 15_000;

/**
 * Rejects with DatabaseError if a person can fix the cause (no server, a rejected role, a standby, another schema, a
 * pooler), ConfigurationError if the package `pg` is not installed. A message contains no part of the URL but host,
 * port and name.
 */
export async function openPostgres({ url, pages, migrate, log }: StoreOptions): Promise<Store> {
  const module = await loadPostgres();
  let isOpen = false;
  const names = keepsStatements(url)
    ? createStatementNames(() => {
        if (isOpen) log(unpreparedLine());
      })
    : undefined;
  const open = () => connect(module, url, isOpen ? connectMs : openingMs, names);
  const pool = createPool(open, poolLimits);
  const runner = createRunner(pool, names, pages);
  try {
    const about = await runner.run(checkServer, { waitMs: openingMs });
    if (names) {
      // A pooler with only one server process hands it to a second connection, together with its names.
      const other = createPool(open, poolLimits);
      await createRunner(other, names)
        .run(checkServer, { waitMs: openingMs })
        .finally(() => other.close());
      if (names.rejected) throw new DatabaseError(unprepared);
    }
    const { version } = about.value;
    if (version > newest) log(newerSchemaLine(version, newest));
    if (version < newest) {
      if (!mayMigrate(migrate, version)) throw outdated(version);
      const migrations = await openPostgresMigrations(url);
      try {
        for (const { version, name } of await migrations.up()) log(migrationLine(version, name));
      } finally {
        await migrations.close();
      }
    }
  } catch (error) {
    await pool.close();
    const at = databaseAddress(url);
    throw error instanceof PostgresFailure
      ? new DatabaseError(`${error.message}${at === undefined ? "" : ` (${at})`}`, { cause: error })
      : error;
  }
  isOpen = true;

  let isClosed = false;
  async function run<T>(start: () => Transaction<T>, limits?: CallLimits) {
    if (isClosed) throw instanceClosed();
    try {
      return await runner.run(start, limits);
    } catch (error) {
      // The database was open once, so that the cause might pass. It is for the operator, not for a caller.
      throw error instanceof PostgresFailure || error instanceof DatabaseError ? databaseUnavailable(error) : error;
    }
  }
  const { report, ...listeners } = createListeners();
  const hedged = createHedgedRead();
  return {
    ...bindOperations(async (operation, input, waitMs = usualMs) => {
      const limits = { waitMs: Math.min(waitMs, usualMs) };
      const { value, effects } = await run(() => startOperation(operation, input), limits);
      report(effects);
      return value;
    }),
    // Waits in no queue, because every process must know a revocation within a second under load, too.
    readRevocations: async (input) => {
      const { value, storeNowMs } = await hedged((fresh) =>
        run(() => startOperation("readRevocations", input), { urgent: true, waitMs: 2000, fresh }),
      );
      return { ...value, storeNowMs };
    },
    ...listeners,
    readClock: async () => (await run(readStateOnly)).storeNowMs,
    ping: async (waitMs) => {
      await run(readStateOnly, { waitMs, urgent: true });
    },
    stats: () => pool.stats(),
    close() {
      isClosed = true;
      return pool.close();
    },
  };
}

const oldestServer = 140_000;

/** Checks the server before anything else. */
function* checkServer(): Transaction<{ readonly version: number }> {
  const row = yield* first(
    "select current_setting('server_version_num')::integer as version, current_setting('server_encoding') as encoding",
  );
  if (!row || integer(row, "version") < oldestServer)
    throw new DatabaseError("PostgreSQL must be version 14 or newer.");
  if (text(row, "encoding") !== "UTF8") throw new DatabaseError("The database must have the encoding UTF8.");
  return { version: yield* currentVersion(postgresDialect) };
}

/** With reads a quarter of a second apart, a revocation is then known within a second. */
const overdueMs = 400;

/**
 * The first successful result counts. Rejects if there is none. A result is overdue only if it takes twice as long as
 * the one before, so that a distant server does not get each read twice.
 */
function createHedgedRead() {
  let tookMs = 0;
  return async <T>(read: (again: boolean) => Promise<T>): Promise<T> => {
    const timed = async (again: boolean) => {
      const askedMs = performance.now();
      const result = await read(again);
      tookMs = performance.now() - askedMs;
      return result;
    };
    const first = timed(false);
    if (await isSettled(first, Math.max(overdueMs, 2 * tookMs))) return first;
    return Promise.any([first, timed(true)]).catch(() => first);
  };
}

async function isSettled(promise: Promise<unknown>, withinMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), withinMs);
  });
  const settled = promise.then(
    () => true,
    () => true,
  );
  return Promise.race([settled, overdue]).finally(() => clearTimeout(timer));
}
