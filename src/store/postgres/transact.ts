// Runs a purpose in one transaction, statement by statement.
// READ COMMITTED: what must not change between two statements is locked by the purpose (work.ts), and each condition of an
// update is judged anew on the row that it waited for.
import type { QueryResult } from "pg";
import {
  type AdvisoryLock,
  integer,
  type Row,
  type RowLock,
  type Statement,
  type Transaction,
} from "../transaction.js";
import type { PostgresConnection } from "./connection.js";
import { PostgresFailure } from "./failure.js";

export interface TransactionResult<T> {
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
  connection: PostgresConnection,
  start: () => Transaction<T>,
  limits: TransactionLimits,
): Promise<TransactionResult<T>> {
  let committing = false;
  /** What was sent and not waited for, in order: of `begin`, and of statements whose rows nobody reads. */
  const sent: Promise<QueryResult<Row>>[] = [];
  const ahead = new Map<Statement, Promise<QueryResult<Row>>>();
  /** Where it was sent before the answers to what it ends. */
  let ending: Promise<QueryResult<Row>> | undefined;
  const send = (answer: Promise<QueryResult<Row>>) => {
    answer.catch(() => undefined);
    sent.push(answer);
    return answer;
  };
  try {
    const begun = send(connection.query(beginText(limits)));
    const work = start();
    let step = work.next([]);
    let storeNowMs: number | undefined;
    while (!step.done) {
      const { value } = step;
      if (ending !== undefined && !("resultOf" in value)) throw new TypeError("a step follows the end");
      if ("end" in value) {
        // What only reads may be done again, whatever came of its end.
        committing = value.end === "write";
        ending = send(connection.query("commit"));
        step = work.next([]);
        continue;
      }
      const answer = "resultOf" in value ? ahead.get(value.resultOf) : send(runStep(connection, value));
      if (answer === undefined) throw new TypeError("a statement was asked for that was not sent ahead");
      if ("deferred" in value) ahead.set(value, answer);
      if ("deferred" in value || "advisoryLock" in value) {
        step = work.next([]);
      } else {
        const { rows } = await answer;
        storeNowMs ??= clockOf((await begun).rows[0]);
        step = work.next(rows);
      }
    }
    storeNowMs ??= clockOf((await begun).rows[0]);
    if (ending === undefined) {
      committing = true;
      ending = send(connection.query("commit"));
    }
    const { command } = await ending;
    // The answer to a commit of a transaction that cannot be committed: some statement before it has failed.
    if (command !== "COMMIT") throw new PostgresFailure(aborted);
    await Promise.all(sent);
    return { value: step.value, storeNowMs };
  } catch (error) {
    const cause = await firstFailure(sent, error);
    if (!(cause instanceof PostgresFailure)) {
      await rollBack(connection);
      throw cause;
    }
    if (cause.breaking) connection.destroy();
    // Whoever has the connection next must not send a statement by a name that something before it may have failed to make.
    else await (ending?.catch(() => undefined) ?? rollBack(connection));
    throw new TransactionFailure(cause, committing && cause.breaking);
  }
}

/** Of the server to everything behind the statement that has failed. */
const aborted = "25P02";

/** Statements travel together: what the server says to the later ones follows from the first that failed. */
async function firstFailure(sent: readonly Promise<unknown>[], error: unknown): Promise<unknown> {
  if (!(error instanceof PostgresFailure)) return error;
  for (const answer of sent) {
    try {
      await answer;
    } catch (first) {
      return first;
    }
  }
  return error;
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

async function rollBack(connection: PostgresConnection): Promise<void> {
  try {
    if (connection.usable) await connection.query("rollback");
  } catch {
    connection.destroy();
  }
}

function runStep(connection: PostgresConnection, step: Statement | AdvisoryLock): Promise<QueryResult<Row>> {
  if ("advisoryLock" in step)
    return connection.query("select 1 as locked from pg_advisory_xact_lock(hashtextextended($1, 0))", [
      step.advisoryLock,
    ]);
  return connection.query(numbered(step.sql) + (step.lock ? locks[step.lock] : ""), step.parameters);
}

const locks: Readonly<Record<RowLock, string>> = {
  share: " for share",
  update: " for update",
  skipLocked: " for update skip locked",
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
