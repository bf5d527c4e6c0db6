// Durations, as parameters and requirements take them (docs/reference/contract.md §2): an integer of seconds, or a text
// such as `15m`, `14d` or `1h30m`.

type Days = "" | `${number}d`;
type Hours = "" | `${number}h`;
type Minutes = "" | `${number}m`;
type Seconds = "" | `${number}s` | `${number}`;

/**
 * Whole seconds, or a text such as `"15m"`, `"1h30m"` or `"14d"`, with the units in this order.
 * @example const ttl: Duration = "1h30m";
 */
export type Duration = number | Exclude<`${Days}${Hours}${Minutes}${Seconds}`, "">;

const number = "0|[1-9]\\d{0,15}";
const seconds = new RegExp(`^(?:${number})$`);
const units = new RegExp(`^(?=.)(?:(${number})d)?(?:(${number})h)?(?:(${number})m)?(?:(${number})s)?$`);

/** Returns the whole seconds, or undefined if the value is not a duration. Units come in the order d, h, m, s. */
export function parseDuration(value: unknown): number | undefined {
  const total = typeof value === "string" ? parseText(value) : value;
  return typeof total === "number" && Number.isSafeInteger(total) && total >= 0 ? total : undefined;
}

function parseText(text: string): number | undefined {
  if (seconds.test(text)) return Number(text);
  const match = units.exec(text);
  if (match === null) return undefined;
  const [days, hours, minutes, rest] = match.slice(1).map((digits) => Number(digits ?? 0));
  return (((days ?? 0) * 24 + (hours ?? 0)) * 60 + (minutes ?? 0)) * 60 + (rest ?? 0);
}

const unitSeconds = [
  ["d", 86_400],
  ["h", 3600],
  ["m", 60],
  ["s", 1],
] as const;

/** The shortest text that parseDuration reads as these seconds: `14d`, `1h30m`, `0s`. */
export function formatDuration(total: number): string {
  let left = total;
  const text = unitSeconds.map(([unit, size]) => {
    const count = Math.floor(left / size);
    left -= count * size;
    return count === 0 ? "" : `${count}${unit}`;
  });
  return text.join("") || "0s";
}
