// The table "Find the files to touch" of CONTRIBUTING.md: the files exist, and each example is named by exactly these files.
// And the names of files and functions in CONTRIBUTING.md, ARCHITECTURE.md and test/README.md.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { execFileSync } from "../../scripts/child-process.mjs";

const root = path.resolve(import.meta.dirname, "../..");
const page = readFileSync(path.join(root, "CONTRIBUTING.md"), "utf8").replace(/^```[\s\S]*?^```$/gm, (code) =>
  code.replaceAll("`", ""),
);
const sourceFiles = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "src"], {
  cwd: root,
  encoding: "utf8",
})
  .trim()
  .split("\n")
  .filter((file) => existsSync(path.join(root, file)));

const codesIn = (cell: string): readonly string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);

const [, filesOfMail = ""] = /^\| a kind of mail \| ([^|]+), and /m.exec(page) ?? [];
const rows = [...page.matchAll(/^\| (an? [^|]+) \| ([^|]+) \| ([^|]*) \| ([^|]*) \|$/gm)].map(
  ([, addition = "", touched = "", example = "", files = ""]) => ({
    addition,
    touched: codesIn(touched.replace("the files of a kind of mail", filesOfMail)).filter((code) =>
      code.endsWith(".ts"),
    ),
    /** The table cannot know the file that uses the addition. */
    users: /\b(?:its caller|the (?:code|file|flow|SQL) that)\b/.test(touched) ? 1 : 0,
    example: codesIn(example),
    files: Number(files),
  }),
);

function filesNaming(words: readonly string[], files = sourceFiles): readonly string[] {
  const escaped = words.map((word) => word.replace(/[.(){}]/g, "\\$&"));
  const pattern = new RegExp(`(?<![\\w-])(?:${escaped.join("|")})(?![\\w-])`);
  return files.filter((file) => pattern.test(readFileSync(path.join(root, file), "utf8")));
}

describe("the table of CONTRIBUTING.md", () => {
  it("the table has a row for each kind of addition", () => {
    expect(rows.length).toBeGreaterThan(10);
  });

  it.each(rows)("$addition: each file exists, or has a neighbour where the name is open", ({ touched }) => {
    for (const file of touched) {
      const folder = path.join("src", path.dirname(file));
      if (file.includes("NAME")) expect(sourceFiles.filter((each) => path.dirname(each) === folder)).not.toEqual([]);
      else expect(sourceFiles).toContain(`src/${file}`);
    }
  });

  it.each(rows)("$addition: the files of the row name the example, and at most one other file does", (row) => {
    const found = filesNaming(row.example).map((file) => file.replace("src/", ""));
    const patterns = row.touched.map(
      (file) => new RegExp(`^${file.replace("NNNN", "\\d{4}").replace("NAME", "[\\w-]+")}$`),
    );
    for (const pattern of patterns) expect(found).toContainEqual(expect.stringMatching(pattern));
    expect(found.filter((file) => !patterns.some((pattern) => pattern.test(file))).length).toBeLessThanOrEqual(
      row.users,
    );
    expect(found.length, found.join(", ")).toBe(row.files);
  });
});

it("every test and script that CONTRIBUTING.md names exists", () => {
  const named = codesIn(page).filter((code) => /^(?:test|scripts)\/[\w./-]+$/.test(code));
  expect(named.length).toBeGreaterThan(8);
  for (const file of named) expect(existsSync(path.join(root, file)), file).toBe(true);
});

it("test/README.md names every folder of test/ that is no room", () => {
  const rooms = readdirSync(path.join(root, "src"));
  const folders = readdirSync(path.join(root, "test"), { withFileTypes: true }).filter((each) => each.isDirectory());
  const text = readFileSync(path.join(root, "test/README.md"), "utf8");
  const missing = folders.filter(({ name }) => !rooms.includes(name) && !text.includes(`${name}/`));
  expect(missing.map(({ name }) => name)).toEqual([]);
});

describe.each(["CONTRIBUTING.md", "ARCHITECTURE.md", "test/README.md"])("the names in %s", (name) => {
  const text = readFileSync(path.join(root, name), "utf8");
  const known = execFileSync("git", ["ls-files", "*.ts", "*.mjs"], { cwd: root, encoding: "utf8" }).split("\n");

  it("every file that the page names exists", () => {
    const named = [...text.matchAll(/(?<![*.\w/-])[\w/-][\w/.-]*\.(?:ts|mjs)\b/g)].map(([file]) => file);
    const missing = named
      .filter((file) => !file.includes("NAME"))
      .filter((file) => !known.some((each) => each === file || each.endsWith(`/${file}`)));
    expect(named.length).toBeGreaterThan(20);
    expect(missing).toEqual([]);
  });

  it("every function, type and member that the page names is in src/ or test/", () => {
    const named = codesIn(text.replace(/^```[\s\S]*?^```$/gm, "")).filter((code) => /^[a-z]+[A-Z]\w+$/.test(code));
    expect(named.length).toBeGreaterThan(3);
    const tests = known.filter((file) => file.startsWith("test/"));
    expect(named.filter((each) => filesNaming([each], [...sourceFiles, ...tests]).length === 0)).toEqual([]);
  });
});

it("every npm command that CONTRIBUTING.md names is a script of package.json", () => {
  const { scripts } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  for (const [, name = ""] of page.matchAll(/npm run ([a-z:]+)/g)) expect(scripts).toHaveProperty([name]);
});
