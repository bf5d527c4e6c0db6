// Runs each file that failed once more, alone, so that scripts/tally.mjs knows which of them fail by chance. With more
// failed files than can be unstable, the result is known already.
//
//     node scripts/again.mjs FOLDER
import path from "node:path";
import { againName, readRuns } from "./reports.mjs";
import { unstableMax } from "./tally.mjs";
import { runVitest } from "./vitest-run.mjs";

const [folder = "."] = process.argv.slice(2);
const reports = path.resolve(folder);
const totalMs = 1_200_000;

const runs = readRuns(reports);
if (runs.reduce((sum, { failed }) => sum + failed.length, 0) <= unstableMax)
  for (const { name, node, args, cwd, failed } of runs)
    for (const [n, { file }] of failed.entries()) {
      process.stderr.write(`\nagain, alone: ${file}\n`);
      await runVitest({ name: againName(name, n), node, args, files: [file] }, { reports, totalMs, cwd });
    }
