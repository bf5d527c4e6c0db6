// Migrations of PostgreSQL: each in a transaction, under a lock that the transaction holds. Of ten processes that start at
// once one migrates; the others wait and find it done. One that is killed leaves nothing half done.
import { postgresDialect } from "./dialect.js";
import { currentVersion, listMigrations, migrateDown, migrateUp } from "./migrations/migrate.js";
import { applyAll, type Migrations } from "./migrations/migrations.js";
import { StoreOpenError } from "./open-error.js";
import { type Connection, connect, loadPostgres } from "./postgres-connection.js";
import { PostgresFailure } from "./postgres-failure.js";
import { TransactionFailure, transact } from "./postgres-transaction.js";
import { alone, first, integer, query, type Work } from "./work.js";

const connectMs = 5000;
/** How long one waits for another that migrates, and how long a migration may take. */
const limits = { statementMs: 600_000, idleMs: 60_000 };

/** Errors as of `openPostgres`. */
export async function openPostgresMigrations(url: string): Promise<Migrations> {
  const module = await loadPostgres();
  let open: Connection | undefined;

  async function run<T>(start: () => Work<T>): Promise<T> {
    try {
      if (!open?.usable) open = await connect(module, url, connectMs);
      return (await transact(open, start, limits)).value;
    } catch (error) {
      const failure = error instanceof TransactionFailure ? error.failure : error;
      throw failure instanceof PostgresFailure ? new StoreOpenError(failure.message, { cause: failure }) : failure;
    }
  }

  return {
    up: () => applyAll(() => run(() => locked((now) => migrateUp(postgresDialect, now)))),
    down: () => run(() => locked(() => migrateDown(postgresDialect))),
    current: () => run(() => currentVersion(postgresDialect)),
    list: () => run(() => listMigrations(postgresDialect)),
    close: async () => open?.end(),
  };
}

function* locked<T>(work: (now: number) => Work<T>): Work<T> {
  yield* alone("ampho migrations");
  // A change of a table waits for those who use it, and everybody else then waits behind it: better to give up.
  yield* query("select set_config('lock_timeout', '5000', true) as l");
  const row = yield* first("select floor(extract(epoch from clock_timestamp()))::bigint as now");
  return yield* work(row ? integer(row, "now") : 0);
}
