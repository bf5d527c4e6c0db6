// Runs an operation in one transaction, statement by statement, with READ COMMITTED. The operation locks the rows that
// must not change between two statements (transaction.ts). Each condition of an update is checked again on the row that
// it waited for.
import type { QueryResult } from "pg";
import { integer, type Row } from "../rows.js";
import {
  type AdvisoryLock,
  type Effects,
  noEffects,
  type RowLock,
  type Statement,
  type Transaction,
  withPages,
} from "../transaction.js";
import type { PostgresConnection } from "./connection.js";
import { PostgresFailure } from "./failure.js";

export interface TransactionResult<T> {
  readonly value: T;
  /** The server's clock when the transaction began: Unix milliseconds. */
  readonly storeNowMs: number;
  readonly effects: Effects;
}

/** `uncertain`: it might have been committed. */
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
  /** After this time the server ends a transaction whose process is stopped or dead, because it can have a lock. */
  readonly idleMs: number;
  /** AMPHO_APP_URL of the instance. */
  readonly pages?: string | undefined;
}

/** Rejects with TransactionFailure, or the exception of `start`. The connection is free afterwards, or not usable. */
export async function transact<T>(
  connection: PostgresConnection,
  start: () => Transaction<T>,
  limits: TransactionLimits,
): Promise<TransactionResult<T>> {
  let committing = false;
  const effects = noEffects();
  /** The results of `begin` and of all statements, in the order in which they were sent. */
  const sent: Promise<QueryResult<Row>>[] = [];
  const deferred = new Map<Statement, Promise<QueryResult<Row>>>();
  /** The commit, if it was sent before the results of its statements came. */
  let ending: Promise<QueryResult<Row>> | undefined;
  const send = (result: Promise<QueryResult<Row>>) => {
    result.catch(() => undefined);
    sent.push(result);
    return result;
  };
  try {
    const begun = send(connection.query(beginText(limits)));
    const work = start();
    let step = work.next([]);
    let storeNowMs: number | undefined;
    while (!step.done) {
      const { value } = step;
      if ("revoked" in value) {
        effects.revoked.push(...value.revoked);
        step = work.next([]);
        continue;
      }
      if (ending !== undefined && !("resultOf" in value)) throw new TypeError("a step follows the end");
      if ("end" in value) {
        // A transaction that only reads can be repeated, whatever happened to its commit.
        committing = value.end === "write";
        ending = send(connection.query("commit"));
        step = work.next([]);
        continue;
      }
      const result =
        "resultOf" in value ? deferred.get(value.resultOf) : send(runStep(connection, value, limits.pages));
      if (result === undefined) throw new TypeError("the result of a statement was read that was not deferred");
      if ("mails" in value) effects.mails = true;
      if ("deferred" in value) deferred.set(value, result);
      if ("deferred" in value || "advisoryLock" in value) {
        step = work.next([]);
      } else {
        const { rows } = await result;
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
    // PostgreSQL responds with ROLLBACK to the commit of a transaction in which a statement failed.
    if (command !== "COMMIT") throw new PostgresFailure(aborted);
    await Promise.all(sent);
    return { value: step.value, storeNowMs, effects };
  } catch (error) {
    const cause = await firstFailure(sent, error);
    if (!(cause instanceof PostgresFailure)) {
      await rollBack(connection);
      throw cause;
    }
    if (cause.breaking) connection.destroy();
    // The next user of the connection must not send a statement by a name whose preparation might have failed.
    else await (ending?.catch(() => undefined) ?? rollBack(connection));
    throw new TransactionFailure(cause, committing && cause.breaking);
  }
}

/** The code for each statement behind a failed one. */
const aborted = "25P02";

/** Statements travel together. The failures of later statements follow from the first one. */
async function firstFailure(sent: readonly Promise<unknown>[], error: unknown): Promise<unknown> {
  if (!(error instanceof PostgresFailure)) return error;
  for (const result of sent) {
    try {
      await result;
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
 * One message, so that it costs no round trip. The settings are for this transaction only, because a pooler gives the
 * server process to other clients afterwards. Each time it checks for the primary, because behind a pooler or a proxy
 * the server can be another one than before.
 */
const beginText = ({ statementMs, idleMs }: TransactionLimits): string => `begin isolation level read committed; select
    case when pg_is_in_recovery() or current_setting('transaction_read_only')::boolean then 1 else 0 end as standby,
    floor(extract(epoch from clock_timestamp()) * 1000)::bigint as now_ms,
    set_config('statement_timeout', '${statementMs}', true) as s,
    set_config('idle_in_transaction_session_timeout', '${idleMs}', true) as i`;

async function rollBack(connection: PostgresConnection): Promise<void> {
  try {
    if (connection.usable) await connection.query("rollback");
  } catch {
    connection.destroy();
  }
}

function runStep(
  connection: PostgresConnection,
  step: Statement | AdvisoryLock,
  pages = "",
): Promise<QueryResult<Row>> {
  if ("advisoryLock" in step) {
    const lock = step.isShared ? "pg_advisory_xact_lock_shared" : "pg_advisory_xact_lock";
    return connection.query(`select 1 as locked from ${lock}(hashtextextended($1, 0))`, [step.advisoryLock]);
  }
  return connection.query(numbered(step.sql) + (step.lock ? locks[step.lock] : ""), withPages(step, pages));
}

const locks: Readonly<Record<RowLock, string>> = {
  share: " for share",
  update: " for update",
  skipLocked: " for update skip locked",
};

const texts = new Map<string, string>();

/** Replaces `?` by `$1`, `$2`, …. No text of Ampho has a question mark of another kind. */
function numbered(sql: string): string {
  const known = texts.get(sql);
  if (known !== undefined) return known;
  let n = 0;
  const text = sql.replace(/\?/g, () => `$${++n}`);
  texts.set(sql, text);
  return text;
}
