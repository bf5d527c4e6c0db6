// The age of a token, by two clocks. The wall clock can be set. The monotonic clock can stop while a laptop sleeps, and
// starts again with each page. The one that saw more time pass counts. Of the server's times only `ttl` is used, so a device
// whose clock is wrong by a day still measures a quarter of an hour.
import type { StoredSession } from "./record.js";

/** Returns seconds. They are negative if the clock was set back since the token came. */
export type Age = (held: StoredSession) => number;

export function createAge(): Age {
  let seen: string | undefined;
  let receivedMonotonicMs = 0;
  return ({ id, receivedMs }) => {
    const ageMs = Date.now() - receivedMs;
    const nowMs = performance.now();
    if (seen !== id) {
      seen = id;
      receivedMonotonicMs = nowMs - ageMs;
    }
    return Math.max(ageMs, nowMs - receivedMonotonicMs) / 1000;
  };
}

/** True shortly before the end of the token, so that a request still arrives in time, and for an impossible age. */
export function isDue(ageSeconds: number, { ttl }: StoredSession): boolean {
  return ageSeconds < 0 || ageSeconds > ttl - Math.min(30, ttl / 5);
}
