import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { spawnSync } from "../../scripts/child-process.mjs";
import { runWatched } from "../../scripts/watchdog.mjs";
import { freshFolder } from "../world/folder.js";

const root = path.resolve(import.meta.dirname, "../..");
const hourMs = 3_600_000;
/** The name of a child of this process alone. */
const sleepSeconds = 100_000 + process.pid;

/** Runs one file of tests under the watchdog, as scripts/test.mjs does. */
async function run(source: string, limits: { readonly stallMs?: number; readonly totalMs: number }) {
  const folder = freshFolder();
  writeFileSync(path.join(folder, "hangs.test.js"), source);
  const { passed } = await runWatched(
    process.execPath,
    [
      path.join(root, "node_modules/vitest/vitest.mjs"),
      "run",
      "--root",
      folder,
      "--globals",
      "--pool=forks",
      `--testTimeout=${hourMs}`,
      `--reporter=${path.join(root, "scripts/progress.mjs")}`,
    ],
    { cwd: folder, reports: folder, ...limits },
  );
  const hangs = path.join(folder, "hangs.txt");
  return { passed, said: existsSync(hangs) ? readFileSync(hangs, "utf8") : "" };
}

test("a worker that is blocked is killed, and the report names its file, its test and its child process", async () => {
  const { passed, said } = await run(
    `const { spawnSync } = require("node:child_process");
     test("blocks", async ({ annotate }) => {
       // Vitest also reports the start of the test, which it would otherwise sometimes leave to a later report.
       await annotate("blocks");
       spawnSync("sleep", ["${sleepSeconds}"]);
     });`,
    { stallMs: 30_000, totalMs: hourMs },
  );
  expect(passed).toBe(false);
  expect(said).toMatch(/^ {2}hangs\.test\.js \(\d+ s\)$/m);
  expect(said).toMatch(/^ {2}hangs\.test\.js: blocks \(\d+ s\)$/m);
  expect(said).toContain(`sleep ${sleepSeconds}`);
  const running = () => spawnSync("ps", ["-A", "-o", "args="], { encoding: "utf8" }).stdout;
  // A busy machine ends a killed process later.
  await expect.poll(running).not.toContain(`sleep ${sleepSeconds}`);
});

test("a run that exceeds its time is killed, however often a test ends", async () => {
  const { passed, said } = await run(
    `for (let n = 0; n < 3_600; n += 1) test("test " + n, () => new Promise((resolve) => setTimeout(resolve, 1_000)));`,
    { stallMs: hourMs, totalMs: 9_000 },
  );
  expect(passed).toBe(false);
  expect(said).toContain("The run hangs: it exceeds 0.15 minutes.");
});

test("a run that ends has the result of its tests", async () => {
  const limits = { stallMs: hourMs, totalMs: hourMs };
  expect(await run(`test("passes", () => {});`, limits)).toEqual({ passed: true, said: "" });
  expect(await run(`test("fails", () => { throw new Error("no"); });`, limits)).toEqual({ passed: false, said: "" });
});

test("a synchronous child whose pipes stay open after its end is left at the limit", () => {
  const leaves = () => spawnSync("sh", ["-c", "sleep 30 &"], { timeout: 500 });
  expect(leaves).toThrow("ETIMEDOUT");
});
