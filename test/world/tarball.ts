// The package as it is packed, made once in a run of the tests: by whichever file of tests needs it first.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestProject } from "vitest/node";

const variable = "PACKED_IN_THIS_RUN";
const root = path.resolve(import.meta.dirname, "../..");

/** Of the run, as `teardown` is. */
export function setup(project: TestProject): void {
  const folder = mkdtempSync(path.join(tmpdir(), "ampho-packed-"));
  process.env[variable] = folder;
  // In between it may have been built anew.
  project.onTestsRerun(async () => rmSync(path.join(folder, "done"), { recursive: true, force: true }));
}

export function teardown(): void {
  rmSync(process.env[variable] ?? "", { recursive: true, force: true });
}

/** The path of the tarball: of what is built, as it is built. */
export function packed(): string {
  const folder = process.env[variable];
  if (folder === undefined) throw new Error("the run of the tests was not set up");
  const done = path.join(folder, "done");
  if (!existsSync(done)) {
    const own = mkdtempSync(path.join(folder, "own-"));
    execFileSync("npm", ["pack", "--ignore-scripts", "--pack-destination", own], { cwd: root, stdio: "ignore" });
    try {
      renameSync(own, done);
    } catch {
      // Another was done before; its tarball is the same.
    }
  }
  const tarball = readdirSync(done).find((name) => name.endsWith(".tgz"));
  if (tarball === undefined) throw new Error("npm pack made no tarball");
  return path.join(done, tarball);
}
