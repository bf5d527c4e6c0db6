// Programs of Debian that these tests run: those that are installed, or installed now, which takes root.
import { existsSync } from "node:fs";
import { installFromDebian } from "../world/debian.js";

/** The path of a program; throws, saying what to install, where it is not there. */
export function requireProgram(name: string, debianPackage: string): string {
  const find = () => ["/usr/sbin", "/usr/bin", "/usr/local/bin"].map((folder) => `${folder}/${name}`).find(existsSync);
  const found = find();
  if (found !== undefined) return found;
  installFromDebian(name, debianPackage);
  const installed = find();
  if (installed === undefined) throw new Error(`${debianPackage} is installed, and there is no ${name}.`);
  return installed;
}
