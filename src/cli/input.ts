// Checks of what was typed that several commands share.
import { UsageError } from "./failures.js";

/** Takes whether each argument and option was typed. @throws UsageError unless exactly one of them was */
export function exactlyOne(given: Readonly<Record<string, boolean>>): void {
  if (Object.values(given).filter(Boolean).length === 1) return;
  const names = Object.keys(given);
  throw new UsageError(`Give exactly one of ${names.slice(0, -1).join(", ")} and ${names.at(-1)}.`);
}
