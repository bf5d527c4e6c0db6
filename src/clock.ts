// The one place that time comes from. Whole seconds decide; the monotonic clock measures waiting.

export interface Clock {
  /** Whole Unix seconds. */
  now(): number;
  /** Milliseconds since some start, never going back. */
  monotonicMs(): number;
  /** What the store's clock said, Unix milliseconds, at some moment between two of `monotonicMs`. */
  readonly observe?: (storeMs: number, askedMs: number, answeredMs: number) => void;
}

/** The largest leeway that can be configured, in seconds. Until then a process can accept an expired token. */
export const leewayMaxSeconds = 300;

/** The last second of the year 9999, the end of the times of RFC 3339. It is the largest time that a token can contain. */
export const numericDateMax = 253_402_300_799;

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Math.floor(Date.now() / 1000),
  monotonicMs: () => performance.now(),
};

/**
 * The clock of a store that many processes share, carried forward by this process's monotonic clock from one observation
 * to the next: one fleet, one time, whatever its machines believe. Before the first observation it is the machine's.
 * `report` is told when the machine's clock begins to differ by more than `toleranceSeconds`, and with 0 when it is over.
 */
export function createStoreClock(
  machine: Clock,
  toleranceSeconds: number,
  report: (machineAheadSeconds: number) => void,
): Clock {
  let offsetMs: number | undefined;
  let lastMs = 0;
  let differs = false;

  function now(): number {
    if (offsetMs === undefined) return machine.now();
    const ms = machine.monotonicMs() + offsetMs;
    // A correction by less than a second never takes a second back; a store whose clock was set is followed.
    lastMs = ms < lastMs && lastMs - ms < 1000 ? lastMs : ms;
    return Math.floor(lastMs / 1000);
  }

  return {
    now,
    monotonicMs: machine.monotonicMs,
    observe(storeMs, askedMs, answeredMs) {
      // It said so at some moment of the interval. Moved as little as can be, the offset does not follow how long answers take.
      const [least, most] = [storeMs - answeredMs, storeMs - askedMs];
      offsetMs = offsetMs === undefined ? (least + most) / 2 : Math.min(Math.max(offsetMs, least), most);
      const ahead = machine.now() - now();
      if (Math.abs(ahead) > toleranceSeconds === differs) return;
      differs = !differs;
      report(differs ? ahead : 0);
    },
  };
}
