// How `.ci/run` judges files that fail: scripts/again.mjs and scripts/tally.mjs, over real runs of Vitest.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { spawnSync } from "../../scripts/child-process.mjs";
import { runVitest } from "../../scripts/vitest-run.mjs";
import { freshFolder } from "../world/folder.js";

const root = path.resolve(import.meta.dirname, "../..");
const passing = `test("passes", () => {});`;
const broken = `${passing} test("is broken", () => { throw new Error("always"); });`;
/** Fails until its second run. */
const chance = `
  const { existsSync, writeFileSync } = require("node:fs");
  ${passing}
  test("depends on chance", () => {
    if (existsSync(__filename + ".ran")) return;
    writeFileSync(__filename + ".ran", "");
    throw new Error("the first time");
  });`;

/** Runs the files as a tier, and the two scripts after it. Returns what the last one printed. */
async function judge(files: Readonly<Record<string, string>>, tier = "rooms") {
  const [cwd, reports] = [freshFolder(), freshFolder()];
  for (const [name, source] of Object.entries(files)) writeFileSync(path.join(cwd, `${name}.test.js`), source);
  await runVitest(
    { name: "rooms", args: ["--globals", "--reporter=dot"], files: [] },
    { reports, totalMs: 600_000, cwd },
  );
  writeFileSync(path.join(reports, "rooms.ended"), "");
  const script = (name: string, ...args: readonly string[]) =>
    spawnSync(process.execPath, [path.join(root, "scripts", name), reports, ...args], { encoding: "utf8" });
  expect(script("again.mjs").status).toBe(0);
  const { status, stdout } = script("tally.mjs", "2000", tier);
  return { status, stdout, last: stdout.trimEnd().split("\n").at(-1) };
}

it("a file that fails and then passes alone is listed with its first error, and fails nothing", async () => {
  const { status, stdout, last } = await judge({ chance, passing });
  expect([status, last]).toEqual([0, "3 passed, 0 failed"]);
  expect(stdout).toMatch(
    /\nunstable: chance\.test\.js \(rooms\) failed, and then passed alone\n {2}depends on chance\n/,
  );
  expect(stdout).toContain("the first time");
  expect(stdout).toMatch(
    /\nrooms: 2 files\n +\d+ s {2}wall time\n +\d+ s {2}all files together\n +\d+ s {2}\w+\.test\.js/,
  );
  expect(stdout).toContain("All steps took 2000 s, 200 s more than their goal of 1800 s.");
});

it("a file that fails again fails the run, also beside one that is unstable", async () => {
  const { status, stdout, last } = await judge({ broken, chance, unloadable: "throw new Error('no test');" });
  expect([status, last]).toEqual([1, "3 passed, 2 failed"]);
  expect(stdout).toContain("rooms: broken.test.js: is broken (failed)");
  expect(stdout).toContain("rooms: unloadable.test.js: failed outside of its tests");
  expect(stdout.match(/^unstable: .*$/gm)).toEqual(["unstable: chance.test.js (rooms) failed, and then passed alone"]);
});

it("four files that fail are not run again, and fail the run", async () => {
  const { status, stdout, last } = await judge({ one: chance, two: chance, three: chance, four: chance });
  expect([status, last]).toEqual([1, "4 passed, 4 failed"]);
  expect(stdout).not.toContain("unstable:");
});

it("a test that is left out, an error outside of tests or in a hook, and a tier that does not end fail the run", async () => {
  expect((await judge({ passing: `${passing} test.skip("is left out", () => {});` })).last).toBe("1 passed, 1 failed");
  const late = `test("passes", () => void Promise.reject(new Error("it is not awaited")));`;
  expect((await judge({ late })).stdout).toContain("rooms: the run failed outside of its tests");
  const hook = `${passing} afterAll(() => { throw new Error("at the end"); });`;
  expect((await judge({ hook })).last).toBe("1 passed, 1 failed");
  expect((await judge({ passing }, "system")).stdout).toContain("The tier system did not end.");
});
