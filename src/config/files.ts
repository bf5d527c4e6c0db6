// The files of the configuration folder: JSON objects, of which the members AMPHO_… are ours.
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { isError } from "../errors.js";
import { isObject } from "./kinds.js";
import type { Problem } from "./problem.js";

export interface ConfigurationFile {
  /** As messages name it: `config/default.json`. */
  readonly name: string;
  readonly members: ReadonlyMap<string, unknown>;
}

const systemErrors: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder",
  EEXIST: "it is there already",
  EACCES: "this user may not do that",
  EPERM: "this user may not do that",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of its path is not a folder",
  ENOSPC: "the disk is full",
  EROFS: "the disk is read-only",
  EBUSY: "it is in use, or mounted by itself",
  ELOOP: "its links go round in a circle",
};

const errorCode = (error: unknown): string =>
  isError(error) && "code" in error && typeof error.code === "string" ? error.code : "unknown";

/** What a file system's error means, in words. */
export const fileProblem = (error: unknown): string => systemErrors[errorCode(error)] ?? `error ${errorCode(error)}`;

export function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** The text of a file without a byte order mark. */
export const readText = (path: string): string => readFileSync(path, "utf8").replace(/^\uFEFF/, "");

/** JSON.parse cites the text that it fails on, which may be a key: only the place is told. */
function placeOf(error: unknown, text: string): string {
  const at = /position (\d+)/.exec(isError(error) ? error.message : "")?.[1];
  return at === undefined ? "" : ` (line ${text.slice(0, Number(at)).split("\n").length})`;
}

function readFile(path: string, name: string): ConfigurationFile | Problem | undefined {
  let text: string;
  try {
    // Whoever opens a named pipe waits for somebody to write to it.
    if (statSync(path).isFIFO()) return { name, text: "cannot be read: it is a pipe" };
    text = readText(path);
  } catch (error) {
    return errorCode(error) === "ENOENT" ? undefined : { name, text: `cannot be read: ${fileProblem(error)}` };
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { name, text: `is not JSON${placeOf(error, text)}` };
  }
  if (!isObject(value)) return { name, text: "is JSON but no object" };
  return { name, members: new Map(Object.entries(value).filter(([member]) => member.startsWith("AMPHO_"))) };
}

/** Those of the named files that are there, in that order, and what is wrong with the others. */
export function readFiles(folder: { readonly path: string; readonly shown: string }, names: readonly string[]) {
  const files: ConfigurationFile[] = [];
  const problems: Problem[] = [];
  for (const name of new Set(names)) {
    const file = readFile(join(folder.path, name), join(folder.shown, name));
    if (file === undefined) continue;
    if ("text" in file) problems.push(file);
    else files.push(file);
  }
  return { files, problems };
}
