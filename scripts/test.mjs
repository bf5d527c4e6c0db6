// Installs, builds, and runs the tests of one tier or of all. vitest.config.ts defines the tier of a file.
//
//     node scripts/test.mjs rooms|system|all [--reports FOLDER] [arguments of vitest]
//
// `--reports` writes a report of each run into the folder, which scripts/again.mjs and scripts/tally.mjs read. With
// arguments of vitest, other versions of Node are left out. A run that hangs is killed, and fails (watchdog.mjs).
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { install, run } from "./install.mjs";
import { runVersions } from "./versions.mjs";
import { runVitest } from "./vitest-run.mjs";

/**
 * The projects of vitest.config.ts, and the runs of scripts/versions.mjs, that belong to each tier. A tier that takes
 * longer than its goal on two idle cores reports it. At the total, several times the goal, it is killed. A stall is
 * longer than the timeout of any hook.
 */
const tiers = {
  rooms: { projects: ["rooms"], versions: [], stallMinutes: 8, goalMinutes: 5, totalMinutes: 25 },
  system: { projects: ["system"], versions: ["usual"], stallMinutes: 8, goalMinutes: 20, totalMinutes: 60 },
  all: {
    projects: ["rooms", "system", "install"],
    versions: ["usual", "further"],
    stallMinutes: 20,
    goalMinutes: 120,
    totalMinutes: 240,
  },
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
// Every case that is generated. The other tiers take a fixed sample.
if (name === "all") process.env.AMPHO_TEST_WHOLE = "1";

const startedMs = performance.now();
install();
run(process.execPath, ["scripts/build.mjs"]);

const minutes = (ms) => Math.round(ms / 6_000) / 10;
const limits = () => ({ reports, totalMs: Math.round(startedMs + tier.totalMinutes * 60_000 - performance.now()) });
const args = [...tier.projects.map((one) => `--project=${one}`), ...rest];
// All of them run, so that one report shows every failure.
const ended = [await runVitest({ name, args, files: [] }, { ...limits(), stallMs: tier.stallMinutes * 60_000 })];
for (const which of rest.length > 0 ? [] : tier.versions) ended.push(...(await runVersions(which, limits)));

const tookMs = performance.now() - startedMs;
const overMs = tookMs - tier.goalMinutes * 60_000;
if (overMs > 0)
  process.stderr.write(
    `The tier ${name} took ${minutes(tookMs)} minutes, ${minutes(overMs)} more than its goal of ${tier.goalMinutes}.\n`,
  );
// Without it, a run was never begun.
if (reports !== undefined) writeFileSync(path.join(reports, `${name}.ended`), "");
process.exitCode = ended.every(Boolean) ? 0 : 1;
