// The arithmetic of one counter of freeAttempts (docs/throttling.md): a few are free; behind them there is one at a time, and each
// wait is twice the one before. A try is taken before its password is looked at and counts until it is settled.
import { skewMaxSeconds } from "./clock-skew.js";

/** How many freeAttempts are free, for how long failures are remembered, and how many in a row are too many. */
export interface CounterLimits {
  readonly freeAttempts: number;
  readonly windowSeconds: number;
  readonly lockAfter: number;
}

/** Times are Unix seconds; 0 is long ago. */
export interface Counter {
  /** Wrong ones that are remembered; they make the waits. */
  readonly failures: number;
  /** Tries that were taken and are not settled. */
  readonly pending: number;
  /** Tries that are not settled by then count as wrong: their process has died. */
  readonly pendingUntil: number;
  /** Wrong ones in a row, however long they took (NIST SP 800-63B-4 §3.2.2). */
  readonly streak: number;
  /** The next try is allowed then. */
  readonly nextAt: number;
  /** Failures are forgotten then; the run of them is not. */
  readonly forgetAt: number;
  /** How many of the failures came from where; only as many sources as are worth it. */
  readonly sources: readonly FailureSource[];
}

export type FailureSource = readonly [from: string, failures: number];

export const emptyCounter: Counter = {
  failures: 0,
  pending: 0,
  pendingUntil: 0,
  streak: 0,
  nextAt: 0,
  forgetAt: 0,
  sources: [],
};

/** `pending`: nothing stands in the way but freeAttempts that are not settled yet. */
export type Judgement =
  | { readonly outcome: "admitted" | "pending" }
  | { readonly outcome: "refused"; readonly locked: boolean; readonly retryAfterSeconds: number };

/** Longer than any try takes: 5 s in the queue for passwords, and 6 s for the store. */
export const pendingSeconds = 15;

/** The first wait, as a part of the window: a minute of a quarter of an hour. */
const firstWaitParts = 15;
/** Nobody knows when a lock ends; asking again before the day has passed is useless. */
const lockedRetrySeconds = 86_400;

export function waitSeconds(failures: number, { freeAttempts, windowSeconds }: CounterLimits): number {
  if (failures < freeAttempts) return 0;
  const firstSeconds = Math.max(1, Math.ceil(windowSeconds / firstWaitParts));
  return Math.min(windowSeconds, firstSeconds * 2 ** Math.min(failures - freeAttempts, 30));
}

/** The counter as it is at `now`: what was left unsettled has failed, what is old is forgotten. */
export function counterAt(counter: Counter, limits: CounterLimits, now: number): Counter {
  let at = counter;
  const isLeft = at.pending > 0 && (now >= at.pendingUntil || at.pendingUntil > now + pendingSeconds + skewMaxSeconds);
  if (isLeft) at = { ...countFailures(at, at.pending, limits, Math.min(now, at.pendingUntil)), pending: 0 };
  if (at.pending === 0 && now >= at.forgetAt) at = { ...at, failures: 0, nextAt: 0, sources: [] };
  // No wait is that long: the clock was set back.
  return at.nextAt > now + limits.windowSeconds + skewMaxSeconds ? { ...at, nextAt: 0 } : at;
}

/** `counter` is one of `counterAt`. */
export function judgeCounter(counter: Counter, limits: CounterLimits, now: number): Judgement {
  const { failures, pending, streak, nextAt } = counter;
  if (streak >= limits.lockAfter) return { outcome: "refused", locked: true, retryAfterSeconds: lockedRetrySeconds };
  if (now < nextAt) return { outcome: "refused", locked: false, retryAfterSeconds: nextAt - now };
  const free = Math.min(Math.max(limits.freeAttempts - failures, 1), limits.lockAfter - streak);
  return { outcome: pending < free ? "admitted" : "pending" };
}

export function takeAttempt(counter: Counter, now: number): Counter {
  return { ...counter, pending: counter.pending + 1, pendingUntil: now + pendingSeconds };
}

/** Gives a try back: no password was looked at, or it was the right one. */
export function returnAttempt(counter: Counter): Counter {
  return { ...counter, pending: Math.max(counter.pending - 1, 0) };
}

/** More sources than these are no honest user's: their failures are never forgiven, only forgotten. */
const originsMax = 20;

/** `from` is undefined where nobody knows from where. */
export function failAttempt(counter: Counter, from: string | undefined, limits: CounterLimits, now: number): Counter {
  const failed = countFailures(returnAttempt(counter), 1, limits, now);
  if (from === undefined) return failed;
  const count = failuresFrom(counter, from) + 1;
  if (count === 1 && counter.sources.length >= originsMax) return failed;
  return { ...failed, sources: [...othersThan(counter, from), [from, count]] };
}

/**
 * Whoever knows the password ends the run of failures, and the failures from the same source were their own. Those from
 * elsewhere stay: a script that logs in each minute must not give an attacker new freeAttempts each minute.
 */
export function succeedAttempt(counter: Counter, from: string | undefined, { freeAttempts }: CounterLimits): Counter {
  const own = from === undefined ? 0 : failuresFrom(counter, from);
  const failures = Math.max(counter.failures - own, 0);
  const sources = from === undefined ? counter.sources : othersThan(counter, from);
  const nextAt = failures < freeAttempts ? 0 : counter.nextAt;
  return { ...resetStreak(returnAttempt(counter)), failures, sources, nextAt };
}

/** The run of failures is over, and nothing else. */
export function resetStreak(counter: Counter): Counter {
  return { ...counter, streak: 0 };
}

function failuresFrom({ sources }: Counter, from: string): number {
  return sources.find(([each]) => each === from)?.[1] ?? 0;
}

function othersThan({ sources }: Counter, from: string): readonly FailureSource[] {
  return sources.filter(([each]) => each !== from);
}

export function isEmpty({ failures, pending, streak }: Counter): boolean {
  return failures === 0 && pending === 0 && streak === 0;
}

function countFailures(counter: Counter, count: number, limits: CounterLimits, at: number): Counter {
  const failures = counter.failures + count;
  const wait = waitSeconds(failures, limits);
  const nextAt = wait === 0 ? counter.nextAt : at + wait;
  const forgetAt = Math.max(at, nextAt) + limits.windowSeconds;
  return { ...counter, failures, streak: counter.streak + count, nextAt, forgetAt };
}
