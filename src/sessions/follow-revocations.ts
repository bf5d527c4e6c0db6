// Keeps the revocation set in step with the store: read at start, then four times a second, so that what another process
// ended is refused here within one second (contract §4 "Revocation").

import type { Clock } from "../clock.js";
import { AmphoError } from "../errors.js";
import type { Store } from "../store/store.js";
import { watchProcessPause } from "./process-pause.js";
import type { RevocationSet } from "./revocation-set.js";

/**
 * From the beginning of one read to that of the next, or to the end of one that takes longer. What is written just too late
 * for a read of d1 ms is known after the next one of d2: after max(250, d1) + d2 at most. So within a second, if none takes
 * longer than 500 ms, or if one of 750 ms comes after one of 250. (Counted from its end, a pause would come on top of both.)
 */
const intervalMs = 250;
/** Within which what another process ended is refused here. */
const boundMs = 1000;
const sweepEverySeconds = 10;

export interface RevocationFollower {
  /** Seconds since the last read that the store answered; undefined before the first. */
  lagSeconds(): number | undefined;
  /** Whether the store has answered once. */
  readonly hasRead: boolean;
  /** Reads now; rejects when the store does not answer. */
  read(): Promise<void>;
  /** What a guard waits for after a processPause of this process. */
  pendingRead(): Promise<void> | undefined;
  stop(): void;
}

/** Starts following. `report` is told once when reading begins to fail, and once when it works again. */
export function followRevocations(deps: {
  readonly store: Pick<Store, "readRevocations">;
  readonly revocations: RevocationSet;
  readonly clock: Clock;
  readonly report: (state: "failing" | "following", error?: unknown) => void;
}): RevocationFollower {
  const { store, revocations, clock, report } = deps;
  let lastReadMs: number | undefined;
  let failing = false;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let sweptAt = clock.now();
  let readAt = sweptAt;
  let reading: Promise<void> | undefined;

  function read(): Promise<void> {
    const own = readAll().finally(() => {
      if (reading === own) reading = undefined;
    });
    reading = own;
    return own;
  }

  async function readAll(): Promise<void> {
    // Taken before the question: what is written while the store answers belongs to the next read.
    const askedMs = clock.monotonicMs();
    const now = clock.now();
    // A clock that ran ahead has passed over and dropped what is live by one that is right again.
    let after = now < readAt ? 0 : revocations.after;
    for (;;) {
      const pageAskedMs = clock.monotonicMs();
      const page = await store.readRevocations({ after, now });
      if (page.storeNowMs !== undefined) clock.observe?.(page.storeNowMs, pageAskedMs, clock.monotonicMs());
      if (!revocations.applyPage(page, after)) break;
      after = revocations.after;
    }
    lastReadMs = askedMs;
    readAt = now;
    if (Math.abs(now - sweptAt) >= sweepEverySeconds) {
      revocations.sweep(now);
      sweptAt = now;
    }
  }

  async function turn(): Promise<void> {
    const begunMs = clock.monotonicMs();
    // An answer that does not come is no better than none.
    const late = setTimeout(() => fail(new Error("it does not answer within a second")), boundMs);
    late.unref();
    try {
      await read();
      if (failing) report("following");
      failing = false;
    } catch (error) {
      fail(error);
    } finally {
      clearTimeout(late);
    }
    schedule(intervalMs - (clock.monotonicMs() - begunMs));
  }

  function fail(error: unknown): void {
    if (!failing && !stopped) report("failing", error);
    failing = true;
  }

  function schedule(ms: number): void {
    if (stopped) return;
    timer = setTimeout(() => void turn(), Math.max(ms, 0));
    timer.unref();
  }

  // What was asked before a processPause may have been answered before it too.
  const processPause = watchProcessPause(clock, () => Promise.resolve(reading).then(read, read));
  schedule(intervalMs);
  return {
    get hasRead() {
      return lastReadMs !== undefined;
    },
    lagSeconds: () => (lastReadMs === undefined ? undefined : (clock.monotonicMs() - lastReadMs) / 1000),
    read,
    pendingRead: processPause.pendingRead,
    stop() {
      stopped = true;
      processPause.stop();
      clearTimeout(timer);
    },
  };
}

/** Until the live revocations were read once, and when they are older than allowed (0: no limit), nobody is let in. */
export function hasRecentRevocations(
  follower: Pick<RevocationFollower, "hasRead" | "lagSeconds">,
  lagMaxSeconds: number,
): boolean {
  // Asked on each guarded request: without a limit no clock is read.
  if (lagMaxSeconds === 0) return follower.hasRead;
  const lag = follower.lagSeconds();
  return lag !== undefined && lag <= lagMaxSeconds;
}

/** Throws `unavailable` when what was revoked may be unknown here for longer than the bound. */
export function requireRecentRevocations({ lagSeconds }: Pick<RevocationFollower, "lagSeconds">): void {
  const lag = lagSeconds();
  if (lag !== undefined && lag * 1000 <= boundMs) return;
  const since = lag === undefined ? "not read yet" : `last read ${Math.floor(lag)} s ago`;
  throw new AmphoError("unavailable", `Revocations were ${since}.`, { retryAfterSeconds: 1 });
}
