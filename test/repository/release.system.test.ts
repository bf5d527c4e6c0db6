// `npm run release` in a copy of the repository: it rejects with every reason, and then prepares the file.
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { execFileSync, spawnSync } from "../../scripts/child-process.mjs";
import { freshFolder } from "../world/folder.js";

const root = path.resolve(import.meta.dirname, "../..");

it("a release is rejected with every reason, and prepared when none is left", { timeout: 300_000 }, () => {
  const copy = path.join(freshFolder(), "copy");
  execFileSync("git", ["clone", "--quiet", "--no-local", root, copy]);
  symlinkSync(path.join(root, "node_modules"), path.join(copy, "node_modules"));
  writeFileSync(path.join(copy, ".git/info/exclude"), "node_modules\n");
  const inCopy = (name: string) => path.join(copy, name);
  const edit = (name: string, change: (text: string) => string) =>
    writeFileSync(inCopy(name), change(readFileSync(inCopy(name), "utf8")));
  const release = () => spawnSync(process.execPath, ["scripts/release.mjs"], { cwd: copy, encoding: "utf8" });

  edit("test/api/express.api.md", (text) => text.replace("guarded", "protected"));
  const rejected = release();
  expect(rejected.status).toBe(1);
  const reasons = rejected.stderr.split("\n").filter((line) => line.startsWith("- "));
  expect(reasons).toEqual([
    expect.stringContaining("changes without a commit"),
    expect.stringContaining("CHANGELOG.md has no section"),
    expect.stringMatching(/placeholder host .*: .*package\.json/),
    expect.stringContaining("express.api.md"),
  ]);

  execFileSync("git", ["checkout", "--quiet", "."], { cwd: copy });
  const { version } = JSON.parse(readFileSync(inCopy("package.json"), "utf8")) as { readonly version: string };
  edit("CHANGELOG.md", (text) => text.replace("## Unreleased", `## ${version} - 2026-12-02`));
  for (const name of ["package.json", "deploy/prometheus/ampho.rules.yml"])
    edit(name, (text) => text.replaceAll("https://ampho.invalid", "https://code.example"));
  const author = ["-c", "user.name=Ampho", "-c", "user.email=release@ampho.example"];
  execFileSync("git", [...author, "commit", "--quiet", "--all", "--message", "release"], { cwd: copy });
  const prepared = release();
  expect(prepared.stderr).toBe("");
  expect(prepared.stdout).toMatch(/^ampho-\S+\.tgz of [0-9a-f]{40}: \d+ files, SHA-256 [0-9a-f]{64}\n/);
  expect(prepared.stdout).toContain(`git tag --sign v${version}`);
  expect(execFileSync("git", ["status", "--porcelain"], { cwd: copy, encoding: "utf8" })).toBe("");
});
