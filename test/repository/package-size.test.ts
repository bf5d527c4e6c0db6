// The goals of bench/package.mjs that measure no time and need no installation.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { execFileSync } from "../../scripts/child-process.mjs";
import { sizeRows } from "../../scripts/package-size.mjs";

it("files, bundles, parameters and documents are at most their goals, or what holds until then", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "ampho-size-"));
  try {
    const script = fileURLToPath(new URL("../../scripts/package.mjs", import.meta.url));
    execFileSync(process.execPath, [script, path.join(folder, "package")]);
    const rows = await sizeRows(path.join(folder, "package"));
    expect(rows.length).toBeGreaterThan(7);
    expect(rows.filter(({ value, goal, holds = goal }) => value > holds)).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);
