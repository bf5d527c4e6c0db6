// Installs, builds, and runs the tests of one tier or of all. vitest.config.ts defines the tier of a file.
//
//     node scripts/test.mjs rooms|system|all [--reports FOLDER] [arguments of vitest]
//
// `--reports` writes one JSON report for each run into the folder, which scripts/tally.mjs reads. With arguments of vitest,
// other versions of Node are left out.
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import path from "node:path";
import { install, root, run } from "./install.mjs";

/** The projects of vitest.config.ts, and the runs of scripts/versions.mjs, that belong to each tier. */
const tiers = {
  rooms: { projects: ["rooms"], versions: [] },
  system: { projects: ["system"], versions: [[]] },
  all: { projects: ["rooms", "system", "install"], versions: [[], ["--further"]] },
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

const reporters =
  reports === undefined
    ? []
    : ["--reporter=default", "--reporter=json", `--outputFile.json=${path.resolve(reports, `${name}.json`)}`];
const commands = [
  ["node_modules/vitest/vitest.mjs", "run", ...tier.projects.map((one) => `--project=${one}`), ...reporters, ...rest],
  ...(rest.length > 0
    ? []
    : tier.versions.map((args) => ["scripts/versions.mjs", ...args, ...(reports ? [reports] : [])])),
];
// All of them run, so that one report shows every failure.
const failed = commands.filter(
  (args) => spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" }).status !== 0,
);
process.exitCode = failed.length === 0 ? 0 : 1;
