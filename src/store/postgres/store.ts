// The store of a fleet: PostgreSQL 14 or newer. Every call is answered within a bound, whatever the server does.
import { AmphoError } from "../../errors.js";
import { DatabaseError } from "../database-error.js";
import { postgresDialect } from "../dialect.js";
import { currentVersion, expanded, newest, outdated } from "../migrations/migrate.js";
import { bindOperations, startOperation } from "../operations.js";
import { readStateOnly } from "../sql/state.js";
import type { Store } from "../store.js";
import { first, integer, type Transaction, text } from "../transaction.js";
import { connect, loadPostgres } from "./connection.js";
import { PostgresFailure } from "./failure.js";
import { createHedgedRead } from "./hedged-read.js";
import { openPostgresMigrations } from "./migrations.js";
import { createPool } from "./pool.js";
import { type CallLimits, createRunner } from "./runner.js";
import { createStatementNames } from "./statement-names.js";

export interface PostgresOptions {
  /** `postgres://…`; what it leaves out, the variables PGHOST, PGPASSWORD and so on say. */
  readonly url: string;
  /** Bring an older or empty schema up to date; else opening it fails and names `ampho db-up`. */
  readonly migrate: boolean;
  /** Whether the server keeps statements prepared, by name: a pooler between has to know them. */
  readonly prepare?: boolean | undefined;
  /** Gets a line for people when something was done to the schema, or is not as it was said to be. */
  readonly log: (line: string) => void;
}

const poolLimits = { connections: 10, reserved: 1, waiting: 2000, idleMs: 60_000 };
/** TCP, TLS and SCRAM take six ways there and back, which at 600 ms each is just done. Less than any answer may take. */
const connectMs = 4000;
/** Nobody waits for an answer yet, and ten processes that start at once have much to do. */
const openingMs = 15_000;

const unprepared = "the pooler in front of PostgreSQL does not take prepared statements: unset AMPHO_DATABASE_PREPARE";

/**
 * Throws DatabaseError where a person can mend it (no server there, a refused role, a standby, another schema, a pooler),
 * ConfigurationError when the package `pg` is not installed. No message holds a part of the URL.
 */
export async function openPostgres({ url, migrate, prepare = false, log }: PostgresOptions): Promise<Store> {
  const module = await loadPostgres();
  let isOpen = false;
  const names = prepare
    ? createStatementNames(() => {
        if (isOpen) log(`${unprepared}; until the next start there are none`);
      })
    : undefined;
  const open = () => connect(module, url, isOpen ? connectMs : openingMs, names);
  const pool = createPool(open, poolLimits);
  const runner = createRunner(pool, names);
  try {
    const about = await runner.run(lookAround, { waitMs: openingMs });
    if (names) {
      // A pooler that has just one process of the server to give hands it to a second connection, names and all.
      const other = createPool(open, poolLimits);
      await createRunner(other, names)
        .run(lookAround, { waitMs: openingMs })
        .finally(() => other.close());
      if (names.refused) throw new DatabaseError(unprepared);
    }
    const { version } = about.value;
    if (version > newest) log(expanded(version));
    if (version < newest) {
      if (!migrate) throw outdated(version);
      const migrations = await openPostgresMigrations(url);
      try {
        for (const { version, name } of await migrations.up()) log(`applied migration ${version} (${name})`);
      } finally {
        await migrations.close();
      }
    }
  } catch (error) {
    await pool.close();
    throw error instanceof PostgresFailure ? new DatabaseError(error.message, { cause: error }) : error;
  }
  isOpen = true;

  async function run<T>(start: () => Transaction<T>, limits?: CallLimits) {
    try {
      return await runner.run(start, limits);
    } catch (error) {
      // It was open once: what is wrong now may pass, and is the operator's to see, not a caller's.
      throw error instanceof PostgresFailure ? unavailable(error) : error;
    }
  }
  const askTwice = createHedgedRead();
  return {
    ...bindOperations(async (operation, input) => (await run(() => startOperation(operation, input))).value),
    // In no queue: the second within which all processes refuse what was revoked is counted under load, too.
    readRevocations: async (input) => {
      const { value, storeNowMs } = await askTwice((fresh) =>
        run(() => startOperation("readRevocations", input), { urgent: true, waitMs: 2000, fresh }),
      );
      return { ...value, storeNowMs };
    },
    readClock: async () => (await run(readStateOnly)).storeNowMs,
    ping: async (waitMs) => {
      await run(readStateOnly, { waitMs, urgent: true });
    },
    stats: () => pool.stats(),
    close: () => pool.close(),
  };
}

function unavailable(cause: PostgresFailure): AmphoError {
  return new AmphoError("unavailable", "the store does not answer", { retryAfterSeconds: 1 }, { cause });
}

const oldestServer = 140_000;

/** What has to be so before anything else. */
function* lookAround(): Transaction<{ readonly version: number }> {
  const row = yield* first(
    "select current_setting('server_version_num')::integer as version, current_setting('server_encoding') as encoding",
  );
  if (!row || integer(row, "version") < oldestServer) throw new DatabaseError("PostgreSQL has to be 14 or newer");
  if (text(row, "encoding") !== "UTF8") throw new DatabaseError("the database has to have the encoding UTF8");
  return { version: yield* currentVersion(postgresDialect) };
}
