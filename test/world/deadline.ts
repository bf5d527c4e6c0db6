// Deadlines that the contract promises: a request that begins later must find the promise kept.
import { setTimeout } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { expect } from "vitest";

const pauseMs = 10;

/**
 * Repeats the check until it succeeds, and throws when a check that began more than `ms` after the call fails. A pause of this
 * process between two checks, as on a busy machine, does not count.
 */
export async function within(ms: number, isSo: () => boolean | Promise<boolean>): Promise<void> {
  let untilMs = performance.now() + ms;
  for (;;) {
    const askedMs = performance.now();
    if (await isSo()) return;
    if (askedMs > untilMs) throw new Error(`it was still not so after ${ms} ms`);
    const pausedMs = performance.now();
    await setTimeout(pauseMs);
    untilMs += Math.max(0, performance.now() - pausedMs - 5 * pauseMs);
  }
}

/** The promise of revocations: a value that is read a second later is the expected one. */
export async function withinSecond(read: () => unknown, expected: unknown): Promise<void> {
  let last: unknown;
  const isSo = async () => {
    last = await read();
    return isDeepStrictEqual(last, expected);
  };
  await within(1000, isSo).catch((error) => {
    expect(last).toEqual(expected);
    throw error;
  });
}

/** Starts a stopwatch that leaves out the time in which this process stood still. It returns the milliseconds so far. */
export function startStopwatch(): () => number {
  const startedMs = performance.now();
  let [tickMs, stoodMs] = [startedMs, 0];
  const tick = () => {
    const nowMs = performance.now();
    stoodMs += Math.max(0, nowMs - tickMs - 5 * pauseMs);
    tickMs = nowMs;
  };
  const timer = setInterval(tick, pauseMs).unref();
  return () => {
    clearInterval(timer);
    return performance.now() - startedMs - stoodMs;
  };
}
