// A history in a file, to be looked at.
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { History, Violation } from "./history.js";

/** Into a temporary folder that stays; gives the file's path. */
export function saveHistory(history: History, violations: readonly Violation[]): string {
  const file = join(mkdtempSync(join(tmpdir(), "ampho-history-")), `${history.store}-${history.seed}.json`);
  writeFileSync(file, JSON.stringify({ violations, history }));
  return file;
}

/** One line a violation, with what proves it. */
export function describeViolations(violations: readonly Violation[]): string {
  return violations
    .map(
      ({ statement, because, operations }) =>
        `${statement}: ${because} (operations ${operations.map(({ n }) => n).join(" ")})`,
    )
    .join("\n");
}
