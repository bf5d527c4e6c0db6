// Checks who can read and write the files with secrets: the key, the database, the configuration. POSIX modes only.
import { existsSync, type Stats, statSync } from "node:fs";
import { dirname } from "node:path";
import { describePath } from "../../config/redact.js";
import { error, type Finding, warning } from "../finding.js";

export interface SecretFile {
  readonly path: string;
  /** The subject of the message, such as `The key file`. */
  readonly what: string;
}

export function checkFiles(files: readonly SecretFile[]): readonly Finding[] {
  if (process.platform === "win32") return [];
  const existing = files.filter(({ path }) => existsSync(path));
  const folders = new Set(existing.map(({ path }) => dirname(path)));
  return [...existing.flatMap(checkFile), ...[...folders].flatMap(checkFolder)];
}

function checkFile({ path, what }: SecretFile): readonly Finding[] {
  const stats = statSync(path);
  const shown = describePath(path);
  const [report, access] =
    (stats.mode & 0o002) !== 0
      ? [error, "writable by every user of this machine"]
      : (stats.mode & 0o004) !== 0
        ? [error, "readable by every user of this machine"]
        : [warning, "readable or writable by a group"];
  if ((stats.mode & 0o066) === 0) return [];
  return [report("files", `${what} ${shown} is ${access} (mode ${modeOf(stats)}).`, `Run chmod 600 ${shown}.`)];
}

/** A user who can write to a folder can replace its files. The sticky bit prevents that. */
function checkFolder(path: string): readonly Finding[] {
  const stats = statSync(path);
  const sticky = (stats.mode & 0o1000) !== 0;
  if (sticky || (stats.mode & 0o002) === 0) return [];
  const message = `The folder ${JSON.stringify(path)} of a secret file is writable by every user of this machine (mode ${modeOf(stats)}).`;
  return [error("files", message, "Run chmod o-w on the folder, or move the file.")];
}

const modeOf = ({ mode }: Stats): string => (mode & 0o777).toString(8).padStart(3, "0");
