// The clocks of the tests: one that only the test moves, and one that runs with the machine and can jump ahead.
import type { Clock } from "../../dist/index.js";

export const start = 1_790_000_000;

export interface SettableClock extends Clock {
  /** Moves the time of day, and the monotonic time unless `seconds` is negative. */
  advance(seconds: number): void;
}

/** Stands still until the test advances it. */
export function settableClock(now = start): SettableClock {
  let seconds = now;
  let ms = 0;
  return {
    now: () => seconds,
    monotonicMs: () => ms,
    advance: (by) => {
      seconds += by;
      ms += Math.max(0, by) * 1000;
    },
  };
}

/** Runs with the machine's clock, which real servers and their clients share. */
export function runningClock(): SettableClock {
  let offsetSeconds = 0;
  return {
    now: () => Math.floor(Date.now() / 1000) + offsetSeconds,
    monotonicMs: () => performance.now() + offsetSeconds * 1000,
    advance: (by) => {
      offsetSeconds += by;
    },
  };
}
