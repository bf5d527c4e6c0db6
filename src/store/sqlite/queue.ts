// The queue for the database, in the worker. Reads and writes that wait together share one transaction, and writes one
// fsync. Their replies are sent after the commit. If a job fails, they run again in a savepoint each.
// Nothing waits inside SQLite. While another process has the write lock, the queue retries and runs reads meanwhile.
import { AmphoError, ConfigurationError } from "../../errors.js";
import { DatabaseError } from "../database-error.js";
import type { Access } from "../operations.js";
import { noEffects, type Transaction } from "../transaction.js";
import type { SqliteConnection } from "./connection.js";
import { SqliteFailure } from "./failure.js";
import { type Failure, monotonicMs, type Reply } from "./messages.js";

export interface QueuedJob {
  readonly id: number;
  readonly deadline: number;
  readonly access: Access;
  readonly start: () => Transaction<unknown>;
}

/** The pause before another attempt to get the write lock. */
const retryMs = 4;
/** Limited, so that reads between batches do not wait long. */
const batchMax = 256;
/** How long a background job lets others go first. Under constant load it still gets a turn. */
const patienceMs = 200;
/** While another process has the lock, writes pile up. Beyond this number they are rejected, not kept in memory. */
const writesMax = 10_000;

export interface ConnectionHolder {
  /** The open connection, opened again if necessary. */
  get(): SqliteConnection;
  /** Gives the connection up after a failure that might have broken it. */
  drop(): void;
}

export function createQueue(connections: ConnectionHolder, send: (replies: readonly Reply[]) => void) {
  let reads: QueuedJob[] = [];
  let writes: QueuedJob[] = [];
  let background: (QueuedJob & { readonly since: number })[] = [];
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
    if (reads.length > 0 && runTogether(reads, "begin")) reads = [];
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

  function withoutLate<J extends QueuedJob>(jobs: J[]): J[] {
    const now = monotonicMs();
    return jobs.filter((job) => {
      if (job.deadline > now) return true;
      replies.push({ id: job.id, failure: { kind: "unavailable", reason: "the database was locked for too long" } });
      return false;
    });
  }

  /** False: the database is busy, and the jobs run again later. */
  function commitBatch(): boolean {
    const batch = nextBatch();
    if (!runTogether(batch, "begin immediate")) return false;
    if (batch[0] === background[0]) background = background.slice(1);
    else writes = writes.slice(batch.length);
    return true;
  }

  /** The same for any jobs. All of them run in one transaction. */
  function runTogether(jobs: readonly QueuedJob[], begin: "begin" | "begin immediate"): boolean {
    try {
      const connection = connections.get();
      const run = <T>(runJob: (connection: SqliteConnection, job: QueuedJob) => T) =>
        inTransaction(connection, begin, () => jobs.map((job) => runJob(connection, job)));
      try {
        replies.push(...run(runJob));
      } catch (error) {
        if (isOfDatabase(error)) throw error;
        // Jobs nearly never fail, and a savepoint for each would cost two statements.
        replies.push(...run(runAlone));
      }
    } catch (error) {
      if (error instanceof SqliteFailure && error.passing) return false;
      failed(jobs, error);
    }
    return true;
  }

  /** A background job runs alone, so that no other reply waits for its commit. */
  function nextBatch(): readonly QueuedJob[] {
    const [patient] = background;
    if (patient && (writes.length === 0 || monotonicMs() - patient.since >= patienceMs)) return [patient];
    return writes.slice(0, batchMax);
  }

  function failed(jobs: readonly QueuedJob[], error: unknown): void {
    if (error instanceof SqliteFailure && error.breaking) connections.drop();
    const failure = toFailure(error);
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
        // SQLite has already rolled back, as it does when the disk is full. Or it cannot, and then nothing can stay
        // open.
        if (!(failure instanceof SqliteFailure && failure.message.includes("no transaction is active")))
          connections.drop();
      }
      throw error;
    }
  }

  return {
    add: (job: QueuedJob): void => {
      if (job.access === "read") reads.push(job);
      else if (job.access === "background") background.push({ ...job, since: monotonicMs() });
      else if (writes.length < writesMax) writes.push(job);
      else replies.push({ id: job.id, failure: { kind: "overloaded", reason: "too many writes wait" } });
      schedule(0);
    },
    /** Resolves when the queue is empty. */
    drained: () =>
      new Promise<void>((resolve) => {
        whenDrained.push(resolve);
        schedule(0);
      }),
  };
}

function runJob(connection: SqliteConnection, job: QueuedJob): Reply {
  const effects = noEffects();
  const value = connection.run(job.start(), effects);
  return effects.mails || effects.revoked.length > 0 ? { id: job.id, value, effects } : { id: job.id, value };
}

/** Runs one job in a savepoint. If it fails, only its own writes are rolled back. */
function runAlone(connection: SqliteConnection, job: QueuedJob): Reply {
  connection.exec("savepoint job");
  try {
    const reply = runJob(connection, job);
    connection.exec("release job");
    return reply;
  } catch (error) {
    if (isOfDatabase(error)) throw error;
    // Fails when SQLite has rolled everything back by itself. The whole batch has then failed.
    connection.exec("rollback to job");
    connection.exec("release job");
    return { id: job.id, failure: toFailure(error) };
  }
}

/** No job of the transaction can go on. */
const isOfDatabase = (error: unknown): boolean => error instanceof SqliteFailure && (error.breaking || error.passing);

function toFailure(error: unknown): Failure {
  const reason = error instanceof Error ? error.message : "unknown";
  if (error instanceof SqliteFailure) return { kind: "unavailable", reason };
  if (error instanceof DatabaseError) return { kind: "open", reason };
  if (error instanceof ConfigurationError) return { kind: "configuration", reason };
  if (error instanceof AmphoError) {
    const { code, details } = error;
    return { kind: "rejected", reason, rejection: { code, details } };
  }
  return { kind: "internal", reason };
}
