// Who may read and write the files that hold secrets: the key, the database, the configuration. POSIX modes only.
import { existsSync, type Stats, statSync } from "node:fs";
import { dirname } from "node:path";
import { describePath } from "../../config/redact.js";
import type { Finding } from "../finding.js";

export interface SecretFile {
  readonly path: string;
  /** `the key file`. */
  readonly what: string;
}

/** The files of the database besides it: what is written and not yet in it. */
const besides = ["", "-wal", "-shm", "-journal"];

export function databaseFiles(file: string): readonly SecretFile[] {
  return besides.map((end) => ({ path: file + end, what: "the database" }));
}

export function checkFiles(files: readonly SecretFile[]): readonly Finding[] {
  if (process.platform === "win32") return [];
  const there = files.filter(({ path }) => existsSync(path));
  const folders = new Set(there.map(({ path }) => dirname(path)));
  return [...there.flatMap(checkFile), ...[...folders].flatMap(checkFolder)];
}

const finding = (severity: Finding["severity"], message: string, mend: string): Finding => ({
  severity,
  check: "files",
  message,
  mend,
});

function checkFile({ path, what }: SecretFile): readonly Finding[] {
  const stats = statSync(path);
  const [mode, shown] = [modeOf(stats), describePath(path)];
  const mend = `chmod 600 ${shown}`;
  if ((stats.mode & 0o002) !== 0)
    return [finding("error", `${what} ${shown} can be written by everybody (mode ${mode})`, mend)];
  if ((stats.mode & 0o004) !== 0)
    return [finding("error", `${what} ${shown} can be read by everybody (mode ${mode})`, mend)];
  if ((stats.mode & 0o060) !== 0)
    return [finding("warning", `${what} ${shown} can be read by a group (mode ${mode})`, mend)];
  return [];
}

/** Whoever may write a folder may put another file in the place of one. A sticky bit forbids that. */
function checkFolder(path: string): readonly Finding[] {
  const stats = statSync(path);
  const sticky = (stats.mode & 0o1000) !== 0;
  if (sticky || (stats.mode & 0o002) === 0) return [];
  const message = `the folder of a secret file can be written by everybody (mode ${modeOf(stats)}): ${JSON.stringify(path)}`;
  return [finding("error", message, "chmod o-w it, or put the file elsewhere")];
}

const modeOf = ({ mode }: Stats): string => (mode & 0o777).toString(8).padStart(3, "0");
