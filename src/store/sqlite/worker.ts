// The worker side of the SQLite driver. It is a thread of its own, so that a lock or a slow disk blocks no event loop.
import { type MessagePort, parentPort } from "node:worker_threads";
import { systemClock } from "../../clock.js";
import { DatabaseError } from "../database-error.js";
import { sqliteDialect } from "../dialect.js";
import { currentVersion, listMigrations, migrateDown, migrateUp, newest } from "../migrations/migrate.js";
import { operations, startOperation } from "../operations.js";
import { readState } from "../sql/rows/state.js";
import { openConnection, type SqliteConnection } from "./connection.js";
import { loadDriver } from "./driver.js";
import { SqliteFailure } from "./failure.js";
import { type CallJob, type Job, monotonicMs, type Request, type WorkerData } from "./messages.js";
import { createQueue, type QueuedJob } from "./queue.js";

/** How long the next attempt to open waits after a failure, to spare a broken disk. */
const reopenMs = 100;
/** How often the worker checks that the path still names the open file. */
const lookMs = 250;

function createConnections(data: WorkerData) {
  let open: SqliteConnection | undefined;
  let worn = false;
  let everOpen = data.reopening;
  let lookedAt = 0;
  let failure: { readonly at: number; readonly error: unknown } | undefined;

  function close(): void {
    try {
      open?.close();
    } catch {
      // The connection is given up anyway.
    }
    open = undefined;
  }

  // A database in memory would be lost with its connection, and no other process can break it.
  const drop = data.path === undefined ? () => {} : abandon;

  /** The package closes nothing, and keeps a lock, until its statements are collected as garbage. */
  function abandon(): void {
    worn ||= open !== undefined && data.driver === "package";
    close();
  }

  function connect(): SqliteConnection {
    const connection = openConnection(loadDriver(data.driver), data.path, !everOpen, data.pages);
    if (everOpen && data.role === "store" && connection.run(currentVersion(sqliteDialect)) < newest) {
      connection.close();
      throw new DatabaseError("The database was replaced by one with another schema.");
    }
    return connection;
  }

  return {
    get: (): SqliteConnection => {
      const now = monotonicMs();
      if (open && now - lookedAt >= lookMs) {
        lookedAt = now;
        if (!open.isAtPath()) drop();
        // SQLite gives two connections of one process the same index. A connection that is left over must stay alone.
        if (worn) throw new DatabaseError("The files of the database were replaced.");
      }
      if (open) return open;
      if (failure && now - failure.at < reopenMs) throw failure.error;
      try {
        open = connect();
        everOpen = true;
        failure = undefined;
        return open;
      } catch (error) {
        if (!(error instanceof SqliteFailure && error.passing)) failure = { at: now, error };
        throw error;
      }
    },
    drop,
    close,
    /** There is a connection that only the end of this thread closes. */
    get worn() {
      return worn;
    },
  };
}

function startCall({ operation, input }: CallJob): Pick<QueuedJob, "access" | "start"> {
  return { access: operations[operation].access, start: () => startOperation(operation, input) };
}

const steps: Readonly<Record<(Job & { kind: "migrations" })["step"], Pick<QueuedJob, "access" | "start">>> = {
  up: { access: "write", start: () => migrateUp(sqliteDialect, systemClock.now()) },
  down: { access: "write", start: () => migrateDown(sqliteDialect) },
  version: { access: "read", start: () => currentVersion(sqliteDialect) },
  list: { access: "read", start: () => listMigrations(sqliteDialect) },
};

/** One database, until it is closed. */
function openWork(port: MessagePort, data: WorkerData): (requests: readonly Request[]) => void {
  const connections = createConnections(data);
  const queue = createQueue(connections, (replies) => {
    port.postMessage(replies);
    // Ends this thread alone. The next call starts it again.
    if (connections.worn) process.exit();
  });

  async function close(id: number): Promise<void> {
    await queue.drained();
    connections.close();
    // The main thread then keeps this one or ends it, because Deno cannot close this port.
    port.postMessage([{ id, value: undefined }]);
  }

  return (requests) => {
    for (const { id, deadline, job } of requests) {
      if (job.kind === "close") void close(id);
      else if (job.kind === "call") queue.add({ id, deadline, ...startCall(job) });
      else if (job.kind === "ping") queue.add({ id, deadline, access: "read", start: readState });
      else queue.add({ id, deadline, ...steps[job.step] });
    }
  };
}

function work(port: MessagePort): void {
  let run: ReturnType<typeof openWork> | undefined;
  port.on("message", (message: WorkerData | readonly Request[]) => {
    if ("role" in message) run = openWork(port, message);
    else run?.(message);
  });
}

if (parentPort) work(parentPort);
