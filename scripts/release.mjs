// Prepares a release and publishes nothing. It lists everything that prevents the release, or writes the file and prints the
// commands that publish it.
//
//     npm run release
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { execFileSync } from "./child-process.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const options = { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] };
const git = (...args) => execFileSync("git", args, options).trim();
const node = (...args) => execFileSync(process.execPath, args, options);
const read = (...names) => readFileSync(path.join(root, ...names), "utf8");
const { version } = JSON.parse(read("package.json"));
const problems = [];

if (git("status", "--porcelain") !== "") problems.push("The folder has changes without a commit.");
if (git("tag", "--list", `v${version}`) !== "")
  problems.push(`The tag v${version} exists. Set the next version in package.json.`);
if (!read("CHANGELOG.md").includes(`\n## ${version} - `))
  problems.push(`CHANGELOG.md has no section "## ${version} - DATE". Rename "Unreleased".`);

node("scripts/build.mjs");
node("scripts/package.mjs");
const files = readdirSync(path.join(root, "package"), { recursive: true, encoding: "utf8" }).filter((name) =>
  statSync(path.join(root, "package", name)).isFile(),
);
const placeholders = files.filter((name) => /:\/\/ampho\.invalid\b/.test(read("package", name)));
if (placeholders.length > 0)
  problems.push(`These files of the package have a placeholder host (CONTRIBUTING.md): ${placeholders.join(", ")}.`);

const reports = mkdtempSync(path.join(tmpdir(), "ampho-api-"));
try {
  node("scripts/api-report.mjs", reports);
  const differ = readdirSync(reports).filter(
    (name) => readFileSync(path.join(reports, name), "utf8") !== read("test/api", name),
  );
  if (differ.length > 0)
    problems.push(`The public types differ from test/api/: ${differ.join(", ")}. Run npm run api.`);
} finally {
  rmSync(reports, { recursive: true, force: true });
}

if (problems.length > 0) {
  process.stderr.write(`Ampho ${version} cannot be released yet:\n${problems.map((each) => `- ${each}\n`).join("")}`);
  process.exit(1);
}
execFileSync("npm", ["pack", "--silent", "./package"], options);
const tarball = `ampho-${version}.tgz`;
const digest = createHash("sha256")
  .update(readFileSync(path.join(root, tarball)))
  .digest("hex");
process.stdout.write(`${tarball} of ${git("rev-parse", "HEAD")}: ${files.length} files, SHA-256 ${digest}

After .ci/run has passed on this commit, publish it:
  git tag --sign v${version} && git push origin v${version}
  npm publish --provenance --access public ${tarball}
`);
