// Keeps the revocation set up to date by reading the database at start and four times a second. So this process rejects
// within one second what another process has revoked (docs/reference/contract.md §4, "Revocation").
import type { Clock } from "../clock.js";
import { AmphoError } from "../errors.js";
import type { Store } from "../store/store.js";
import type { RevocationSet } from "./revocation-set.js";

/**
 * From the start of one read to the start of the next, or to the end of a read that takes longer. A revocation that
 * comes just too late for a read of d1 ms is known after the next one of d2 ms, so after at most max(250, d1) + d2.
 * That is within a second if no read takes longer than 500 ms. (Counted from the end of a read, the interval would be
 * added to both.)
 */
const intervalMs = 250;
/** The bound for the revocations of other processes. */
const boundMs = 1000;
const sweepEverySeconds = 10;

export type RevocationFollower = ReturnType<typeof followRevocations>;

/** Starts to follow. Calls `report` once when reading begins to fail, and once when it works again. */
export function followRevocations(deps: {
  readonly store: Pick<Store, "readRevocations">;
  readonly revocations: RevocationSet;
  readonly clock: Clock;
  readonly report: (state: "failing" | "following", error?: unknown) => void;
}) {
  const { store, revocations, clock, report } = deps;
  let lastReadMs: number | undefined;
  let failing = false;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let sweptAt = clock.now();
  let readAt = sweptAt;
  let reading: Promise<void> | undefined;

  /**
   * After the read in progress, because its result can be older than this call, and two reads would undo each other.
   */
  function read(): Promise<void> {
    const own = Promise.resolve(reading)
      .then(readAll, readAll)
      .finally(() => {
        if (reading === own) reading = undefined;
      });
    reading = own;
    return own;
  }

  async function readAll(): Promise<void> {
    // Taken before the read. A row that is written during the read belongs to the next one.
    const sentMs = clock.monotonicMs();
    const now = clock.now();
    // A clock that ran ahead has dropped rows that are live for the corrected clock.
    let after = now < readAt ? 0 : revocations.after;
    for (;;) {
      const pageSentMs = clock.monotonicMs();
      const page = await readPage(after, now);
      if (page.storeNowMs !== undefined) clock.observe?.(page.storeNowMs, pageSentMs, clock.monotonicMs());
      const again = revocations.applyPage(page, after);
      // If a later page fails, the next read goes on behind this one.
      readAt = now;
      if (!again && !page.more) break;
      after = revocations.after;
    }
    lastReadMs = sentMs;
    if (Math.abs(now - sweptAt) >= sweepEverySeconds) {
      revocations.sweep(now);
      sweptAt = now;
    }
  }

  /** A page that hangs counts as a failure. All of them together can take longer. */
  function readPage(after: number, now: number) {
    const late = setTimeout(() => fail(new Error("it did not respond within a second")), boundMs).unref();
    return store.readRevocations({ after, now }).finally(() => clearTimeout(late));
  }

  async function turn(): Promise<void> {
    const startedMs = clock.monotonicMs();
    try {
      await read();
      if (failing) report("following");
      failing = false;
    } catch (error) {
      fail(error);
    }
    schedule(intervalMs - (clock.monotonicMs() - startedMs));
  }

  function fail(error: unknown): void {
    if (!failing && !stopped) report("failing", error);
    failing = true;
  }

  function schedule(ms: number): void {
    if (stopped) return;
    timer = setTimeout(() => void turn(), Math.max(ms, 0)).unref();
  }

  const processPause = watchProcessPause(clock, read);
  schedule(intervalMs);
  return {
    get hasRead() {
      return lastReadMs !== undefined;
    },
    /** Seconds since the last successful read. Undefined before the first. */
    lagSeconds: () => (lastReadMs === undefined ? undefined : (clock.monotonicMs() - lastReadMs) / 1000),
    /** Reads now. Rejects if the database does not respond. */
    read,
    /** The read that a guard waits for after a pause of this process. */
    pendingRead: processPause.pendingRead,
    stop() {
      stopped = true;
      processPause.stop();
      clearTimeout(timer);
    },
  };
}

/** False until the revocations were read once, and while they are older than allowed (0 is no limit). */
export function hasRecentRevocations(
  follower: Pick<RevocationFollower, "hasRead" | "lagSeconds">,
  lagMaxSeconds: number,
): boolean {
  // Called for each guarded request. Without a limit it does not read the clock.
  if (lagMaxSeconds === 0) return follower.hasRead;
  const lag = follower.lagSeconds();
  return lag !== undefined && lag <= lagMaxSeconds;
}

/** Throws `unavailable` if revocations can have been unknown here for longer than the bound. */
export function requireRecentRevocations({ lagSeconds }: Pick<RevocationFollower, "lagSeconds">): void {
  const lag = lagSeconds();
  if (lag !== undefined && lag * 1000 <= boundMs) return;
  const since = lag === undefined ? "not read yet" : `last read ${Math.floor(lag)} s ago`;
  throw new AmphoError("unavailable", `Revocations were ${since}.`, { retryAfterSeconds: 1 });
}

// Detects a pause of this process: SIGSTOP, a suspended VM or container, a blocked event loop. After a pause the
// revocations in memory can be older than docs/reference/contract.md §4 allows, so requests must wait for a read.

const checkMs = 250;
/** A shorter pause, even one that begins when a read is due, stays within the bound. */
const shortMs = 500;
/** After this long a request continues with the known revocations, as when the database is unreachable. */
const waitMaxMs = 1000;

/** `readAgain` reads the revocations. If it fails, requests continue. */
export function watchProcessPause(clock: Pick<Clock, "monotonicMs">, readAgain: () => Promise<unknown>) {
  let aliveMs = clock.monotonicMs();
  let reading: Promise<void> | undefined;

  /** After a pause, the read that a guard waits for. Nearly always undefined. Never rejects. */
  function pendingRead(): Promise<void> | undefined {
    const ms = clock.monotonicMs();
    if (ms - aliveMs > shortMs) {
      const own = atMost(waitMaxMs, readAgain()).finally(() => {
        if (reading === own) reading = undefined;
      });
      reading = own;
    }
    aliveMs = ms;
    return reading;
  }

  const timer = setInterval(pendingRead, checkMs);
  unref(timer);
  return { pendingRead, stop: () => clearInterval(timer) };
}

const atMost = (ms: number, work: Promise<unknown>): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    unref(timer);
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    work.then(done, done);
  });

/** Outside Node.js a timer can be a number. */
function unref(timer: { readonly unref?: () => unknown } | number): void {
  if (typeof timer === "object") timer.unref?.();
}
