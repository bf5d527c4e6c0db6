// Migrations of PostgreSQL. Each runs in a transaction that has a lock. If ten processes start at once, one migrates,
// and the others wait and find the migration applied. A killed process leaves nothing half done, or a migration whose
// indexes the next process builds. No transaction that uses a table waits for a migration for long.
import { setTimeout as pause } from "node:timers/promises";
import { DatabaseError } from "../database-error.js";
import { postgresDialect } from "../dialect.js";
import type { MigrationStep } from "../migrations/migrate.js";
import { currentVersion, finishUp, listMigrations, migrateDown, migrateUp } from "../migrations/migrate.js";
import { applyAll, type Migrations } from "../migrations/migrations.js";
import type { IndexSteps } from "../migrations/steps.js";
import { integer } from "../rows.js";
import { first, query, type Transaction } from "../transaction.js";
import { connect, loadPostgres, type PostgresConnection, type PostgresModule } from "./connection.js";
import { PostgresFailure } from "./failure.js";
import { TransactionFailure, transact } from "./transact.js";

const connectMs = 15_000;
/** How long a process waits for another that migrates. */
const patienceMs = 600_000;
/** How long a process waits for a lock on a table that other transactions use. */
const locksMs = 10_000;
/**
 * A change of a table waits for the transactions that use it, and all later transactions wait for the change. Requests
 * give up after 4.5 s, so that a statement must be done before that, or it is undone.
 */
const limits = { lockMs: 300, statementMs: 4000, idleMs: 60_000 };
/** How often the transaction with the lock shows the server that it is alive. */
const aliveMs = 20_000;

/** Another process migrates. */
class Busy extends Error {
  override readonly name = "Busy";
}

/** Rejects as `openPostgres` does. */
export async function openPostgresMigrations(url: string): Promise<Migrations> {
  const module = await loadPostgres();
  let open: PostgresConnection | undefined;

  const connected = async () => {
    if (!open?.usable) open = await connect(module, url, connectMs);
    return open;
  };
  const run = <T>(start: () => Transaction<T>): Promise<T> =>
    retrying(async () => (await transact(await connected(), start, limits)).value);

  /** Undefined: another process has applied it meanwhile. */
  async function applyNext(): Promise<MigrationStep | undefined> {
    const step = await run(() => locked((now) => migrateUp(postgresDialect, now)));
    if (step === undefined || step.indexes.length === 0) return step;
    await retrying(async () => holdingLock(await connected(), () => buildApart(module, url, step)));
    const migration = await run(() => locked((now) => finishUp(step.migration, now)));
    return migration === undefined ? applyNext() : { ...step, migration };
  }

  return {
    up: () => applyAll(async () => (await applyNext())?.migration),
    down: () => run(() => locked(() => migrateDown(postgresDialect))),
    current: () => run(() => currentVersion(postgresDialect)),
    list: () => run(() => listMigrations(postgresDialect)),
    owns: () => run(readOwnership),
    close: async () => open?.end(),
  };
}

function* readOwnership(): Transaction<boolean> {
  const row = yield* first(
    "select pg_has_role(relowner, 'usage')::integer as owns from pg_class where oid = to_regclass('ampho_audit')",
  );
  return row !== undefined && integer(row, "owns") === 1;
}

/** Tries again while another process migrates, or while other transactions use a table that must change. */
async function retrying<T>(attempt: () => Promise<T>): Promise<T> {
  const begun = performance.now();
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const failure = error instanceof TransactionFailure ? error.failure : error;
      const passedMs = performance.now() - begun;
      const again =
        failure instanceof Busy
          ? passedMs < patienceMs
          : failure instanceof PostgresFailure &&
            (failure.undone || failure.code === lockTimeout) &&
            passedMs < locksMs;
      if (!again) throw explained(failure);
    }
    await pause(100 + Math.random() * 100);
  }
}

const lockTimeout = "55P03";
const statementTimeout = "57014";

function explained(failure: unknown): unknown {
  if (failure instanceof Busy) return new DatabaseError("Another process has been migrating for ten minutes.");
  if (!(failure instanceof PostgresFailure)) return failure;
  const message =
    failure.code === statementTimeout
      ? "A statement of the migration takes so long that requests would have to wait. The migration was rolled back."
      : failure.message;
  return new DatabaseError(message, { cause: failure });
}

/**
 * Does not wait for the lock. `create index concurrently` waits for every earlier statement, and a statement that waits
 * for this lock would be one of them.
 */
const tryLock = "select pg_try_advisory_xact_lock(hashtextextended('ampho migrations', 0))::integer as locked";

function* locked<T>(work: (now: number) => Transaction<T>): Transaction<T> {
  const taken = yield* first(tryLock);
  if (!taken || integer(taken, "locked") === 0) throw new Busy();
  yield* query(`select set_config('lock_timeout', '${limits.lockMs}', true) as l`);
  const row = yield* first("select floor(extract(epoch from clock_timestamp()))::bigint as now");
  return yield* work(row ? integer(row, "now") : 0);
}

/** An idle transaction has the lock meanwhile. It ends with the process, and with any error. */
async function holdingLock(holder: PostgresConnection, work: () => Promise<void>): Promise<void> {
  const { rows } = await holder.query(`begin isolation level read committed;
    select set_config('idle_in_transaction_session_timeout', '${limits.idleMs}', true); ${tryLock}`);
  const alive = setInterval(() => void holder.query("select 1").catch(() => undefined), aliveMs);
  try {
    if (rows[0]?.["locked"] !== 1) throw new Busy();
    await work();
  } finally {
    clearInterval(alive);
    await holder.query("rollback").catch(() => holder.destroy());
  }
}

async function buildApart(module: PostgresModule, url: string, { indexes }: MigrationStep): Promise<void> {
  const builder = await connect(module, url, connectMs);
  try {
    for (const index of indexes) {
      if (await isBuilding(builder, index)) throw new Busy();
      await buildIndex(builder, index);
    }
  } finally {
    builder.end();
  }
}

/**
 * Returns true if a server process builds or drops the index. It goes on when its client is killed, and to drop an
 * index that is being built is an internal error (XX000). This is a look-up and not a lock. A lock outside of a
 * transaction belongs to a connection of the server, and behind a pooler the next statement can have another one.
 */
async function isBuilding(connection: PostgresConnection, { name }: IndexSteps): Promise<boolean> {
  const { rows } = await connection.query(
    `select 1 as found from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid() and state = 'active' and (query like $1 or query like $2)`,
    [`${create(name)} %`, `${drop(name)}%`],
  );
  return rows.length > 0;
}

const create = (name: string) => `create index concurrently ${name}`;
const drop = (name: string) => `drop index concurrently if exists ${name}`;

async function buildIndex(connection: PostgresConnection, { name, on }: IndexSteps): Promise<void> {
  const { rows } = await connection.query(
    "select indisvalid::integer as whole from pg_index where indexrelid = to_regclass($1)",
    [name],
  );
  if (rows[0]?.["whole"] === 1) return;
  if (rows[0]) await connection.query(drop(name));
  await connection.query(`${create(name)} on ${on}`);
}
