// The times and the result of all runs of a folder. The last line is N passed, N failed. Ends with 0 when nothing
// failed and something passed.
//
//     node scripts/tally.mjs FOLDER SECONDS TIER...
//
// A file that failed and then passed alone is unstable. It is listed, and does not fail the run, unless there are more
// than `unstableMax`. SECONDS is the time of all steps so far. A tier that did not end counts as a failure.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { readRuns } from "./reports.mjs";

export const unstableMax = 3;
const slowest = 15;
const linesOfMessage = 12;
const goalSeconds = 1_800;

const seconds = (ms) => `${(ms / 1_000).toFixed(0).padStart(6)} s`;

function printTimes({ name, wallMs, fileMs, files }) {
  const timed = files.map(({ file, testsMs }) => [file, fileMs[file] ?? testsMs]);
  const all = timed.sort(([, one], [, other]) => other - one);
  const sumMs = all.reduce((sum, [, ms]) => sum + ms, 0);
  console.log(`\n${name}: ${all.length} files\n${seconds(wallMs)}  wall time\n${seconds(sumMs)}  all files together`);
  for (const [file, ms] of all.slice(0, slowest)) console.log(`${seconds(ms)}  ${file}`);
}

const firstLines = (message = "") => message.split("\n").slice(0, linesOfMessage);

/** Failures are printed beside the count, because often only the end of a long log is kept. */
function printFile(run, { file, faults, isBroken, message }) {
  if (isBroken) console.log(["", `${run}: ${file}: failed outside of its tests`, ...firstLines(message)].join("\n  "));
  for (const { fullName, status, failureMessages } of faults)
    console.log(
      ["", `${run}: ${file}: ${fullName} (${status})`, ...firstLines(failureMessages.join("\n"))].join("\n  "),
    );
}

function printUnstable(run, { file, faults: [fault], message }) {
  const lines = fault ? [fault.fullName, ...firstLines(fault.failureMessages.join("\n"))] : firstLines(message);
  console.log(`\nunstable: ${file} (${run}) failed, and then passed alone${["", ...lines].join("\n  ")}`);
}

/** Returns whether nothing failed. */
function tally(folder, tookSeconds, tiers) {
  const runs = readRuns(folder);
  let [passed, failed] = [0, 0];
  for (const run of runs) printTimes(run);
  // A run that hung wrote no report, but what it was doing.
  const hangs = path.join(folder, "hangs.txt");
  if (existsSync(hangs)) console.log(readFileSync(hangs, "utf8"));
  const unstable = [];
  for (const run of runs) {
    for (const each of run.files) {
      const at = run.failed.indexOf(each);
      const again = at < 0 ? undefined : run.again[at];
      if (again?.hasPassed) unstable.push([run.name, each]);
      else if (at >= 0) printFile(run.name, each);
      passed += again?.hasPassed ? again.passed : each.passed;
      failed += again?.hasPassed ? 0 : each.faults.length + (each.isBroken ? 1 : 0);
    }
    // An error outside of every test, or a run that was killed.
    if (!run.passed && run.failed.length === 0) {
      console.log(`\n${run.name}: the run failed outside of its tests`);
      failed += 1;
    }
  }
  for (const tier of tiers)
    if (!existsSync(path.join(folder, `${tier}.ended`))) {
      console.log(`\nThe tier ${tier} did not end.`);
      failed += 1;
    }
  for (const [run, each] of unstable) printUnstable(run, each);
  if (unstable.length > unstableMax) failed += unstable.length;
  if (tookSeconds > goalSeconds)
    console.log(
      `\nAll steps took ${tookSeconds} s, ${tookSeconds - goalSeconds} s more than their goal of ${goalSeconds} s.`,
    );
  if (passed === 0 && failed === 0) failed = 1;
  console.log(`\n${passed} passed, ${failed} failed`);
  return failed === 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder = ".", tookSeconds = "0", ...tiers] = process.argv.slice(2);
  process.exit(tally(folder, Number(tookSeconds), tiers) ? 0 : 1);
}
