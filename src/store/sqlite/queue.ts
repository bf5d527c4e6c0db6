// What waits for the database, in the worker. Reads are answered as they come; writes that wait together share one
// transaction and one fsync, each in a savepoint of its own, and are answered when that is committed.
// Nothing waits inside SQLite: while another process holds the write lock, this tries again and answers reads meanwhile.
import { ConfigurationError } from "../../errors.js";
import { DatabaseError } from "../database-error.js";
import type { Access } from "../operations.js";
import type { Transaction } from "../transaction.js";
import type { SqliteConnection } from "./connection.js";
import { SqliteFailure } from "./failure.js";
import { type Failure, monotonicMs, type Reply } from "./messages.js";

export interface Waiting {
  readonly id: number;
  readonly deadline: number;
  readonly access: Access;
  readonly start: () => Transaction<unknown>;
}

export interface Queue {
  add(job: Waiting): void;
  /** Resolves when nothing waits any more. */
  drained(): Promise<void>;
}

/** How often the write lock is tried for. */
const retryMs = 4;
/** So that reads between batches do not wait for long. */
const batchMax = 256;
/** So long a job in the background lets others go first: under a load that never stops it has its turn now and then. */
const patienceMs = 200;
/** While the lock is held elsewhere writes pile up: beyond this they are refused, not kept in memory. */
const writesMax = 10_000;

export interface Connections {
  /** The open connection, opened anew if need be. */
  get(): SqliteConnection;
  /** After a failure that may have broken it. */
  drop(): void;
  close(): void;
}

export function createQueue(connections: Connections, send: (replies: readonly Reply[]) => void): Queue {
  let reads: Waiting[] = [];
  let writes: Waiting[] = [];
  let background: (Waiting & { readonly since: number })[] = [];
  let replies: Reply[] = [];
  let scheduled = false;
  let whenDrained: (() => void)[] = [];

  function schedule(delayMs: number): void {
    if (scheduled) return;
    scheduled = true;
    if (delayMs === 0) setImmediate(turn);
    else setTimeout(turn, delayMs);
  }

  function flushReplies(): void {
    if (replies.length > 0) send(replies);
    replies = [];
  }

  function turn(): void {
    scheduled = false;
    reads = withoutLate(reads);
    writes = withoutLate(writes);
    background = withoutLate(background);
    reads = reads.filter((job) => !answerRead(job));
    flushReplies();
    const waits = writes.length + background.length > 0 && !commitBatch();
    flushReplies();
    if (waits || reads.length > 0) schedule(retryMs);
    else if (writes.length > 0 || background.length > 0) schedule(0);
    else {
      for (const resolve of whenDrained) resolve();
      whenDrained = [];
    }
  }

  function withoutLate<J extends Waiting>(jobs: J[]): J[] {
    const now = monotonicMs();
    return jobs.filter((job) => {
      if (job.deadline > now) return true;
      replies.push({ id: job.id, failure: { kind: "unavailable", reason: "the database was locked for too long" } });
      return false;
    });
  }

  /** False: busy, to be tried again. */
  function answerRead(job: Waiting): boolean {
    try {
      const connection = connections.get();
      const value = inTransaction(connection, "begin", () => connection.run(job.start()));
      replies.push({ id: job.id, value });
      return true;
    } catch (error) {
      if (error instanceof SqliteFailure && error.passing) return false;
      failed([job], error);
      return true;
    }
  }

  /** False: busy, to be tried again. */
  function commitBatch(): boolean {
    const batch = nextBatch();
    try {
      const connection = connections.get();
      const done = inTransaction(connection, "begin immediate", () => batch.map((job) => runAlone(connection, job)));
      replies.push(...done);
    } catch (error) {
      if (error instanceof SqliteFailure && error.passing) return false;
      failed(batch, error);
    }
    if (batch[0] === background[0]) background = background.slice(1);
    else writes = writes.slice(batch.length);
    return true;
  }

  /** A job in the background goes alone: nobody's answer waits for its commit. */
  function nextBatch(): readonly Waiting[] {
    const [patient] = background;
    if (patient && (writes.length === 0 || monotonicMs() - patient.since >= patienceMs)) return [patient];
    return writes.slice(0, batchMax);
  }

  function failed(jobs: readonly Waiting[], error: unknown): void {
    if (error instanceof SqliteFailure && error.breaking) connections.drop();
    const failure = failureOf(error);
    replies.push(...jobs.map(({ id }) => ({ id, failure })));
  }

  function inTransaction<T>(connection: SqliteConnection, begin: string, action: () => T): T {
    connection.exec(begin);
    try {
      const value = action();
      connection.exec("commit");
      return value;
    } catch (error) {
      try {
        connection.exec("rollback");
      } catch (failure) {
        // SQLite has already rolled back, as it does when the disk is full, or cannot: then nothing of it may stay open.
        if (!(failure instanceof SqliteFailure && failure.message.includes("no transaction is active")))
          connections.drop();
      }
      throw error;
    }
  }

  return {
    add: (job) => {
      if (job.access === "read") reads.push(job);
      else if (job.access === "background") background.push({ ...job, since: monotonicMs() });
      else if (writes.length < writesMax) writes.push(job);
      else replies.push({ id: job.id, failure: { kind: "overloaded", reason: "too many writes wait" } });
      schedule(0);
    },
    drained: () =>
      new Promise((resolve) => {
        whenDrained.push(resolve);
        schedule(0);
      }),
  };
}

/** One job of a batch: what it has written goes back alone when it fails. */
function runAlone(connection: SqliteConnection, job: Waiting): Reply {
  connection.exec("savepoint job");
  try {
    const value = connection.run(job.start());
    connection.exec("release job");
    return { id: job.id, value };
  } catch (error) {
    if (error instanceof SqliteFailure && (error.breaking || error.passing)) throw error;
    // Fails when SQLite has rolled everything back by itself: then the whole batch has failed.
    connection.exec("rollback to job");
    connection.exec("release job");
    return { id: job.id, failure: failureOf(error) };
  }
}

export function failureOf(error: unknown): Failure {
  const reason = error instanceof Error ? error.message : "unknown";
  if (error instanceof SqliteFailure) return { kind: "unavailable", reason };
  if (error instanceof DatabaseError) return { kind: "open", reason };
  if (error instanceof ConfigurationError) return { kind: "configuration", reason };
  return { kind: "internal", reason };
}
