// Pointers in prose: each path of the repository that a comment or a page names exists.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { execFileSync } from "../../scripts/child-process.mjs";
import { blocksOf } from "../../scripts/prose-extract.mjs";

const root = path.resolve(import.meta.dirname, "../..");
const files = execFileSync("git", ["ls-files"], { cwd: root, encoding: "utf8" })
  .trim()
  .split("\n")
  .filter((name) => /^(?:src|packages|test|docs|scripts|bench|deploy|examples|[^/]+\.md$)/.test(name))
  .filter((name) => !name.startsWith("test/vectors/") && existsSync(path.join(root, name)));

const namedPath =
  /(?<![\w/.:@-])((?:src|packages|test|docs|scripts|bench|deploy|examples)\/[\w./-]*[\w/])(?![\w*{<…$[])/g;

/** Paths named by the comments of a file, or by a page outside its blocks of code. */
function pathsNamed(file: string): readonly string[] {
  const source = readFileSync(path.join(root, file), "utf8");
  const text = blocksOf(file, source)
    .filter(({ kind }) => kind === "comment" || kind === "page")
    .map((block) => block.text.replace(/^```[\s\S]*?^```$/gm, ""));
  return text.flatMap((each) => [...each.matchAll(namedPath)].map(([, name = ""]) => name));
}

it("every path that a comment or a page names exists", () => {
  const missing = files.flatMap((file) =>
    pathsNamed(file)
      .filter((name) => !existsSync(path.join(root, name)))
      .map((name) => `${file}: ${name}`),
  );
  expect(missing).toEqual([]);
});
