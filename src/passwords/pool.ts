// Hashing off the event loop, in worker threads with a lowered priority, fewer than there are cores. The threads pause
// when other processes want the cores (thread-rest.ts). A limited queue in front is fair, and sheds the jobs that would
// come too late. Nothing starts before the first job, and idle threads keep no process alive. A password goes to its
// thread as a string. It came as one in a request body, so a copy is on the heap already, and strings cannot be wiped.
// All times are durations of the monotonic clock. A job's way from queue to thread and back is one state.
import { availableParallelism } from "node:os";
import { performance } from "node:perf_hooks";
import { Worker } from "node:worker_threads";
import { AmphoError } from "../errors.js";
import type { SpareThreads } from "../spare-threads.js";
import { checkPasswordText, needsRehash, requirePasswordText } from "./hash.js";
import type { PasswordJob, PasswordJobResult } from "./hash-worker.js";
import { createPasswordQueue } from "./queue.js";
import { createThreadPause, spareMs } from "./thread-rest.js";

export interface PasswordPoolOptions {
  /** The number of threads, by default one fewer than there are cores, and at least one. */
  readonly size?: number;
  /** The time limit of a job, including its wait. */
  readonly patienceMs?: number;
  /** The limit of waiting jobs. */
  readonly queueLimit?: number;
  /** True (the default) lets threads pause when other processes want the cores. */
  readonly rests?: boolean;
  /** Gets the time that each job waited for a thread, also one that was given up, and the time that its thread took. */
  readonly measure?: PasswordMeasure | undefined;
  /** Threads of closed pools. Without it, the pool starts its threads and ends them. */
  readonly spareThreads?: SpareThreads | undefined;
}

export interface PasswordMeasure {
  waited(ms: number): void;
  hashed(ms: number): void;
}

export interface PasswordTurn {
  /** The key of the turn. Jobs of one key wait for each other, and jobs of other keys for one of them at a time. */
  readonly fairnessKey?: string;
  /** Goes before jobs without priority (three in four turns). */
  readonly priority?: boolean;
}

export interface HashCheck {
  readonly valid: boolean;
  /** The time of the thread without the wait, and 0 for a text that cannot be a password. */
  readonly tookMs: number;
}

export interface PasswordPoolStats {
  readonly size: number;
  readonly busy: number;
  /** Threads that leave the cores to others for a moment. */
  readonly resting: number;
  readonly waiting: number;
  /** The running mean of what one job takes its thread. */
  readonly meanMs: number;
  /** The jobs that were rejected or given up with `overloaded`. */
  readonly shed: number;
}

/** Every job rejects with `overloaded` if it would take or took too long, and with `unavailable` if a thread broke. */
export interface PasswordPool {
  /** Returns a PHC string. Rejects with `invalid_request` for a text that cannot be a password. */
  hash(password: string, turn?: PasswordTurn): Promise<string>;
  /** As `verify`, and how long it took its thread. */
  check(stored: string | undefined, password: string, turn?: PasswordTurn): Promise<HashCheck>;
  /** Without a hash (an unknown user, or one without a password) it does the same work and returns false. */
  verify(stored: string | undefined, password: string, turn?: PasswordTurn): Promise<boolean>;
  stats(): PasswordPoolStats;
  /** Gives the threads up. Waiting and running jobs reject with `unavailable`. Can be called twice. */
  close(): Promise<void>;
}

interface Pending {
  readonly job: PasswordJob;
  readonly timer: NodeJS.Timeout;
  readonly resolve: (result: PasswordJobResult) => void;
  readonly reject: (error: AmphoError) => void;
  readonly queuedMs: number;
  startedMs: number;
  /** True when its caller got an error already, whatever its thread does. */
  over: boolean;
}

interface Slot {
  worker: Worker | undefined;
  /** The job that its thread computes now. */
  running: Pending | undefined;
  /** The next job, sent early, so that the thread never waits for this one between two jobs. */
  next: Pending | undefined;
  /** Until its timer ends it gets nothing. */
  resting: NodeJS.Timeout | undefined;
}

const idleSlot: Slot = { worker: undefined, running: undefined, next: undefined, resting: undefined };

const defaults = {
  // The contract allows 5 s for a password. The rest is for the way there and back.
  patienceMs: 4_800,
  queueLimit: 1_000,
  // Believed until something has been measured.
  meanMs: 25,
};
const meanWeight = 0.1;
/** The part of the mean time after which the next job is sent: in time, and late enough to keep the order fair. */
const sendAheadAt = 0.5;

export function createPasswordPool(options: PasswordPoolOptions = {}): PasswordPool {
  const size = options.size ?? Math.max(1, availableParallelism() - 1);
  const {
    patienceMs = defaults.patienceMs,
    queueLimit = defaults.queueLimit,
    rests = true,
    measure,
    spareThreads,
  } = options;
  const queue = createPasswordQueue<Pending>();
  const slots = Array.from({ length: size }, (): Slot => ({ ...idleSlot }));
  const rest = createThreadPause(rests);
  let meanMs = defaults.meanMs;
  let shed = 0;
  let closing: Promise<unknown> | undefined;

  const free = (): Slot[] => slots.filter(({ running, resting }) => running === undefined && resting === undefined);
  const having = (name: keyof Slot): number => slots.filter((slot) => slot[name] !== undefined).length;
  const sentAhead = (): number => having("next");
  const spare = (): number => spareMs({ patienceMs, threads: size, waiting: queue.size, meanMs });

  function overloaded(): AmphoError {
    shed += 1;
    const drainSeconds = Math.ceil(((queue.size + sentAhead()) * meanMs) / size / 1000);
    const details = { retryAfterSeconds: Math.max(1, drainSeconds) };
    return new AmphoError("overloaded", "Too many passwords are being checked right now.", details);
  }

  function submit(job: PasswordJob, { fairnessKey = "", priority = false }: PasswordTurn): Promise<PasswordJobResult> {
    if (closing !== undefined) return Promise.reject(unavailable());
    if (free().length === 0) {
      // Pauses are ignored here, because threads do not pause under this load.
      const waitMs = ((queue.ahead(fairnessKey, priority) + sentAhead() + size) / size) * meanMs;
      if (waitMs + meanMs > patienceMs) return Promise.reject(overloaded());
      if (queue.size >= queueLimit) {
        const displaced = queue.displace(fairnessKey, priority);
        if (displaced === undefined) return Promise.reject(overloaded());
        giveUp(displaced, overloaded());
      }
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        queue.remove(pending);
        pending.over = true;
        if (pending.startedMs === 0) measure?.waited(patienceMs);
        pending.reject(overloaded());
      }, patienceMs);
      const pending: Pending = { job, timer, resolve, reject, queuedMs: performance.now(), startedMs: 0, over: false };
      queue.add(pending, fairnessKey, priority);
      if (spare() === 0) wake(...slots);
      else pump();
    });
  }

  function pump(): void {
    while (closing === undefined) {
      const idle = free();
      const slot = idle.find(({ worker }) => worker !== undefined) ?? idle[0];
      const pending = slot && queue.take();
      if (slot === undefined || pending === undefined) return;
      send(slot, pending);
      run(slot, pending);
    }
  }

  function send(slot: Slot, { job }: Pending): void {
    slot.worker ??= start(slot);
    slot.worker.postMessage(job);
  }

  /** From now on the thread computes this job, which it has got. */
  function run(slot: Slot, pending: Pending): void {
    slot.worker?.ref();
    slot.running = pending;
    pending.startedMs = performance.now();
    if (!pending.over) measure?.waited(pending.startedMs - pending.queuedMs);
    // No job waits behind a hash of another cost, which can take long while another thread becomes free. No job waits
    // for a thread that will pause afterwards.
    if (!rest.crowded && isOfToday(pending.job)) setTimeout(sendAhead, meanMs * sendAheadAt, slot, pending).unref();
  }

  function sendAhead(slot: Slot, running: Pending): void {
    if (slot.running !== running || closing !== undefined) return;
    slot.next = queue.take();
    if (slot.next !== undefined) send(slot, slot.next);
  }

  function start(slot: Slot): Worker {
    // Without the flags of the process: a loader of the application's has no business here.
    const worker = spareThreads?.take() ?? new Worker(new URL("./hash-worker.js", import.meta.url), { execArgv: [] });
    worker.unref();
    // A thread that has ended can still deliver a late result, which must not settle the next job.
    worker.on("message", (result: PasswordJobResult) => {
      if (slot.worker === worker) finish(slot, result);
    });
    const dropped = (cause?: unknown): void => {
      if (slot.worker === worker) drop(slot, cause);
    };
    // An error here is of the thread, such as a binary that cannot be loaded, and never of a password.
    return worker.on("error", dropped).on("exit", () => dropped());
  }

  function finish(slot: Slot, result: PasswordJobResult): void {
    const { running, next, worker } = slot;
    slot.running = undefined;
    slot.next = undefined;
    // Capped: a machine that slept through a job must not look overloaded afterwards.
    const tookMs = Math.min(result.tookMs, patienceMs);
    meanMs += meanWeight * (tookMs - meanMs);
    const restMs = Math.min(rest.after(result), spare());
    measure?.hashed(tookMs);
    if (next !== undefined) run(slot, next);
    else {
      worker?.unref();
      if (restMs > 0) slot.resting = setTimeout(wake, restMs, slot).unref();
    }
    if (running !== undefined) {
      clearTimeout(running.timer);
      // If the job was given up, its caller has an error already, and this settles nothing.
      if (result.output === undefined) running.reject(unavailable());
      else running.resolve(result);
    }
    pump();
  }

  function wake(...woken: readonly Slot[]): void {
    for (const slot of woken) {
      clearTimeout(slot.resting);
      slot.resting = undefined;
    }
    pump();
  }

  /** The thread died, and its job is lost. The next job starts another. */
  function drop(slot: Slot, cause?: unknown): void {
    const { running, next } = slot;
    clearTimeout(slot.resting);
    Object.assign(slot, idleSlot);
    if (running !== undefined) giveUp(running, unavailable(cause));
    if (next?.over === false && closing === undefined) {
      send(slot, next);
      run(slot, next);
    }
    pump();
  }

  async function check(stored: string | undefined, password: string, turn: PasswordTurn = {}): Promise<HashCheck> {
    if (checkPasswordText(password) !== undefined) return { valid: false, tookMs: 0 };
    const { output, tookMs } = await submit({ kind: "verify", password, stored }, turn);
    return { valid: output === true, tookMs };
  }

  return {
    async hash(password, turn = {}) {
      requirePasswordText(password);
      const { output } = await submit({ kind: "hash", password }, turn);
      if (typeof output !== "string") throw unavailable();
      return output;
    },
    check,
    async verify(stored, password, turn) {
      return (await check(stored, password, turn)).valid;
    },
    stats() {
      const waiting = queue.size + sentAhead();
      return { size, busy: having("running"), resting: having("resting"), waiting, meanMs, shed };
    },
    async close() {
      closing ??= (async () => {
        for (const pending of queue.clear()) giveUp(pending, unavailable());
        for (const { running, next } of slots)
          for (const pending of [running, next]) if (pending !== undefined) giveUp(pending, unavailable());
        await Promise.all(
          slots.map(async ({ worker, running }) => {
            if (worker !== undefined && running === undefined && spareThreads) spareThreads.keep(worker);
            else await worker?.terminate();
          }),
        );
      })();
      await closing;
    },
  };
}

/** Returns whether the job takes about as long as most. */
const isOfToday = (job: PasswordJob): boolean =>
  job.kind === "hash" || job.stored === undefined || !needsRehash(job.stored);

function giveUp(pending: Pending, error: AmphoError): void {
  clearTimeout(pending.timer);
  pending.reject(error);
}

const unavailable = (cause?: unknown): AmphoError =>
  new AmphoError("unavailable", "Passwords cannot be checked right now.", { retryAfterSeconds: 1 }, { cause });
