// Measures what a user of the package gets: its files, an installation, the import beside better-auth, bundles, parameters and
// documents, each with its goal. It needs a registry, and the peers for better-auth.
// Run after a build: node bench/package.mjs
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { filesIn, megabytesOf, sizeRows } from "../scripts/package-size.mjs";
import { machine, median, print } from "./measure.mjs";

const rounds = Number(process.env.BENCH_ROUNDS ?? 15);
const bench = fileURLToPath(new URL(".", import.meta.url));
if (!existsSync(path.join(bench, "node_modules/better-auth")))
  throw new Error("better-auth is missing. Install the peers: npm --prefix bench ci");
const folder = mkdtempSync(path.join(tmpdir(), "ampho-package-"));
const [built, user] = [path.join(folder, "package"), path.join(folder, "user")];
const run = (command, args, cwd = folder) =>
  execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
const install = (what) => run("npm", ["install", "--no-audit", "--no-fund", "--prefix", user, what]);

/** Milliseconds until the library is imported and can work, in a process of its own. */
const subjects = {
  ampho: {
    cwd: user,
    script: `import { createAmpho } from "ampho";
      await createAmpho({ databaseUrl: "sqlite::memory:", key: process.env.KEY });`,
  },
  "better-auth": {
    cwd: bench,
    script: `import { betterAuth } from "better-auth";
      import { memoryAdapter } from "better-auth/adapters/memory";
      const database = memoryAdapter({ user: [], session: [], account: [], verification: [] });
      await betterAuth({ database, secret: process.env.KEY, emailAndPassword: { enabled: true } }).$context;`,
  },
};

function readyMs({ cwd, script }, env) {
  const ready = script.replaceAll(/import (\{.*\}) from (".*");/g, "const $1 = await import($2);");
  const timed = `const startedMs = performance.now();
    ${ready}
    process.stdout.write("\\n" + (performance.now() - startedMs), () => process.exit());`;
  const options = { cwd, env, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] };
  const printed = execFileSync(process.execPath, ["--input-type=module", "--eval", timed], options);
  return Number(printed.slice(printed.lastIndexOf("\n")));
}

try {
  run(process.execPath, [fileURLToPath(new URL("../scripts/package.mjs", import.meta.url)), built]);
  const rows = await sizeRows(built);
  const tarball = path.join(folder, run("npm", ["pack", "--silent", built]).trim());
  install(tarball);
  const lock = JSON.parse(readFileSync(path.join(user, "node_modules/.package-lock.json"), "utf8"));
  const scripts = Object.values(lock.packages).filter(({ hasInstallScript }) => hasInstallScript);
  rows.push(
    { what: "an installation, MB", value: megabytesOf(filesIn(path.join(user, "node_modules"))), goal: 10 },
    { what: "its install scripts", value: scripts.length, goal: 0 },
  );
  // Node 20 has no SQLite of its own.
  if (!process.allowedNodeEnvironmentFlags.has("--experimental-sqlite")) install("@photostructure/sqlite@1");
  const env = {
    ...process.env,
    KEY: run(process.execPath, [path.join(user, "node_modules/ampho/dist/cli/main.js"), "sec-gen-key"]).trim(),
  };
  const timesMs = { ampho: [], "better-auth": [] };
  // The first round only fills the file cache.
  for (let round = -1; round < rounds; round++)
    for (const [name, subject] of Object.entries(subjects)) {
      const ms = readyMs(subject, env);
      if (round >= 0) timesMs[name].push(ms);
    }
  rows.push(
    { what: "import and createAmpho, ms", value: median(timesMs.ampho), goal: 150 },
    {
      what: "the same ÷ better-auth",
      value: median(timesMs.ampho.map((ms, at) => ms / timesMs["better-auth"][at])),
      goal: 0.6,
    },
  );
  console.log(machine());
  const verdict = ({ value, goal }) => (value <= goal ? "ok" : "over");
  const rounded = (value) => (value < 10 ? Math.round(value * 100) / 100 : Math.round(value * 10) / 10);
  print([["what", "now", "at most", ""], ...rows.map((row) => [row.what, rounded(row.value), row.goal, verdict(row)])]);
  if (rows.some((row) => verdict(row) === "over")) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
