// Debian programs that these tests run. They are installed as root if they are missing.
import { existsSync } from "node:fs";
import { installFromDebian } from "../world/debian.js";

/** The path of a program. Throws with the package to install where it is missing. */
export function requireProgram(name: string, debianPackage: string): string {
  const find = () => ["/usr/sbin", "/usr/bin", "/usr/local/bin"].map((folder) => `${folder}/${name}`).find(existsSync);
  const found = find();
  if (found !== undefined) return found;
  installFromDebian(name, debianPackage);
  const installed = find();
  if (installed === undefined) throw new Error(`${debianPackage} is installed, but ${name} is not found.`);
  return installed;
}
