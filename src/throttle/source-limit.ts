// The arithmetic of one address or network (docs/operate/throttling.md): how many different logins can fail from it
// within the window. After that it must wait before it can try another login, each time twice as long.
import { type Judgement, pendingSeconds, skewMaxSeconds } from "./attempt-counter.js";

export interface SourceLimits {
  readonly logins: number;
  readonly windowSeconds: number;
}

/** One login that was attempted from this source. Times are Unix seconds, and 0 is long ago. */
export interface SourceEntry {
  /** The beginning of the key of the login's counter. */
  readonly subject: string;
  /** A failure is remembered until then. 0: there was none. */
  readonly failedUntil: number;
  readonly pending: number;
  readonly pendingUntil: number;
}

export interface SourceState {
  readonly entries: readonly SourceEntry[];
  /** How often in a short time the limit was reached. */
  readonly level: number;
  readonly nextAt: number;
}

export const emptySource: SourceState = { entries: [], level: 0, nextAt: 0 };

/** The longest wait is 2^4 windows, which is four hours with a window of 15 minutes. */
const levelMax = 5;
/** In windows: how long after its end a wait makes the next one longer. */
const levelKept = 4;
/** In windows: how long a source is remembered at most. */
export const sourceKeptWindows = 2 ** (levelMax - 1) + levelKept;

/** The source as it is at `now`: unsettled attempts have failed, and old failures are forgotten. */
export function sourceAt(source: SourceState, { windowSeconds }: SourceLimits, now: number): SourceState {
  const entries: SourceEntry[] = [];
  for (const entry of source.entries) {
    const isLeft =
      entry.pending > 0 && (now >= entry.pendingUntil || entry.pendingUntil > now + pendingSeconds + skewMaxSeconds);
    const failedUntil = isLeft ? Math.max(entry.failedUntil, entry.pendingUntil + windowSeconds) : entry.failedUntil;
    const pending = isLeft ? 0 : entry.pending;
    // No failure is remembered for longer, so the clock was set back.
    const failed = failedUntil > now && failedUntil <= now + windowSeconds + pendingSeconds + skewMaxSeconds;
    if (failed || pending > 0) entries.push({ ...entry, failedUntil: failed ? failedUntil : 0, pending });
  }
  const isOver = now >= source.nextAt + levelKept * windowSeconds;
  const isAhead = source.nextAt > now + 2 ** (levelMax - 1) * windowSeconds + skewMaxSeconds;
  return { ...source, entries, ...(isOver || isAhead ? { level: 0, nextAt: 0 } : {}) };
}

/** `source` comes from `sourceAt`. A login that was attempted from here already costs nothing more. */
export function judgeSource(source: SourceState, subject: string, limits: SourceLimits, now: number): Judgement {
  const { entries, nextAt } = source;
  if (entries.some((entry) => entry.subject === subject)) return { outcome: "allowed" };
  if (now < nextAt) return { outcome: "rejected", locked: false, retryAfterSeconds: nextAt - now };
  if (entries.length < limits.logins) return { outcome: "allowed" };
  const failed = entries.filter(({ failedUntil }) => failedUntil > 0).map(({ failedUntil }) => failedUntil);
  if (failed.length < limits.logins) return { outcome: "pending" };
  return { outcome: "rejected", locked: false, retryAfterSeconds: Math.max(1, Math.min(...failed) - now) };
}

export function takeAttemptAt(source: SourceState, subject: string, now: number): SourceState {
  const { failedUntil, pending } = entryOf(source, subject);
  return withEntry(source, { subject, failedUntil, pending: pending + 1, pendingUntil: now + pendingSeconds });
}

export function returnAttemptAt(source: SourceState, subject: string): SourceState {
  const entry = entryOf(source, subject);
  return withEntry(source, { ...entry, pending: Math.max(entry.pending - 1, 0) });
}

/** A user who knows the password of the login made its failures too. */
export const succeedAttemptAt = (source: SourceState, subject: string): SourceState =>
  withEntry(source, { ...entryOf(returnAttemptAt(source, subject), subject), failedUntil: 0 });

export function failAttemptAt(source: SourceState, subject: string, limits: SourceLimits, now: number): SourceState {
  const { logins, windowSeconds } = limits;
  const returned = returnAttemptAt(source, subject);
  const before = countFailed(returned);
  const failed = withEntry(returned, { ...entryOf(returned, subject), failedUntil: now + windowSeconds });
  if (countFailed(failed) === before || countFailed(failed) < logins) return failed;
  const level = Math.min(source.level + 1, levelMax);
  return { ...failed, level, nextAt: now + 2 ** (level - 1) * windowSeconds };
}

export const isUnused = ({ entries, level }: SourceState): boolean => entries.length === 0 && level === 0;

const entryOf = ({ entries }: SourceState, subject: string): SourceEntry =>
  entries.find((entry) => entry.subject === subject) ?? { subject, failedUntil: 0, pending: 0, pendingUntil: 0 };

function withEntry(source: SourceState, entry: SourceEntry): SourceState {
  const others = source.entries.filter(({ subject }) => subject !== entry.subject);
  const isUsed = entry.failedUntil > 0 || entry.pending > 0;
  return { ...source, entries: isUsed ? [...others, entry] : others };
}

const countFailed = ({ entries }: SourceState): number => entries.filter(({ failedUntil }) => failedUntil > 0).length;
