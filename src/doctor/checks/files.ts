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

/** SQLite keeps recent writes in files beside the database. */
const suffixes = ["", "-wal", "-shm", "-journal"];

export function databaseFiles(file: string): readonly SecretFile[] {
  return suffixes.map((end) => ({ path: file + end, what: "The database" }));
}

export function checkFiles(files: readonly SecretFile[]): readonly Finding[] {
  if (process.platform === "win32") return [];
  const existing = files.filter(({ path }) => existsSync(path));
  const folders = new Set(existing.map(({ path }) => dirname(path)));
  return [...existing.flatMap(checkFile), ...[...folders].flatMap(checkFolder)];
}

function checkFile({ path, what }: SecretFile): readonly Finding[] {
  const stats = statSync(path);
  const [mode, shown] = [modeOf(stats), describePath(path)];
  const fix = `Run chmod 600 ${shown}.`;
  if ((stats.mode & 0o002) !== 0)
    return [error("files", `${what} ${shown} is writable by every user of this machine (mode ${mode}).`, fix)];
  if ((stats.mode & 0o004) !== 0)
    return [error("files", `${what} ${shown} is readable by every user of this machine (mode ${mode}).`, fix)];
  if ((stats.mode & 0o060) !== 0)
    return [warning("files", `${what} ${shown} is readable or writable by a group (mode ${mode}).`, fix)];
  return [];
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
