// Saves a history to a file, for a look at it.
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { History, Violation } from "./history.js";

/** Into a temporary folder that is kept. Returns the path of the file. */
export function saveHistory(history: History, violations: readonly Violation[]): string {
  const file = join(mkdtempSync(join(tmpdir(), "ampho-history-")), `${history.store}-${history.seed}.json`);
  writeFileSync(file, JSON.stringify({ violations, history }));
  return file;
}

/** One line for each violation, with its proof. */
export function describeViolations(violations: readonly Violation[]): string {
  return violations
    .map(
      ({ statement, because, operations }) =>
        `${statement}: ${because} (operations ${operations.map(({ n }) => n).join(" ")})`,
    )
    .join("\n");
}
