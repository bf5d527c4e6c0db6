// The line of docs/operate/incidents.md that runs a command with the environment of an application under systemd.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { execFileSync } from "../../scripts/child-process.mjs";

const root = path.resolve(import.meta.dirname, "../..");
const page = readFileSync(path.join(root, "docs/operate/incidents.md"), "utf8");

it("a command beside an application with systemd has its environment, also where values are in quotes", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "ampho-command-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(
    path.join(folder, "ampho.env"),
    `NODE_ENV=production\nAMPHO_APP_NAME='The & shop'\nAMPHO_DATABASE_URL='sqlite:${folder}/shop & more.db'\n`,
  );
  const [, line = ""] = /^\| your application with systemd, in its folder \| `(.+)` \|$/m.exec(page) ?? [];
  const command = line
    .replace("sudo ", "")
    .replaceAll("/etc/ampho", folder)
    .replace("npx ampho", `${process.execPath} ${path.join(root, "dist/cli/main.js")}`);
  const env = { PATH: process.env["PATH"] };
  const run = (words: string) => execFileSync("sh", ["-c", `${command} ${words}`], { cwd: folder, env, stdio: "pipe" });
  run("db-up");
  expect(JSON.parse(String(run("user-list --json")))).toEqual([]);
  expect(readFileSync(path.join(folder, "shop & more.db")).subarray(0, 15).toString()).toBe("SQLite format 3");
});
