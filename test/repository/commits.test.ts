// Commits since this file: the subject states what changes, and the body gives the reason (CONTRIBUTING.md).
import path from "node:path";
import { expect, it } from "vitest";
import { execFileSync } from "../../scripts/child-process.mjs";

const root = path.resolve(import.meta.dirname, "../..");
const git = (...args: readonly string[]) => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();

const texts = (...range: readonly string[]) =>
  git("log", "--no-merges", "--format=%s%n%b%x00", ...range)
    .split("\0")
    .map((text) => text.trim())
    .filter((text) => text !== "");
const [first = ""] = git("log", "--format=%H", "--diff-filter=A", "--", "test/repository/commits.test.ts").split("\n");
const commits = [...texts("-1", first || "HEAD"), ...texts(`${first || "HEAD"}..HEAD`)];

it("each subject has its kind, its room and at most 72 characters, and a body follows", () => {
  expect(commits.length).toBeGreaterThan(0);
  const [kinds, room] = ["feat|fix|docs|test|refactor|perf|build|style", "(?:\\([a-z-]+\\))?!?"];
  for (const text of commits)
    expect(text).toMatch(new RegExp(`^(?=.{1,72}\\n)(?:${kinds})${room}: \\S.*[^.\\n]\\n\\s*\\S`));
});
