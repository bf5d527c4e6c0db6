// The one place that time comes from. Whole seconds decide; the monotonic clock measures waiting.

export interface Clock {
  /** Whole Unix seconds. */
  now(): number;
  /** Milliseconds since some start, never going back. */
  monotonicMs(): number;
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Math.floor(Date.now() / 1000),
  monotonicMs: () => performance.now(),
};
