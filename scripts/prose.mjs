// The prose linter: `node scripts/prose.mjs [--count] [PATH…]` prints FILE:LINE: MESSAGE for each violation and exits with 1 if there is one.
// It reads pages, comments, messages and test titles. Without a path it reads every file of the repository that is ours.
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { execFileSync } from "./child-process.mjs";
import { blocksOf } from "./prose-extract.mjs";
import { check } from "./prose-rules.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const scope =
  /^(?:[A-Z]+\.md|\.ci\/run|[\w.]+\.config\.ts|(?:src|packages|test|scripts|bench|docs|examples|deploy)\/.*)$/;
// The vectors come from other projects, and the dictionary consists of the words that it forbids.
const outside = /^test\/vectors\/|^scripts\/prose-words\.mjs$|package(?:-lock)?\.json$|\.pem$/;
// The messages of these files are in other languages, so the English rules hold for their comments only.
const otherLanguages = /^src\/(?:mail\/|page-)texts\/(?:de|es|fr)\.ts$/;

/** Every violation in these files or folders, as { file, line, message }. */
export function lint(paths = []) {
  const wanted = paths.map((each) => path.relative(root, path.resolve(each)));
  const isWanted = (file) =>
    wanted.length === 0 || wanted.some((each) => each === "" || file === each || file.startsWith(`${each}/`));
  const listed = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  return [...new Set(listed.trim().split("\n"))]
    .filter((file) => scope.test(file) && !outside.test(file) && isWanted(file))
    .flatMap((file) => {
      const source = read(file);
      return blocksOf(file, source)
        .filter(({ kind }) => kind === "comment" || !otherLanguages.test(file))
        .flatMap(check)
        .map((violation) => ({ file, ...violation }))
        .sort((a, b) => a.line - b.line);
    });
}

function read(file) {
  try {
    return readFileSync(path.join(root, file), "utf8");
  } catch {
    return ""; // The file was deleted and the deletion is not committed.
  }
}

function countByFolder(violations) {
  const counts = new Map();
  for (const { file } of violations) {
    const folder = file.split("/").slice(0, -1).slice(0, 2).join("/") || ".";
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([folder, count]) => `${String(count).padStart(6)} ${folder}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const args = process.argv.slice(2);
  const violations = lint(args.filter((each) => !each.startsWith("--")));
  const lines = args.includes("--count")
    ? countByFolder(violations)
    : violations.map(({ file, line, message }) => `${file}:${line}: ${message}`);
  if (lines.length > 0) console.log(lines.join("\n"));
  console.error(`${violations.length} violations`);
  process.exitCode = violations.length === 0 ? 0 : 1;
}
