// How old a token is, without believing any clock for long. The wall clock may be set, the monotonic one may stand still
// while a laptop sleeps and begins anew with each page: whichever saw more time pass is believed. The server's times are
// not looked at, only `ttl`: a device whose clock is wrong by a day measures a quarter of an hour all the same.
import type { StoredSession } from "./record.js";

/** Seconds; negative when the clock was set back since the token came. */
export type Age = (held: StoredSession) => number;

export function createAge(): Age {
  let seen: string | undefined;
  let receivedMonotonicMs = 0;
  return ({ token, receivedMs }) => {
    const ageMs = Date.now() - receivedMs;
    const nowMs = performance.now();
    if (seen !== token) {
      seen = token;
      receivedMonotonicMs = nowMs - ageMs;
    }
    return Math.max(ageMs, nowMs - receivedMonotonicMs) / 1000;
  };
}

/** Shortly before its end, so that a request still arrives in time; or its age makes no sense. */
export function isDue(ageSeconds: number, { ttl }: StoredSession): boolean {
  return ageSeconds < 0 || ageSeconds > ttl - Math.min(30, ttl / 5);
}
