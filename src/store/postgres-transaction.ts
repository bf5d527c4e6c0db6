// Runs a purpose in one transaction, statement by statement.
// READ COMMITTED: what must not change between two statements is locked by the purpose (work.ts), and each condition of an
// update is judged anew on the row that it waited for.
import type { Connection } from "./postgres-connection.js";
import { PostgresFailure } from "./postgres-failure.js";
import { type Alone, integer, type Lock, type Row, type Statement, type Work } from "./work.js";

export interface Transaction<T> {
  readonly value: T;
  /** The server's clock when the transaction began: Unix milliseconds. */
  readonly storeNowMs: number;
}

/** `uncertain`: it may have been committed all the same. */
export class TransactionFailure extends Error {
  override readonly name = "TransactionFailure";
  readonly failure: Error;
  readonly uncertain: boolean;

  constructor(failure: Error, uncertain: boolean) {
    super(failure.message);
    this.failure = failure;
    this.uncertain = uncertain;
  }
}

/** Milliseconds. */
export interface TransactionLimits {
  readonly statementMs: number;
  /** The server ends a transaction whose process is stopped or gone: it may hold a lock that everybody needs. */
  readonly idleMs: number;
}

/** Rejects with TransactionFailure, or what `start` throws. The connection is free afterwards, or not usable. */
export async function transact<T>(
  connection: Connection,
  start: () => Work<T>,
  limits: TransactionLimits,
): Promise<Transaction<T>> {
  let committing = false;
  try {
    const begun = connection.query(beginText(limits));
    const work = start();
    let step = work.next([]);
    let first = true;
    let storeNowMs = 0;
    while (!step.done) {
      const rows = runStep(connection, step.value);
      if (first) storeNowMs = clockOf(await settled(begun, rows));
      first = false;
      step = work.next(await rows);
    }
    if (first) storeNowMs = clockOf((await begun).rows[0]);
    committing = true;
    const { command } = await connection.query("commit");
    // The answer to a commit of a transaction that cannot be committed.
    if (command !== "COMMIT") throw new PostgresFailure("lost");
    return { value: step.value, storeNowMs };
  } catch (error) {
    if (!(error instanceof PostgresFailure)) {
      await rollBack(connection);
      throw error;
    }
    if (error.breaking) connection.destroy();
    else if (!committing) await rollBack(connection);
    throw new TransactionFailure(error, committing && error.breaking);
  }
}

/** The row that `begin` tells; a failure of either is thrown, and none is left unhandled. */
async function settled(begun: ReturnType<Connection["query"]>, rows: Promise<unknown>): Promise<Row | undefined> {
  const [{ rows: told }] = await Promise.all([begun, rows]);
  return told[0];
}

function clockOf(row: Row | undefined): number {
  if (row?.["standby"] !== 0) throw new PostgresFailure("standby");
  return integer(row, "now_ms");
}

/**
 * One message, so that it costs no time of its own. Only for this transaction: a pooler gives the next one to somebody else.
 * Asked each time whether this is the primary: behind a pooler or a proxy it may be another server than before.
 */
function beginText({ statementMs, idleMs }: TransactionLimits): string {
  return `begin isolation level read committed; select
    case when pg_is_in_recovery() or current_setting('transaction_read_only')::boolean then 1 else 0 end as standby,
    floor(extract(epoch from clock_timestamp()) * 1000)::bigint as now_ms,
    set_config('statement_timeout', '${statementMs}', true) as s,
    set_config('idle_in_transaction_session_timeout', '${idleMs}', true) as i`;
}

async function rollBack(connection: Connection): Promise<void> {
  try {
    if (connection.usable) await connection.query("rollback");
  } catch {
    connection.destroy();
  }
}

async function runStep(connection: Connection, step: Statement | Alone): Promise<readonly Row[]> {
  if ("alone" in step) {
    await connection.query("select 1 as locked from pg_advisory_xact_lock(hashtextextended($1, 0))", [step.alone]);
    return [];
  }
  const { rows } = await connection.query(numbered(step.sql) + (step.lock ? locks[step.lock] : ""), step.parameters);
  return rows;
}

const locks: Readonly<Record<Lock, string>> = {
  share: " for share",
  update: " for update",
  free: " for update skip locked",
};

const texts = new Map<string, string>();

/** `?` as `$1`, `$2`, …: no text of ours holds a question mark of another kind. */
function numbered(sql: string): string {
  const known = texts.get(sql);
  if (known !== undefined) return known;
  let n = 0;
  const text = sql.replace(/\?/g, () => `$${++n}`);
  texts.set(sql, text);
  return text;
}
