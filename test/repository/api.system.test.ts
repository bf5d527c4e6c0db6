// test/api/ has the public types of each entry. So a change of what users compile against is seen, and has its line in
// CHANGELOG.md.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { execFileSync } from "../../scripts/child-process.mjs";
import { freshFolder } from "../world/folder.js";

const root = path.resolve(import.meta.dirname, "../..");
const readAll = (folder: string) =>
  Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(path.join(folder, name), "utf8")]));

it("the reports are those of the present source: `npm run api` writes them", { timeout: 180_000 }, () => {
  const [packed, reports] = [path.join(freshFolder(), "package"), freshFolder()];
  execFileSync(process.execPath, ["scripts/package.mjs", packed], { cwd: root });
  execFileSync(process.execPath, ["scripts/api-report.mjs", reports, packed], { cwd: root });
  const found = readAll(reports);
  expect(Object.keys(found).length).toBeGreaterThan(15);
  expect(found).toEqual(readAll(path.join(root, "test/api")));
});

it("each commit that changes a report adds to CHANGELOG.md", () => {
  const git = (...args: readonly string[]) => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();
  const commits = git("log", "--no-merges", "--diff-filter=M", "--format=%H", "--", "test/api").split("\n");
  for (const commit of commits.filter((each) => each !== ""))
    expect(git("show", "--name-only", "--format=%s", commit), commit).toMatch(/^CHANGELOG\.md$/m);
});
