// One line for all the JSON reports in a folder: N passed, N failed. Ends with 0 when nothing failed and something passed.
// `node scripts/tally.mjs FOLDER N`: N is the number of runs that exited with an error.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

const [folder = ".", failedRuns = "0"] = process.argv.slice(2);
const linesOfMessage = 12;
let passed = 0;
let failed = 0;
for (const name of readdirSync(folder)) {
  // A run that hung wrote no report, but what it was doing.
  if (name === "hangs.txt") console.log(readFileSync(path.join(folder, name), "utf8"));
  if (!name.endsWith(".json")) continue;
  const report = JSON.parse(readFileSync(path.join(folder, name), "utf8"));
  // A file that could not be loaded counts as a failure, and so does a test that was left out.
  const broken = report.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0);
  passed += report.numPassedTests;
  failed += report.numFailedTests + report.numPendingTests + broken.length;
  for (const file of report.testResults) {
    const faults = file.assertionResults.filter((test) => test.status !== "passed");
    for (const test of faults)
      printFailure(name, file.name, `${test.fullName} (${test.status})`, test.failureMessages.join("\n"));
    if (broken.includes(file)) printFailure(name, file.name, "could not be loaded", file.message);
  }
}
// A run that failed without saying where.
if (failed === 0) failed = Number(failedRuns);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);

/** Prints failures again beside the count, because often only the end of a long log is kept. */
function printFailure(run, file, test, message = "") {
  const lines = message.split("\n").slice(0, linesOfMessage);
  console.log(["", `${run}: ${path.relative(process.cwd(), file)}: ${test}`, ...lines].join("\n  "));
}
