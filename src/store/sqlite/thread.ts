// The main side of the SQLite driver's thread. It starts the thread, starts it again when it dies, and matches replies.
// The thread keeps the process alive only while a call waits.
import { Worker } from "node:worker_threads";
import { AmphoError, ConfigurationError, isError } from "../../errors.js";
import { createSpareThreads } from "../../spare-threads.js";
import { DatabaseError, databaseUnavailable, instanceClosed } from "../database-error.js";
import { createListeners } from "../store.js";
import { type Failure, type Job, monotonicMs, type Reply, type Request, type WorkerData } from "./messages.js";

export type Thread = ReturnType<typeof startThread>;

/** Milliseconds: how long the thread can try, and how long this side waits for it. */
export interface Limits {
  readonly tryMs: number;
  readonly waitMs: number;
}

/** A lock that another process has for 5 s must only delay a write. No caller can wait longer than 6 s in all. */
const usual: Limits = { tryMs: 5200, waitMs: 5500 };

/** The limits of a call of a request that can still wait for `waitMs`. */
export const limitsOf = (waitMs: number): Limits => ({
  tryMs: Math.min(usual.tryMs, waitMs),
  waitMs: Math.min(usual.waitMs, waitMs + usual.waitMs - usual.tryMs),
});

const unavailable = (reason: string) => databaseUnavailable(new Error(reason));

const restartMs = { first: 50, last: 1000 };

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

const spareThreads = createSpareThreads();

export function startThread(data: Omit<WorkerData, "reopening">) {
  const waiting = new Map<number, Waiting>();
  let worker: Worker | undefined;
  let requests: Request[] = [];
  let lastId = 0;
  let startedBefore = false;
  let restart = { notBefore: 0, delayMs: restartMs.first };
  let closing: Promise<void> | undefined;
  const { report, ...listeners } = createListeners();

  function start(): Worker {
    const started =
      spareThreads.take() ??
      new Worker(new URL("./worker.js", import.meta.url), {
        name: "ampho-store",
        // Deno takes no such option, and gives no such warning.
        execArgv: process.versions["deno"] === undefined ? ["--disable-warning=ExperimentalWarning"] : [],
      });
    started.postMessage({ ...data, reopening: startedBefore } satisfies WorkerData);
    let reason = "the database thread ended";
    started.unref();
    started.on("message", settleAll);
    started.on("error", (error) => {
      reason = `the database thread failed: ${isError(error) ? error.message : "unknown"}`;
    });
    started.on("exit", () => {
      if (worker === started) lose(reason);
    });
    startedBefore = true;
    return started;
  }

  function lose(reason: string): void {
    worker = undefined;
    requests = [];
    restart = { notBefore: monotonicMs() + restart.delayMs, delayMs: Math.min(restart.delayMs * 2, restartMs.last) };
    for (const id of [...waiting.keys()]) settle(id)?.reject(unavailable(reason));
  }

  function settle(id: number): Waiting | undefined {
    const call = waiting.get(id);
    if (!call) return undefined;
    clearTimeout(call.timer);
    waiting.delete(id);
    if (waiting.size === 0) worker?.unref();
    return call;
  }

  function settleAll(replies: readonly Reply[]): void {
    restart = { ...restart, delayMs: restartMs.first };
    for (const reply of replies) {
      const call = settle(reply.id);
      if ("value" in reply && reply.effects) report(reply.effects);
      if ("value" in reply) call?.resolve(reply.value);
      else call?.reject(errorOf(reply.failure));
    }
  }

  /** Calls of one turn of the event loop travel together. */
  function post(request: Request): void {
    requests.push(request);
    if (requests.length > 1) return;
    queueMicrotask(() => {
      const together = requests;
      requests = [];
      try {
        worker?.postMessage(together);
      } catch {
        together.forEach(postAlone);
      }
    });
  }

  /** One call that cannot be copied to another thread must not take the others with it. */
  function postAlone(request: Request): void {
    try {
      worker?.postMessage([request]);
    } catch (error) {
      settle(request.id)?.reject(
        new TypeError("The input of a database operation cannot be copied to its thread.", { cause: error }),
      );
    }
  }

  function send(job: Job, { tryMs, waitMs }: Limits): Promise<unknown> {
    if (!worker) {
      // The data in memory was lost with its thread. An empty database in its place would be wrong.
      if (startedBefore && data.path === undefined)
        return Promise.reject(unavailable("the database in memory is lost"));
      if (monotonicMs() < restart.notBefore) return Promise.reject(unavailable("the database thread starts again"));
      worker = start();
    }
    if (waiting.size === 0) worker.ref();
    const id = ++lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => settle(id)?.reject(unavailable("the database thread does not respond")), waitMs);
      waiting.set(id, { resolve, reject, timer });
      post({ id, deadline: monotonicMs() + tryMs, job });
    });
  }

  async function finish(): Promise<void> {
    const last = worker;
    if (!last) return;
    try {
      await send({ kind: "close" }, usual);
    } catch {
      // The thread is dead or stuck, and there is nothing more to wait for.
      await last.terminate();
      return;
    }
    // The package keeps a closed file open until its statements are collected, or until the end of the thread.
    if (worker === last && (data.driver === "node" || data.path === undefined)) spareThreads.keep(last);
    else await last.terminate();
  }

  return {
    /** Rejects with AmphoError `unavailable`, DatabaseError or ConfigurationError. */
    // The value was created by the same build on the other side of the thread.
    run: <T>(job: Job, limits = usual): Promise<T> =>
      closing ? Promise.reject(instanceClosed()) : (send(job, limits) as Promise<T>),
    /** How many calls wait for a reply. */
    waiting: () => waiting.size,
    listeners,
    close: () => (closing ??= finish()),
  };
}

function errorOf({ kind, reason, rejection }: Failure): Error {
  if (rejection) return new AmphoError(rejection.code, reason, rejection.details);
  if (kind === "overloaded")
    return new AmphoError("overloaded", "The database is overloaded.", { retryAfterSeconds: 1 });
  if (kind === "open") return new DatabaseError(reason);
  if (kind === "configuration") return new ConfigurationError(reason);
  return kind === "internal" ? new Error(reason) : unavailable(reason);
}
