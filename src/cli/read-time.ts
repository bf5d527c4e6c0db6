// A point in time as somebody types it: an ISO 8601 date or time, Unix seconds, or how long ago.
import { UsageError } from "./failure.js";

const secondsOf: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
const iso = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)?)?$/;

/** Unix seconds. A time without an offset is UTC, as all that is printed. */
export function readTime(option: string, text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,12}$/.test(text)) return Number(text);
  const ago = /^(\d{1,9})([smhd])$/.exec(text);
  if (ago) return now - Number(ago[1]) * (secondsOf[ago[2] ?? ""] ?? 1);
  const typed = text.replace(" ", "T");
  const zoned = !typed.includes("T") || /(?:Z|[+-]\d\d:\d\d)$/.test(typed) ? typed : `${typed}Z`;
  const ms = iso.test(text) ? Date.parse(zoned) : Number.NaN;
  if (Number.isNaN(ms)) {
    throw new UsageError(`${option} may be 2026-01-31, 2026-01-31T23:59:59Z, Unix seconds, or 90s 15m 12h 7d`);
  }
  return Math.floor(ms / 1000);
}
