// The arithmetic of one counter of attempts (docs/operate/throttling.md). After a few free failures, each wait is twice
// the one before. An attempt is taken before its password is checked, and counts until it is settled.

export interface CounterLimits {
  readonly freeAttempts: number;
  readonly windowSeconds: number;
  readonly lockAfter: number;
  /** Every attempt counts, and this long must pass until the next one. Undefined: waits grow after the free ones. */
  readonly everySeconds?: number | undefined;
  /** A solved captcha buys the attempt, so it need not wait. A lock holds. */
  readonly isBought?: boolean | undefined;
}

/** Times are Unix seconds, and 0 is long ago. */
export interface Counter {
  /** Failures that are remembered. They determine the waits. */
  readonly failures: number;
  readonly pending: number;
  /** Attempts that are not settled by then count as failed, because their process has died. */
  readonly pendingUntil: number;
  /** Failures in a row, however long they took (NIST SP 800-63B-4 §3.2.2). */
  readonly streak: number;
  readonly nextAt: number;
  /** Failures are forgotten then. The streak is not. */
  readonly forgetAt: number;
  /** The failures by source, for a limited number. With `everySeconds`, the times of the attempts. */
  readonly sources: readonly FailureSource[];
}

export type FailureSource = readonly [source: string, failures: number];

export const emptyCounter: Counter = {
  failures: 0,
  pending: 0,
  pendingUntil: 0,
  streak: 0,
  nextAt: 0,
  forgetAt: 0,
  sources: [],
};

/** `pending`: only attempts that are not settled yet are in the way. */
export type Judgement =
  | { readonly outcome: "allowed" | "pending" }
  | { readonly outcome: "rejected"; readonly locked: boolean; readonly retryAfterSeconds: number };

/** Longer than any attempt takes: 5 s in the queue for passwords, and 6 s for the database. */
export const pendingSeconds = 15;

/** The first wait is this fraction of the window: one minute of a quarter of an hour. */
const firstWaitFraction = 15;
/** The end of a lock is not known. To ask again before a day has passed is useless. */
const lockedRetrySeconds = 86_400;

export function waitSeconds(failures: number, { freeAttempts, windowSeconds }: CounterLimits): number {
  if (failures < freeAttempts) return 0;
  const firstSeconds = Math.max(1, Math.ceil(windowSeconds / firstWaitFraction));
  return Math.min(windowSeconds, firstSeconds * 2 ** Math.min(failures - freeAttempts, 30));
}

/** The counter as it is at `now`: unsettled attempts have failed, and old failures are forgotten. */
export function counterAt(counter: Counter, limits: CounterLimits, now: number): Counter {
  let at = counter;
  const isLeft = at.pending > 0 && (now >= at.pendingUntil || at.pendingUntil > now + pendingSeconds + skewMaxSeconds);
  if (isLeft) at = { ...countFailures(at, at.pending, limits, Math.min(now, at.pendingUntil)), pending: 0 };
  if (limits.everySeconds !== undefined) at = withoutOldTimes(at, limits.windowSeconds, now);
  if (at.pending === 0 && now >= at.forgetAt) at = { ...at, failures: 0, nextAt: 0, sources: [] };
  // No wait is that long, so the clock was set back.
  return at.nextAt > now + limits.windowSeconds + skewMaxSeconds ? { ...at, nextAt: 0 } : at;
}

export function judgeCounter(counter: Counter, limits: CounterLimits, now: number): Judgement {
  const { failures, pending, streak, nextAt } = counter;
  if (streak >= limits.lockAfter) return { outcome: "rejected", locked: true, retryAfterSeconds: lockedRetrySeconds };
  if (now < nextAt && limits.isBought !== true)
    return { outcome: "rejected", locked: false, retryAfterSeconds: nextAt - now };
  // Where each attempt waits for the one before, no two are allowed at once.
  const together = (limits.everySeconds ?? 0) > 0 ? 1 : limits.freeAttempts - failures;
  const free = Math.min(Math.max(together, 1), limits.lockAfter - streak);
  return { outcome: pending < free ? "allowed" : "pending" };
}

export function takeAttempt(counter: Counter, now: number): Counter {
  return { ...counter, pending: counter.pending + 1, pendingUntil: now + pendingSeconds };
}

/** Gives an attempt back, because its password was not checked or was right. */
export const returnAttempt = (counter: Counter): Counter => ({ ...counter, pending: Math.max(counter.pending - 1, 0) });

/** No honest user has more sources than this. The failures of further sources are never forgiven, only forgotten. */
const sourcesMax = 20;

/** `from` is the source of the attempt, undefined if it is not known. */
export function failAttempt(counter: Counter, from: string | undefined, limits: CounterLimits, now: number): Counter {
  const failed = countFailures(returnAttempt(counter), 1, limits, now);
  if (from === undefined || limits.everySeconds !== undefined) return failed;
  const count = failuresFrom(counter, from) + 1;
  if (count === 1 && counter.sources.length >= sourcesMax) return failed;
  return { ...failed, sources: [...othersThan(counter, from), [from, count]] };
}

/**
 * A success ends the streak, and forgives the failures of its source. Those of other sources stay, because a script
 * that signs in each minute must not give an attacker new attempts.
 */
export function succeedAttempt(counter: Counter, from: string | undefined, { freeAttempts }: CounterLimits): Counter {
  const own = from === undefined ? 0 : failuresFrom(counter, from);
  const failures = Math.max(counter.failures - own, 0);
  const sources = from === undefined ? counter.sources : othersThan(counter, from);
  const nextAt = failures < freeAttempts ? 0 : counter.nextAt;
  return { ...resetStreak(returnAttempt(counter)), failures, sources, nextAt };
}

export const resetStreak = (counter: Counter): Counter => ({ ...counter, streak: 0 });

/**
 * A sign of an attack: the failure that uses up the free attempts, or that makes as many in a row, or twice, four,
 * eight times as many. So an attacker who waits until failures are forgotten is seen.
 */
export function isAttacked(
  before: Counter,
  after: Counter,
  { freeAttempts }: Pick<CounterLimits, "freeAttempts">,
): boolean {
  const levelOf = ({ streak }: Counter) => Math.floor(Math.log2(streak / freeAttempts));
  return after.failures === freeAttempts || (after.streak >= freeAttempts && levelOf(after) > levelOf(before));
}

const failuresFrom = ({ sources }: Counter, from: string): number => sources.find(([each]) => each === from)?.[1] ?? 0;

const othersThan = ({ sources }: Counter, from: string): readonly FailureSource[] =>
  sources.filter(([each]) => each !== from);

export const isEmpty = ({ failures, pending, streak }: Counter): boolean =>
  failures === 0 && pending === 0 && streak === 0;

function countFailures(counter: Counter, count: number, limits: CounterLimits, at: number): Counter {
  const { windowSeconds, everySeconds } = limits;
  if (everySeconds !== undefined) return countTimes(counter, count, { ...limits, everySeconds }, at);
  const failures = counter.failures + count;
  const wait = waitSeconds(failures, limits);
  const nextAt = wait === 0 ? counter.nextAt : at + wait;
  const forgetAt = Math.max(at, nextAt) + windowSeconds;
  return { ...counter, failures, streak: counter.streak + count, nextAt, forgetAt };
}

/** Mails are counted by their times. A mail is no failure, so that they never lock anything. */
function countTimes(
  counter: Counter,
  count: number,
  { freeAttempts, windowSeconds, everySeconds }: CounterLimits & { readonly everySeconds: number },
  at: number,
): Counter {
  const failures = counter.failures + count;
  const last = counter.sources.length < sourcesMax ? undefined : counter.sources.at(-1);
  // Too many times to keep: the last ones count as one, at the latest of them.
  const earlier = last === undefined ? counter.sources : counter.sources.slice(0, -1);
  const sources: readonly FailureSource[] = [...earlier, [String(at), (last?.[1] ?? 0) + count]];
  let left = failures;
  let nextAt = everySeconds === 0 ? counter.nextAt : at + everySeconds;
  for (const [time, attempts] of sources) {
    if (left < freeAttempts) break;
    left -= attempts;
    nextAt = Math.max(nextAt, Number(time) + windowSeconds);
  }
  return { ...counter, failures, sources, nextAt, forgetAt: at + windowSeconds };
}

/** Also without times in the future, which a clock has left that was set back. */
function withoutOldTimes(counter: Counter, windowSeconds: number, now: number): Counter {
  const sources = counter.sources.filter(([time]) => {
    const at = Number(time);
    return now < at + windowSeconds && at <= now + skewMaxSeconds;
  });
  return { ...counter, sources, failures: sources.reduce((sum, [, attempts]) => sum + attempts, 0) };
}

/**
 * Seconds by which the times of two callers can differ, as each reads its clock before it waits for the database. Only
 * a time further ahead was written before the clock was set back.
 */
export const skewMaxSeconds = 15;
