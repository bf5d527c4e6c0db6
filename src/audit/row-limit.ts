// A limit for rows of the audit log that strangers can cause with invented input. Without it, they fill the database.

const everySeconds = 60;
/** With more keys in a minute, the further ones get no row. */
const keysMax = 1_000;

/** True at most once a minute for each key. `now` is in seconds. */
export type RowLimit = (key: string, now: number) => boolean;

export function createRowLimit(): RowLimit {
  /** The times of the rows, oldest first. */
  const times = new Map<string, number>();
  return (key, now) => {
    for (const [old, at] of times) {
      // A time ahead was written before the clock was set back.
      if (at <= now && now - at < everySeconds) break;
      times.delete(old);
    }
    if (times.has(key) || times.size >= keysMax) return false;
    times.set(key, now);
    return true;
  };
}
