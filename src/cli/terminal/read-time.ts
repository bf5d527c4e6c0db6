// Reads a point in time: an ISO 8601 date or time, Unix seconds, or how long ago.
import { parseDuration } from "../../duration.js";
import { UsageError } from "../failures.js";

const iso = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)?)?$/;

/** Returns Unix seconds. A time without an offset is UTC, as in everything that Ampho prints. */
export function readTime(option: string, text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,12}$/.test(text)) return Number(text);
  const ago = parseDuration(text);
  if (ago !== undefined) return now - ago;
  const typed = text.replace(" ", "T");
  const zoned = !typed.includes("T") || /(?:Z|[+-]\d\d:\d\d)$/.test(typed) ? typed : `${typed}Z`;
  const ms = iso.test(text) ? Date.parse(zoned) : Number.NaN;
  if (Number.isNaN(ms)) {
    throw new UsageError(
      `${option} must be a time such as 2026-01-31 or 2026-01-31T23:59:59Z, Unix seconds, or a duration such as 15m or 7d.`,
    );
  }
  return Math.floor(ms / 1000);
}
