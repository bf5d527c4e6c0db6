// Installs, builds, and runs the tests of one tier or of all. vitest.config.ts defines the tier of a file.
//
//     node scripts/test.mjs rooms|system|all [--reports FOLDER] [arguments of vitest]
//
// `--reports` writes one JSON report for each run into the folder, which scripts/tally.mjs reads. With arguments of vitest,
// other versions of Node are left out. A run that hangs is killed, and fails (watchdog.mjs).
import { mkdirSync } from "node:fs";
import path from "node:path";
import { install, root, run } from "./install.mjs";
import { runWatched } from "./watchdog.mjs";

/**
 * The projects of vitest.config.ts, and the runs of scripts/versions.mjs, that belong to each tier. The total holds for
 * all runs of a tier, and is several times what they need on two idle cores. A stall is longer than the timeout of any hook.
 */
const tiers = {
  rooms: { projects: ["rooms"], versions: [], stallMinutes: 8, totalMinutes: 25 },
  system: { projects: ["system"], versions: [[]], stallMinutes: 8, totalMinutes: 60 },
  all: { projects: ["rooms", "system", "install"], versions: [[], ["--further"]], stallMinutes: 20, totalMinutes: 180 },
};

const [name = "", ...rest] = process.argv.slice(2);
const tier = tiers[name];
if (tier === undefined) {
  process.stderr.write(`The first argument must be one of ${Object.keys(tiers).join(", ")}.\n`);
  process.exit(2);
}
const at = rest.indexOf("--reports");
const [, reports] = at < 0 ? [] : rest.splice(at, 2);
if (reports !== undefined) mkdirSync(reports, { recursive: true });

install();
run(process.execPath, ["scripts/build.mjs"]);

const json = ["--reporter=json", `--outputFile.json=${path.resolve(reports ?? "", `${name}.json`)}`];
const reporters = [
  ...(rest.some((one) => one.startsWith("--reporter")) ? [] : ["--reporter=default"]),
  "--reporter=scripts/progress.mjs",
  ...(reports === undefined ? [] : json),
];
const vitest = ["node_modules/vitest/vitest.mjs", "run", ...tier.projects.map((one) => `--project=${one}`)];
const versions = rest.length > 0 ? [] : tier.versions;
const endMs = performance.now() + tier.totalMinutes * 60_000;
const limits = () => ({ cwd: root, reports, totalMs: Math.round(endMs - performance.now()) });
// All of them run, so that one report shows every failure.
const ended = [
  await runWatched(process.execPath, [...vitest, ...reporters, ...rest], {
    ...limits(),
    stallMs: tier.stallMinutes * 60_000,
  }),
];
for (const args of versions) {
  const more = reports === undefined ? [] : [reports];
  ended.push(await runWatched(process.execPath, ["scripts/versions.mjs", ...args, ...more], limits()));
}
process.exitCode = ended.every(Boolean) ? 0 : 1;
