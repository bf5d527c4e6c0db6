// The reports of the runs of a folder, as scripts/vitest-run.mjs writes them.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

const read = (folder, name) => {
  const file = path.join(folder, name);
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
};

/** One more run of file `n` of a run. */
export const againName = (name, n) => `${name}.again-${n}`;

/**
 * `files` are the results by file, `failed` has those with a failed test, and those that failed outside of their tests.
 */
export function readRuns(folder) {
  const names = readdirSync(folder).flatMap((file) => file.match(/^(.*)\.run\.json$/)?.[1] ?? []);
  return names
    .filter((name) => !name.includes(".again-"))
    .map((name) => {
      const run = read(folder, `${name}.run.json`);
      // A run that was killed wrote no results.
      const files = (read(folder, `${name}.json`)?.testResults ?? []).map((file) => toFile(file, run.cwd));
      const failed = files.filter(({ faults, isBroken }) => isBroken || faults.length > 0);
      const again = failed.map((_, n) => {
        const [file] = read(folder, `${againName(name, n)}.json`)?.testResults ?? [];
        const second = file && toFile(file, run.cwd);
        const isGreen = read(folder, `${againName(name, n)}.run.json`)?.passed === true;
        return second && { ...second, hasPassed: isGreen && !second.isBroken && second.faults.length === 0 };
      });
      return { name, ...run, files, failed, again };
    });
}

function toFile({ name, status, message, startTime, endTime, assertionResults: tests }, cwd) {
  // A test that was left out counts as a failure.
  const faults = tests.filter((test) => test.status !== "passed");
  return {
    file: path.relative(cwd, name),
    passed: tests.length - faults.length,
    faults,
    isBroken: status === "failed" && faults.length === 0,
    message,
    // Without its hooks and imports, which the watchdog of a run of another Node does not see.
    testsMs: endTime - startTime,
  };
}
