// The arithmetic of one address or network (docs/throttling.md): at how many different logins it may fail within the
// window. When they are used up it has to wait before it may try another login, each time twice as long.
import { skewMaxSeconds } from "./clock-skew.js";
import { type Judgement, pendingSeconds } from "./attempt-counter.js";

export interface PlaceLimits {
  /** Different logins. */
  readonly logins: number;
  readonly windowSeconds: number;
}

/** One login that was tried from here. Times are Unix seconds; 0 is long ago. */
export interface PlaceEntry {
  /** The beginning of the login's key. */
  readonly subject: string;
  /** A wrong password is remembered until then; 0: there was none. */
  readonly failedUntil: number;
  readonly pending: number;
  readonly pendingUntil: number;
}

export interface Place {
  readonly entries: readonly PlaceEntry[];
  /** How often the logins were used up, one time soon after the other. */
  readonly level: number;
  /** Another login may be tried then. */
  readonly nextAt: number;
}

export const emptyPlace: Place = { entries: [], level: 0, nextAt: 0 };

/** The longest wait is 2^4 windows: four hours of a quarter of an hour. */
const levelMax = 5;
/** In windows: for how long after its end a wait makes the next one longer. */
const levelKept = 4;
/** In windows: nothing of a place is remembered for longer. */
export const placeKept = 2 ** (levelMax - 1) + levelKept;

/** The place as it is at `now`: what was left unsettled has failed, what is old is forgotten. */
export function placeAt(place: Place, { windowSeconds }: PlaceLimits, now: number): Place {
  const entries: PlaceEntry[] = [];
  for (const entry of place.entries) {
    const isLeft =
      entry.pending > 0 && (now >= entry.pendingUntil || entry.pendingUntil > now + pendingSeconds + skewMaxSeconds);
    const failedUntil = isLeft ? Math.max(entry.failedUntil, entry.pendingUntil + windowSeconds) : entry.failedUntil;
    const pending = isLeft ? 0 : entry.pending;
    // Remembered for longer than anything is: the clock was set back.
    const failed = failedUntil > now && failedUntil <= now + windowSeconds + pendingSeconds + skewMaxSeconds;
    if (failed || pending > 0) entries.push({ ...entry, failedUntil: failed ? failedUntil : 0, pending });
  }
  const isOver = now >= place.nextAt + levelKept * windowSeconds;
  const isAhead = place.nextAt > now + 2 ** (levelMax - 1) * windowSeconds + skewMaxSeconds;
  return { ...place, entries, ...(isOver || isAhead ? { level: 0, nextAt: 0 } : {}) };
}

/** `place` is one of `placeAt`. A login that was tried from here already costs nothing more. */
export function judgePlace(place: Place, subject: string, limits: PlaceLimits, now: number): Judgement {
  const { entries, nextAt } = place;
  if (entries.some((entry) => entry.subject === subject)) return { outcome: "admitted" };
  if (now < nextAt) return { outcome: "refused", locked: false, retryAfterSeconds: nextAt - now };
  if (entries.length < limits.logins) return { outcome: "admitted" };
  const failed = entries.filter(({ failedUntil }) => failedUntil > 0).map(({ failedUntil }) => failedUntil);
  if (failed.length < limits.logins) return { outcome: "pending" };
  return { outcome: "refused", locked: false, retryAfterSeconds: Math.max(1, Math.min(...failed) - now) };
}

export function takeTryAt(place: Place, subject: string, now: number): Place {
  const { failedUntil, pending } = entryOf(place, subject);
  return withEntry(place, { subject, failedUntil, pending: pending + 1, pendingUntil: now + pendingSeconds });
}

export function returnTryAt(place: Place, subject: string): Place {
  const entry = entryOf(place, subject);
  return withEntry(place, { ...entry, pending: Math.max(entry.pending - 1, 0) });
}

/** Whoever knows the password of that login made its failures too. */
export function succeedTryAt(place: Place, subject: string): Place {
  return withEntry(place, { ...entryOf(returnTryAt(place, subject), subject), failedUntil: 0 });
}

export function failTryAt(place: Place, subject: string, limits: PlaceLimits, now: number): Place {
  const { logins, windowSeconds } = limits;
  const returned = returnTryAt(place, subject);
  const before = countFailed(returned);
  const failed = withEntry(returned, { ...entryOf(returned, subject), failedUntil: now + windowSeconds });
  if (countFailed(failed) === before || countFailed(failed) < logins) return failed;
  const level = Math.min(place.level + 1, levelMax);
  return { ...failed, level, nextAt: now + 2 ** (level - 1) * windowSeconds };
}

export function isUnused({ entries, level }: Place): boolean {
  return entries.length === 0 && level === 0;
}

function entryOf({ entries }: Place, subject: string): PlaceEntry {
  return entries.find((entry) => entry.subject === subject) ?? { subject, failedUntil: 0, pending: 0, pendingUntil: 0 };
}

function withEntry(place: Place, entry: PlaceEntry): Place {
  const others = place.entries.filter(({ subject }) => subject !== entry.subject);
  const isUsed = entry.failedUntil > 0 || entry.pending > 0;
  return { ...place, entries: isUsed ? [...others, entry] : others };
}

function countFailed({ entries }: Place): number {
  return entries.filter(({ failedUntil }) => failedUntil > 0).length;
}
