// Calls of the store on PostgreSQL: a connection, a transaction, another try where the first is undone for certain, and an
// answer within a bound: a server that hangs, or a network that swallows everything, is told from a slow one by time only.
import { setTimeout as pause } from "node:timers/promises";
import type { Transaction } from "../transaction.js";
import { PostgresFailure } from "./failure.js";
import type { Pool } from "./pool.js";
import type { StatementNames } from "./statement-names.js";
import { TransactionFailure, type TransactionResult, transact } from "./transact.js";

export interface Runner {
  /** Rejects with PostgresFailure, AmphoError `overloaded`, or what the work throws. */
  run<T>(start: () => Transaction<T>, limits?: CallLimits): Promise<TransactionResult<T>>;
}

export interface CallLimits {
  /** Milliseconds until it is given up. */
  readonly waitMs?: number;
  readonly urgent?: boolean;
  /** By no connection that nobody has used for a while. */
  readonly fresh?: boolean;
}

/** Some calls follow one another: the first that hangs and one behind it are over within the 6 s of contract §5. */
const usualMs = 4500;
/** While the server is known not to answer. */
const doubtfulMs = 1000;
const idleMs = 5000;
const triesMax = 6;
const lostMax = 3;

export function createRunner(pool: Pool, names?: StatementNames): Runner {
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
      return await transact(connection, start, { statementMs: leftMs, idleMs });
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
    async run(start, limits = {}) {
      const { waitMs = usualMs } = limits;
      const untilMs = performance.now() + (doubtful ? Math.min(doubtfulMs, waitMs) : waitMs);
      for (let tries = 1; ; ) {
        try {
          const done = await attempt(start, untilMs, limits);
          doubtful = false;
          return done;
        } catch (error) {
          const failure = error instanceof TransactionFailure ? error.failure : error;
          if (!(failure instanceof PostgresFailure)) throw failure;
          if (failure.code === "late") {
            // What a failed-over or cut-off server has left is as dead as this one. Who has only waited for a connection
            // knows nothing of those that are there: they may have been opened a moment ago.
            if (error instanceof TransactionFailure && !doubtful) pool.dropIdle();
            doubtful = true;
          }
          // At once, and however many of its statements it is: each time there is a name less.
          if (names?.failed(failure)) continue;
          const pauseMs = Math.random() * 20 * 2 ** tries;
          if (!(error instanceof TransactionFailure) || !mayRepeat(error, failure, tries)) throw failure;
          if (performance.now() + pauseMs >= untilMs) throw failure;
          await pause(pauseMs);
          tries++;
        }
      }
    },
  };
}

/** A connection that was lost before its commit was sent has undone its transaction as well. */
function mayRepeat({ uncertain }: TransactionFailure, failure: PostgresFailure, tries: number): boolean {
  if (failure.undone) return tries < triesMax;
  return failure.breaking && !uncertain && tries < lostMax;
}
