// Where parameters come from, lowest first: the files of the configuration folder, the environment, options in code,
// which are also those of `ampho.config.js`.
// The defaults of the table are below all of them.
import { resolve } from "node:path";
import { nearest } from "../nearest.js";
import { envFileName } from "./env-file.js";
import { isFolder, readFiles, readRegularFile } from "./files.js";
import { str } from "./kinds.js";
import {
  environmentOnly,
  type FileName,
  fileNameOf,
  optionName,
  type ParameterName,
  parameterNames,
  secretNames,
} from "./parameters.js";
import type { ProcessContext } from "./process-context.js";
import { describePath, describeValue, escaped } from "./redact.js";

export interface SourceInput extends ProcessContext {
  /** Parameters set in code, by their names in code. `undefined` counts as not set. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
  /** The name of the file that `options` are from. Undefined where code gave them to createAmpho. */
  readonly optionsFile?: string | undefined;
  /** Further names that `options` can hold. They are not parameters, and their values are not read. */
  readonly otherOptions?: readonly string[];
}

/** The value of a parameter before it is parsed, and its source. */
export interface SourceValue {
  readonly raw: unknown;
  /** How messages name the parameter: `AMPHO_PORT` in the environment, else `AMPHO_PORT (config/default.json)`. */
  readonly label: string;
  /** The path of the file with the value, as it was given. `raw` of a key is not read from it. */
  readonly file?: string;
}

export const unreadableFile = (label: string, path: string, why: string): string =>
  `${label} must be the path of a readable file, but is ${describePath(path)} (${why}).`;

export interface Sources {
  readonly environment: string;
  /** For each parameter that is set, the value of its highest source. */
  readonly values: ReadonlyMap<ParameterName, SourceValue>;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  /** False if a file could not be used, so that what it would have set is unknown. */
  readonly complete: boolean;
}

type Name = ParameterName | FileName;

const names: readonly Name[] = [...parameterNames, ...secretNames.map(fileNameOf)];
const isName = (name: string): name is Name => names.some((one) => one === name);
const nameOf = new Map<string, Name>(names.map((name) => [optionName(name), name]));

function readEnvironmentName(env: ProcessContext["env"], problems: string[]): string {
  const environment = env["NODE_ENV"] || "development";
  // It becomes part of a file name.
  if (!/^[\w.-]{1,100}$/.test(environment)) {
    problems.push(`NODE_ENV must be a text of letters, digits and - . _, but is ${describeValue(environment)}.`);
  }
  return environment;
}

function findFolder({ env, cwd }: ProcessContext, problems: string[]) {
  const named = env["AMPHO_CONFIG_DIR"];
  const folder = { path: resolve(cwd, named || "config"), label: named || "config" };
  if (named && !isFolder(folder.path)) {
    problems.push(`AMPHO_CONFIG_DIR must be the path of a folder, but is ${describeValue(named)}.`);
  }
  return folder;
}

/** The names contain no separator, so no user or host name leads out of the folder. */
function fileNames(environment: string, { user, host }: ProcessContext): readonly string[] {
  const own = user === undefined ? [] : [`${user}@${host}.json`.replace(/[/\\\0]/g, "_")];
  return ["default.json", `${environment}.json`, ...own];
}

/** The folder of the configuration files, and their names from the lowest to the highest. */
export function configurationFolder(context: ProcessContext): {
  readonly folder: string;
  readonly names: readonly string[];
} {
  return { folder: findFolder(context, []).path, names: fileNames(readEnvironmentName(context.env, []), context) };
}

const nothingRead: ReturnType<typeof readFiles> = { files: [], problems: [] };

/** Merges the sources. The value of a higher source replaces the whole value of a lower one. */
export function readSources(input: SourceInput): Sources {
  const problems: string[] = [];
  const warnings: string[] = [];
  const values = new Map<Name, SourceValue>();

  const environment = readEnvironmentName(input.env, problems);
  const folder = findFolder(input, problems);
  // If a file cannot be used, it might override values of the other files, so those are not checked either.
  const read = problems.length > 0 ? nothingRead : readFiles(folder, fileNames(environment, input));
  problems.push(...read.problems);
  const complete = problems.length === 0;

  for (const { name: source, members } of complete ? read.files : []) {
    for (const [name, raw] of members) {
      if (isName(name)) values.set(name, { raw, label: labelOf(name, source) });
      else problems.push(unknownName(name, source, names));
    }
  }
  const known = [...names, ...Object.keys(environmentOnly)];
  for (const [name, raw] of Object.entries(input.env)) {
    if (!name.startsWith("AMPHO_") || !raw) continue;
    const source = input.envFile?.has(name) ? envFileName : undefined;
    if (isName(name)) values.set(name, { raw, label: labelOf(name, source) });
    else if (!known.includes(name)) warnings.push(unknownName(name, source, known));
  }
  for (const [option, raw] of Object.entries(input.options ?? {})) {
    if (raw === undefined || input.otherOptions?.includes(option)) continue;
    const name = nameOf.get(option);
    const source = input.optionsFile === undefined ? `option ${option}` : `${option} in ${input.optionsFile}`;
    if (name !== undefined) values.set(name, { raw, label: labelOf(name, source) });
    else problems.push(unknownOption(option, [...nameOf.keys(), ...(input.otherOptions ?? [])], input.optionsFile));
  }
  return { environment, values: withFiles(values, input.cwd, problems), problems, warnings, complete };
}

/** Puts what the files of secrets contain in place of their names. */
function withFiles(given: ReadonlyMap<Name, SourceValue>, cwd: string, problems: string[]): Sources["values"] {
  const values = new Map<ParameterName, SourceValue>();
  for (const name of parameterNames) {
    const value = given.get(name);
    if (value !== undefined) values.set(name, value);
  }
  for (const name of secretNames) {
    const [value, file] = [given.get(name), given.get(fileNameOf(name))];
    if (file === undefined) continue;
    const path = str.parse(file.raw);
    if (value !== undefined)
      problems.push(`${file.label} must not be set together with ${value.label}. Remove one of the two.`);
    else if (path === undefined)
      problems.push(`${file.label} must be the path of a file, but is ${describePath(file.raw)}.`);
    else {
      // The program can be one that needs no key, and has no permission to read it.
      const read = name === "AMPHO_SECURITY_KEY" ? undefined : readSecret(file.label, path, cwd);
      if (typeof read === "string") problems.push(read);
      else values.set(name, { raw: read?.text, label: file.label, file: path });
    }
  }
  return values;
}

/** Returns the text of the file without the line break at its end, or why it cannot be read. */
export function readSecret(label: string, path: string, cwd: string): { readonly text: string } | string {
  const read = readRegularFile(resolve(cwd, path));
  return "why" in read ? unreadableFile(label, path, read.why) : { text: read.text.replace(/\r?\n$/, "") };
}

const labelOf = (name: string, source: string | undefined) =>
  source === undefined ? name : `${name} (${escaped(source)})`;

function unknownName(name: string, source: string | undefined, known: readonly string[]): string {
  const label = labelOf(escaped(name), source);
  if (Object.hasOwn(environmentOnly, name)) return `${label} has an effect in the environment only.`;
  return `${label} is not a known parameter. The nearest is ${nearestName(name, known)}.`;
}

/** The words of a name in the environment or in code, without the prefix, which people misremember. */
const wordsOf = (name: string) =>
  name
    .replace(/^AMPHO_(?:SECURITY_)?/, "")
    .replace(/[a-z](?=[A-Z])/g, "$&_")
    .toUpperCase();

/** People leave words out, but seldom the last one. So `LEEWAY` alone means `TOKEN_LEEWAY`. */
function nearestName(name: string, known: readonly string[]): string | undefined {
  const [typed, all] = [wordsOf(name), known.map(wordsOf)];
  const close = nearest(typed, all, 2);
  if (close !== undefined) return known[all.indexOf(close)];
  return known.find((_, at) => all[at]?.endsWith(`_${typed}`)) ?? nearest(name, known);
}

function unknownOption(name: string, known: readonly string[], file: string | undefined): string {
  return `${labelOf(escaped(name), file)} is not a known option. The nearest is ${nearestName(name, known)}.`;
}
