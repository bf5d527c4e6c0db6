// Debian's Python, which has the packages python3-jwt and python3-jwcrypto.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { spawnSync } from "../../scripts/child-process.mjs";
import { installFromDebian } from "../world/debian.js";

const python = "/usr/bin/python3";
const packages = ["python3-jwt", "python3-jwcrypto"];

function isThere(): boolean {
  return spawnSync(python, ["-c", "import jwt, jwcrypto, cryptography"]).status === 0;
}

/** Installs missing packages as root. Where that is not possible, it throws an error that names the packages. */
export function requirePython(): void {
  if (isThere()) return;
  installFromDebian("Python with PyJWT and jwcrypto", ...packages);
  if (!isThere()) throw new Error(`${python} lacks packages: apt-get install ${packages.join(" ")}`);
}

/** Returns the output of a program, or rejects with its stderr. It does not block this process, which serves requests. */
export async function runPython(
  args: readonly string[],
  stdin: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const child = spawn(python, args, { env: { ...process.env, ...env } });
  child.stdin.end(stdin);
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(stderr);
  return stdout;
}
