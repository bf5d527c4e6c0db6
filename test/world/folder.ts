import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { atEndOfFile } from "./clean-up.js";

/** An empty folder, deleted after the file of tests. */
export function freshFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "ampho-test-"));
  atEndOfFile(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
