// Ampho as it is installed on a Node without `node:sqlite` and without the optional package of the same API.
import { afterAll, beforeAll, expect, it } from "vitest";
import { spawnSync } from "../../scripts/child-process.mjs";
import { type Consumer, installPacked } from "../examples/packed.js";

let consumer: Consumer;
beforeAll(async () => {
  consumer = await installPacked([], []);
});
afterAll(() => consumer.remove());

const older = process.getBuiltinModule?.("node:sqlite") === undefined ? [] : ["--no-experimental-sqlite"];
function run(...args: readonly string[]) {
  const { status, stderr, stdout } = spawnSync(process.execPath, [...older, consumer.ampho, ...args], {
    cwd: consumer.folder,
    env: { PATH: process.env["PATH"], NO_COLOR: "1" },
    encoding: "utf8",
  });
  return { status, output: stderr + stdout };
}
const fix = "Use Node 22.13 or newer, or install the optional package: npm install @photostructure/sqlite@1";

it("a command names the newer Node and the package with its version", () => {
  const { status, output } = run("db-up");
  expect({ status, output }).toEqual({ status: 2, output: expect.stringContaining(`This Node has no SQLite. ${fix}`) });
});

it("doctor names them too, before there is a database", () => {
  const { status, output } = run("doctor");
  expect(status).not.toBe(0);
  expect(output).toContain("This Node has no SQLite.");
  expect(output).toContain(fix);
});
