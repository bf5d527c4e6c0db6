// The only file that reads the time, except for the times of log lines. Decisions use whole seconds, and the monotonic
// clock measures durations.

/**
 * A clock for tests. The default is that of the machine, corrected by the database.
 * @example
 * let seconds = 1_800_000_000;
 * const clock: Clock = { now: () => seconds, monotonicMs: () => seconds * 1000 };
 * const ampho = await createAmpho({ databaseUrl: "sqlite::memory:", clock });
 */
export interface Clock {
  /** Whole Unix seconds. */
  now(): number;
  /** Milliseconds since some start. They never decrease. */
  monotonicMs(): number;
  /**
   * Takes a reading of the database's clock in Unix milliseconds, from a moment between two readings of `monotonicMs`.
   * @example
   * const observe = (databaseMs: number) => console.log(databaseMs);
   * const clock: Clock = { now: () => 1_800_000_000, monotonicMs: () => 0, observe };
   */
  readonly observe?: (databaseMs: number, sentMs: number, receivedMs: number) => void;
}

/** The largest leeway that can be configured, in seconds. Until then a process can accept an expired token. */
export const leewayMaxSeconds = 300;

/**
 * Returns true if `at` is at most `seconds` ago. A time further ahead than `aheadMax` was written before the clock was
 * set back. It does not count as recent until the clock has caught up. A value that is no number is not recent.
 */
export function isRecent(at: number, seconds: number, now: number, aheadMax = leewayMaxSeconds): boolean {
  return now - at <= seconds && at - now <= aheadMax;
}

/** The lifetime of a login transaction: NIST SP 800-63B-4 §3.1.3.2 allows ten minutes. */
export const transactionTtlSeconds = 600;

/**
 * An outside provider asks its user again after so long. It is sent with each login, because `max_age` makes the
 * provider report when the user has signed in there (OpenID Connect Core §3.1.2.1).
 */
export const outsideMaxAgeSeconds = 2_592_000;

/** How long after its beginning a recovery that removes the second factors begins to work. */
export const recoveryDelaySeconds = 86_400;

/**
 * The last second of the year 9999, the end of the times of RFC 3339. It is the largest time that a token can contain.
 */
export const numericDateMax = 253_402_300_799;

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Math.floor(Date.now() / 1000),
  monotonicMs: () => performance.now(),
};

/**
 * The clock of a database that many processes share, so that a fleet has one time. This process's monotonic clock
 * carries it from one observation to the next. Before the first observation it is the machine's clock. Calls `report`
 * when the machine's clock begins to differ by more than `toleranceSeconds`, and with 0 when it agrees again.
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
    // A correction by less than a second never decreases the time. A larger one means that the database's clock was
    // set.
    lastMs = ms < lastMs && lastMs - ms < 1000 ? lastMs : ms;
    return Math.floor(lastMs / 1000);
  }

  return {
    now,
    monotonicMs: machine.monotonicMs,
    observe(databaseMs, sentMs, receivedMs) {
      // The reading is from some moment of the interval. The offset moves as little as possible, so that it does not
      // follow the latency.
      const [least, most] = [databaseMs - receivedMs, databaseMs - sentMs];
      offsetMs = offsetMs === undefined ? (least + most) / 2 : Math.min(Math.max(offsetMs, least), most);
      const ahead = machine.now() - now();
      if (Math.abs(ahead) > toleranceSeconds === differs) return;
      differs = !differs;
      report(differs ? ahead : 0);
    },
  };
}

/**
 * Settles like the work, or rejects with `late()` after the limit. A later result is ignored. By default the timer
 * keeps the process alive, because a request waits.
 * @example await within(1_300, ready(), () => new AmphoError("unavailable", "The database did not respond."))
 */
export async function within<T>(
  limitMs: number,
  work: T | PromiseLike<T>,
  late: () => Error,
  { keepsAlive = true } = {},
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), limitMs);
    if (!keepsAlive) timer.unref();
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when the work ends, or after the time. */
export const atMost = (ms: number, work: Promise<void>): Promise<void> =>
  within(ms, work, () => new Error("The time is over.")).catch(() => undefined);
