// Programs of Debian that these tests run: those that are installed, or installed now, which takes root.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";

/** Installing takes a minute. */
export const installMs = 180_000;

/** The path of a program; throws, saying what to install, where it is not there. */
export function requireProgram(name: string, debianPackage: string): string {
  const find = () => ["/usr/sbin", "/usr/bin", "/usr/local/bin"].map((folder) => `${folder}/${name}`).find(existsSync);
  const found = find();
  if (found !== undefined) return found;
  const missing = `These tests need ${name}: \`apt-get install ${debianPackage}\`.`;
  if (process.getuid?.() !== 0) throw new Error(missing);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  try {
    execFileSync("apt-get", ["update", "-q"], { stdio: "ignore", env });
    execFileSync("apt-get", ["install", "-y", "-q", "--no-install-recommends", debianPackage], {
      stdio: "ignore",
      env,
    });
  } catch (cause) {
    throw new Error(missing, { cause });
  }
  const installed = find();
  if (installed === undefined) throw new Error(missing);
  return installed;
}
