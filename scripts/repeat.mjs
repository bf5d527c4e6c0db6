// Runs files of tests many times, with busy loops beside them, and lists the files that failed.
//
//     npm run test:repeat -- FILES [--times N] [--busy N]
//
// FILES are filters of vitest, such as test/gate/ or .system. `--times` is 20, and `--busy`, the number of loops that
// take a core each, is 0 by default.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { install, run } from "./install.mjs";
import { readRuns } from "./reports.mjs";
import { runVitest } from "./vitest-run.mjs";

const options = { times: { type: "string", default: "20" }, busy: { type: "string", default: "0" } };
const { values, positionals: files } = parseArgs({ allowPositionals: true, options });
const [times, busy] = [Number(values.times), Number(values.busy)];
if (files.length === 0 || !Number.isInteger(times) || times < 1 || !Number.isInteger(busy) || busy < 0) {
  process.stderr.write("Name the files: npm run test:repeat -- FILES --times 20 --busy 2\n");
  process.exit(2);
}
install();
run(process.execPath, ["scripts/build.mjs"]);

const reports = mkdtempSync(path.join(tmpdir(), "ampho-repeat-"));
const loops = Array.from({ length: busy }, () => new Worker("for (;;);", { eval: true }));
const limits = { reports, stallMs: 1_200_000, totalMs: 4 * 3_600_000 };
let passes = 0;
for (let n = 1; n <= times; n += 1)
  if (await runVitest({ name: `run-${n}`, args: ["--reporter=dot"], files }, limits)) passes += 1;
await Promise.all(loops.map((loop) => loop.terminate()));

const failures = new Map();
for (const { failed } of readRuns(reports))
  for (const { file, faults, message } of failed) {
    const [{ fullName, failureMessages } = { fullName: "failed outside of its tests", failureMessages: [message] }] =
      faults;
    const { count, first } = failures.get(file) ?? { count: 0, first: `${fullName}: ${failureMessages[0]}` };
    failures.set(file, { count: count + 1, first });
  }
rmSync(reports, { recursive: true });
for (const [file, { count, first }] of failures) console.log(`\n${count} of ${times}: ${file}\n  ${first}`);
console.log(`\n${passes} of ${times} runs passed, with ${busy} busy loops beside.`);
process.exitCode = passes === times ? 0 : 1;
