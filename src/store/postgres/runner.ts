// Runs an operation on PostgreSQL: takes a connection, runs the transaction, and repeats it if the first attempt is
// undone for certain. The call ends within a time limit, the only way to detect a server that hangs.
import { setTimeout as pause } from "node:timers/promises";
import type { Transaction } from "../transaction.js";
import { PostgresFailure } from "./failure.js";
import type { Pool } from "./pool.js";
import type { StatementNames } from "./statement-names.js";
import { TransactionFailure, type TransactionResult, transact } from "./transact.js";

export interface CallLimits {
  /** Milliseconds until the call is given up. */
  readonly waitMs?: number;
  readonly urgent?: boolean;
  /** Uses no idle connection. */
  readonly fresh?: boolean;
}

/** Two calls that follow each other and hang are over within the 6 s of docs/reference/contract.md §5. */
export const usualMs = 4500;
/** The limit after a call without a response in time. */
const doubtfulMs = 1000;
const idleMs = 5000;
const attemptsMax = 6;
const lostMax = 3;

/** `pages`: AMPHO_APP_URL of the instance. */
export function createRunner(pool: Pool, names?: StatementNames, pages?: string) {
  let doubtful = false;

  async function attempt<T>(
    start: () => Transaction<T>,
    untilMs: number,
    { urgent = false, fresh = false }: CallLimits,
  ): Promise<TransactionResult<T>> {
    const connection = await pool.take(Math.max(untilMs - performance.now(), 1), urgent, fresh);
    const leftMs = Math.max(Math.ceil(untilMs - performance.now()), 1);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      connection.destroy();
    }, leftMs);
    try {
      return await transact(connection, start, { statementMs: leftMs, idleMs, pages });
    } catch (error) {
      throw late && error instanceof TransactionFailure
        ? new TransactionFailure(new PostgresFailure("late"), true)
        : error;
    } finally {
      clearTimeout(timer);
      pool.give(connection);
    }
  }

  return {
    /** Rejects with PostgresFailure, AmphoError `overloaded`, or the exception of the transaction. */
    async run<T>(start: () => Transaction<T>, limits: CallLimits = {}): Promise<TransactionResult<T>> {
      const { waitMs = usualMs } = limits;
      const untilMs = performance.now() + (doubtful ? Math.min(doubtfulMs, waitMs) : waitMs);
      for (let attempts = 1; ; ) {
        try {
          const done = await attempt(start, untilMs, limits);
          doubtful = false;
          return done;
        } catch (error) {
          const failure = error instanceof TransactionFailure ? error.failure : error;
          if (!(failure instanceof PostgresFailure)) throw failure;
          // The end of a request that had little time left shows nothing about the server.
          if (failure.code === "late" && waitMs >= doubtfulMs) {
            // After a failover or a cut the idle connections are as dead as this one. A call that only waited for a
            // connection knows nothing about the open ones, which can be new.
            if (error instanceof TransactionFailure && !doubtful) pool.dropIdle();
            doubtful = true;
          }
          // Repeats at once, for any number of statements, because each time there is one name less.
          if (names?.failed(failure)) continue;
          const pauseMs = Math.random() * 20 * 2 ** attempts;
          if (!(error instanceof TransactionFailure) || !canRepeat(error, failure, attempts)) throw failure;
          if (performance.now() + pauseMs >= untilMs) throw failure;
          await pause(pauseMs);
          attempts++;
        }
      }
    },
  };
}

/** A connection that was lost before its commit was sent has undone its transaction. */
function canRepeat({ uncertain }: TransactionFailure, failure: PostgresFailure, attempts: number): boolean {
  if (failure.undone) return attempts < attemptsMax;
  return failure.breaking && !uncertain && attempts < lostMax;
}
