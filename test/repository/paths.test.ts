// Pointers in prose: each path of the repository that a comment or a page names exists.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { withAddresses } from "../../dist/version.js";
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

it("every page and heading that a message names exists, and the message has its address", () => {
  const named = messagesOf("src").flatMap(({ file, text }) =>
    addressed(text).map(([, page = "", anchor]) => ({ file, page, anchor })),
  );
  expect(named.length).toBeGreaterThan(40);
  const missing = named.filter(({ page, anchor }) => {
    if (!existsSync(path.join(root, page))) return true;
    const headings = readFileSync(path.join(root, page), "utf8").match(/^#+ .*$/gm) ?? [];
    return anchor !== undefined && !headings.some((heading) => anchorOf(heading) === anchor);
  });
  expect(missing).toEqual([]);
  const rules = readFileSync(path.join(root, "deploy/prometheus/ampho.rules.yml"), "utf8");
  expect(rules.match(/^ +runbook: (?!https:\/\/).*$/gm)).toBeNull();
});

/** The pages to which a text leads, from the folder of the package. */
const addressed = (text: string) => [...withAddresses(text).matchAll(/\.\/(docs\/[\w/-]+\.md)(?:#([\w-]+))?/g)];

const anchorOf = (heading: string): string =>
  heading
    .replace(/^#+ /, "")
    .toLowerCase()
    .replace(/[^\w -]/g, "")
    .replaceAll(" ", "-");

/** The texts of the source that are no comments. */
function messagesOf(folder: string): readonly { readonly file: string; readonly text: string }[] {
  return files
    .filter((name) => name.startsWith(`${folder}/`) && name.endsWith(".ts"))
    .flatMap((file) =>
      blocksOf(file, readFileSync(path.join(root, file), "utf8"))
        .filter(({ kind }) => kind !== "comment")
        .map(({ text }) => ({ file, text })),
    );
}
