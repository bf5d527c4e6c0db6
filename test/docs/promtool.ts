// Prometheus' own tool, from Debian's package `prometheus`.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { spawnSync } from "../../scripts/child-process.mjs";
import { installFromDebian } from "../world/debian.js";

const isThere = () => spawnSync("promtool", ["--version"]).status === 0;

/** Installs it where it is missing, which needs root. Otherwise it throws, and names the package to install. */
export function requirePromtool(): void {
  if (isThere()) return;
  installFromDebian("promtool", "prometheus");
  if (!isThere()) throw new Error("promtool is missing: apt-get install prometheus");
}

/** Rejects with the output of the tool if it fails. */
export async function promtool(args: readonly string[], stdin = ""): Promise<string> {
  const running = promisify(execFile)("promtool", args);
  running.child.stdin?.end(stdin);
  try {
    return (await running).stdout;
  } catch (error) {
    const { stdout, stderr } = { stdout: "", stderr: "", ...(error instanceof Error ? error : {}) };
    throw new Error(`promtool ${args.join(" ")}: ${stdout}${stderr}`);
  }
}
