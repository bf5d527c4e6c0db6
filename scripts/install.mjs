// Installs the packages of the lock file unless they are installed already, so that one command is enough after a clone.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { execFileSync } from "./child-process.mjs";

export const root = fileURLToPath(new URL("..", import.meta.url));

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`Ampho needs Node 20.19 or newer, but this is Node ${process.versions.node}.\n`);
  process.exit(1);
}

/** The versions of a lock file by package. */
function versions(file) {
  try {
    const { packages } = JSON.parse(readFileSync(new URL(`../${file}`, import.meta.url), "utf8"));
    return new Map(Object.entries(packages).map(([name, { version }]) => [name, version]));
  } catch {
    return undefined;
  }
}

export function install() {
  const wanted = versions("package-lock.json");
  const present = versions("node_modules/.package-lock.json");
  // An installation can lack packages for other systems, but must not contain another version.
  const current =
    wanted !== undefined && present !== undefined && present.size > 0
      ? [...present].every(([name, version]) => wanted.get(name) === version) && present.has("node_modules/typescript")
      : false;
  if (current) return;
  process.stderr.write("Installing…\n");
  run("npm", ["ci", "--no-audit", "--no-fund"], { timeout: 600_000 });
}

export function run(command, args, options = {}) {
  try {
    return execFileSync(command, args, { cwd: root, stdio: ["inherit", 2, "inherit"], ...options });
  } catch (error) {
    process.exit(typeof error.status === "number" ? error.status : 1);
  }
}
