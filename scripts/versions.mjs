// The suites of the embedded store and of the adapters on every Node that Ampho promises. The oldest Node that has SQLite of its
// own also runs the suite of the store with the SQLite package. The runs of `npm test`, which uses the current Node, are left
// out. npm has packages with Node itself.
// `node scripts/versions.mjs FOLDER` writes one JSON report a run into the folder. With `--further` instead: the suites on the
// oldest release of Node that is promised, the attacks on the newest, and the SQLite package on the newer ones.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { spawnSync } from "./child-process.mjs";
import { root } from "./install.mjs";
import { runWatched } from "./watchdog.mjs";

const { values, positionals } = parseArgs({ allowPositionals: true, options: { further: { type: "boolean" } } });
const reports = path.resolve(positionals[0] ?? mkdtempSync(path.join(tmpdir(), "ampho-versions-")));
const store = ["test/store/sqlite"];
const shared = ["test/adapters/", ...store];
const versions = values.further
  ? [
      { node: "20.19.0", suites: shared },
      { node: "24", suites: [], withPackage: true },
      { node: "26", suites: ["test/attacks/"], withPackage: true },
    ]
  : ["20", "22", "24", "26"].map((node) => ({ node, suites: shared, withPackage: node === "22" }));
/** Hides the SQLite of a newer Node, so that it uses the package. */
const withoutOwn = "--no-experimental-sqlite";
/** Several times what a run takes. */
const totalMs = 900_000;

const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
/** The arguments of `npx` that run another version of Node. */
const on = (node, args) => ["-y", "-p", `node@${node}`, "-c", ["node", ...args].map(quote).join(" ")];

/** The exact version and the driver, read from the process itself, so that no run tests another than it reports. */
function ask(node, execArgv) {
  const question = `import("./dist/store/sqlite/driver.js").then((m) => console.log(process.version, m.usualDriver()))`;
  const { stdout, stderr, status } = spawnSync("npx", on(node, [...execArgv, "-e", question]), {
    cwd: root,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`Node ${node} does not run: ${stderr}`);
  const [version, driver] = stdout.trim().split(" ");
  return { node, version, driver, execArgv };
}

function runsOf({ node, suites, withPackage = false }) {
  const plain = ask(node, []);
  const runs = plain.version === process.version || suites.length === 0 ? [] : [{ ...plain, suites }];
  if (!withPackage || plain.driver === "package") return runs;
  const other = ask(node, [withoutOwn]);
  if (other.driver !== "package") throw new Error(`Node ${node} takes ${other.driver} in spite of ${withoutOwn}`);
  return [...runs, { ...other, suites: store }];
}

function run({ node, version, driver, execArgv, suites }) {
  process.stderr.write(`\nversions: Node ${version}, SQLite driver "${driver}": ${suites.join(" ")}\n`);
  const report = `--outputFile.json=${path.join(reports, `${version}-${driver}.json`)}`;
  // These suites leave nothing behind: their files share a process, which then loads everything once.
  const options = [
    "--maxWorkers=3",
    ...(values.further ? [] : ["--no-isolate"]),
    "--reporter=default",
    "--reporter=json",
    report,
  ];
  const args = [
    "node_modules/vitest/vitest.mjs",
    "run",
    "--project=rooms",
    ...(values.further ? ["--project=system"] : []),
    ...options,
    ...execArgv.map((one) => `--execArgv=${one}`),
    ...suites,
  ];
  return runWatched("npx", on(node, args), { cwd: root, reports, totalMs });
}

const ended = [];
for (const one of versions.flatMap(runsOf)) ended.push(await run(one));
process.exit(ended.every(Boolean) ? 0 : 1);
