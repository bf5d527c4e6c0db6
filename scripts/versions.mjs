// The suites of the embedded store and of the adapters on every Node that Ampho promises. The oldest Node that has
// SQLite of its own also runs the suite of the store with the SQLite package. The runs of `npm test`, which uses the
// current Node, are left out. npm has packages with Node itself.
import { spawnSync } from "./child-process.mjs";
import { root } from "./install.mjs";
import { onNode, runVitest } from "./vitest-run.mjs";

const store = ["test/store/sqlite"];
const shared = ["test/adapters/", ...store];
const versions = {
  usual: ["20", "22", "24", "26"].map((node) => ({ node, suites: shared, withPackage: node === "22" })),
  /**
   * The oldest release of Node that is promised, the attacks on the newest, and the SQLite package on the newer ones.
   */
  further: [
    { node: "20.19.0", suites: shared },
    { node: "24", suites: [], withPackage: true },
    { node: "26", suites: ["test/attacks/"], withPackage: true },
  ],
};
/** Hides the SQLite of a newer Node, so that it uses the package. */
const withoutOwn = "--no-experimental-sqlite";
/** Several times what a run takes. */
const totalMs = 900_000;

/** The exact version and the driver, read from the process itself, so that no run tests another than it reports. */
function ask(node, execArgv) {
  const question = `import("./dist/store/sqlite/driver.js").then((m) => console.log(process.version, m.usualDriver()))`;
  const { stdout, stderr, status } = spawnSync(...onNode(node, [...execArgv, "-e", question]), {
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

/** Resolves with whether each run of `usual` or `further` passed. */
export async function runVersions(which, limits) {
  const ended = [];
  for (const { node, version, driver, execArgv, suites } of versions[which].flatMap(runsOf)) {
    process.stderr.write(`\nversions: Node ${version}, SQLite driver "${driver}": ${suites.join(" ")}\n`);
    // The usual suites leave nothing behind: their files share a process, which then loads everything once.
    const args = [
      "--project=rooms",
      ...(which === "further" ? ["--project=system"] : ["--no-isolate"]),
      ...execArgv.map((one) => `--execArgv=${one}`),
    ];
    const name = `${version}-${driver}`;
    ended.push(await runVitest({ name, node, args, files: suites }, { ...limits(), totalMs }));
  }
  return ended;
}
