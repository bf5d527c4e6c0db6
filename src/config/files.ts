// The files of the configuration. Those of the folder are JSON objects with parameters as members.
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { isError } from "../errors.js";
import { isObject } from "./kinds.js";

export interface ConfigurationFile {
  /** The name in messages: `config/default.json`. */
  readonly name: string;
  readonly members: ReadonlyMap<string, unknown>;
}

const systemErrors: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder",
  EEXIST: "it already exists",
  EACCES: "this user does not have the permission",
  EPERM: "this user does not have the permission",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of its path is not a folder",
  ENOSPC: "the disk is full",
  EROFS: "the disk is read-only",
  EBUSY: "it is in use, or is a mount point",
  ELOOP: "its links form a circle",
};

const errorCode = (error: unknown): string =>
  isError(error) && "code" in error && typeof error.code === "string" ? error.code : "unknown";

/** Describes an error of the file system, to be put into parentheses. */
export const fileProblem = (error: unknown): string => systemErrors[errorCode(error)] ?? `error ${errorCode(error)}`;

export function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** The text of a file without its byte order mark, or why it cannot be read. */
export type FileText = { readonly text: string } | { readonly missing: boolean; readonly why: string };

/** Reads a regular file and follows links. A named pipe would block until another process writes to it. */
export function readRegularFile(path: string): FileText {
  try {
    if (!statSync(path).isFile()) return { missing: false, why: "it is not a regular file" };
    return { text: withoutByteOrderMark(readFileSync(path, "utf8")) };
  } catch (error) {
    return { missing: errorCode(error) === "ENOENT", why: fileProblem(error) };
  }
}

export const withoutByteOrderMark = (text: string): string => text.replace(/^\uFEFF/, "");

/** JSON.parse cites the text that it rejects, which can be a key. Only the number of the line is shown. */
function lineOf(error: unknown, text: string): string {
  const at = /position (\d+)/.exec(isError(error) ? error.message : "")?.[1];
  return at === undefined ? "" : ` (line ${text.slice(0, Number(at)).split("\n").length})`;
}

function parseFile(name: string, text: string): ConfigurationFile | { readonly problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { problem: `${name} is not valid JSON${lineOf(error, text)}.` };
  }
  if (!isObject(value)) return { problem: `${name} must contain a JSON object.` };
  return { name, members: new Map(Object.entries(value).filter(([member]) => member.startsWith("AMPHO_"))) };
}

/** Reads those of the named files that exist, in that order. */
export function readFiles(folder: { readonly path: string; readonly label: string }, names: readonly string[]) {
  const files: ConfigurationFile[] = [];
  const problems: string[] = [];
  for (const fileName of new Set(names)) {
    const name = join(folder.label, fileName);
    const read = readRegularFile(join(folder.path, fileName));
    if ("why" in read) {
      if (!read.missing) problems.push(`${name} cannot be read (${read.why}).`);
      continue;
    }
    const file = parseFile(name, read.text);
    if ("problem" in file) problems.push(file.problem);
    else files.push(file);
  }
  return { files, problems };
}
