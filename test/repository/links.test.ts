// Links of the pages: each leads to a file and a heading that exist, and a page of the package links only to files of the package.
import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { execFileSync } from "../../scripts/child-process.mjs";

const root = path.resolve(import.meta.dirname, "../..");

function linesOf(command: string, ...args: readonly string[]): readonly string[] {
  return execFileSync(command, args, { cwd: root, encoding: "utf8" }).trim().split("\n");
}

const pages = linesOf("git", "ls-files", "*.md").filter((name) => !name.startsWith("test/vectors/"));
const [pack] = JSON.parse(linesOf("npm", "pack", "--dry-run", "--json", "--ignore-scripts").join("\n")) as [
  { readonly files: readonly { readonly path: string }[] },
];
const packed = new Set(pack.files.map((file) => file.path));

const withoutCode = (text: string): string => text.replace(/^```[\s\S]*?^```$/gm, "");

/** The anchors of a page's headings, as GitHub and npm write them. */
function anchorsOf(file: string): ReadonlySet<string> {
  const headings = [...withoutCode(readFileSync(path.join(root, file), "utf8")).matchAll(/^#{1,6} (.*)$/gm)];
  return new Set(
    headings.map(([, text = ""]) =>
      text
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, "")
        .trim()
        .replace(/\s/g, "-"),
    ),
  );
}

/** The targets of a page's relative links. */
function linksOf(
  page: string,
): readonly { readonly target: string; readonly file: string; readonly anchor?: string }[] {
  const text = withoutCode(readFileSync(path.join(root, page), "utf8"));
  return [...text.matchAll(/\]\((?![a-z]+:)([^)\s]+)\)/g)].map(([, target = ""]) => {
    const [file = "", anchor] = target.split("#");
    const full = file === "" ? page : path.normalize(path.join(path.dirname(page), file)).replace(/\/$/, "");
    return { target, file: full, ...(anchor === undefined ? {} : { anchor }) };
  });
}

function isPacked(file: string): boolean {
  return packed.has(file) || [...packed].some((name) => name.startsWith(`${file}/`));
}

describe.each(pages)("the links of %s", (page) => {
  it("every link leads to a file and a heading that exist", () => {
    for (const { target, file, anchor } of linksOf(page)) {
      expect(existsSync(path.join(root, file)), target).toBe(true);
      if (anchor !== undefined && !statSync(path.join(root, file)).isDirectory())
        expect(anchorsOf(file), target).toContain(anchor);
    }
  });
});

it.each(pages.filter((page) => packed.has(page)))("every link of %s leads to a file of the package", (page) => {
  expect(
    linksOf(page)
      .filter(({ file }) => !isPacked(file))
      .map(({ target }) => target),
  ).toEqual([]);
});

it("the addresses of package.json belong together, so that one line of a release changes all of them", () => {
  const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as {
    readonly homepage: string;
    readonly repository: { readonly url: string };
    readonly bugs: { readonly url: string };
  };
  const { homepage, repository, bugs } = manifest;
  expect([repository.url, bugs.url]).toEqual([`git+${homepage}.git`, `${homepage}/issues`]);
});

it("no text of a link is the name of a file", () => {
  const found = pages.flatMap((page) => {
    const text = withoutCode(readFileSync(path.join(root, page), "utf8"));
    return [...text.matchAll(/\[`?[\w./-]+\.md`?\]\(/g)].map(([link]) => `${page}: ${link}`);
  });
  expect(found).toEqual([]);
});

it("the package contains the README, every page of docs/ and SECURITY.md", () => {
  for (const page of ["README.md", "SECURITY.md", ...pages.filter((name) => name.startsWith("docs/"))])
    expect([...packed]).toContain(page);
});
