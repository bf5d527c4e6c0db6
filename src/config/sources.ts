// Where parameters come from, lowest first: files of the configuration folder, the environment, options in code.
// The defaults lie below all of them, in the table.
import { resolve } from "node:path";
import { isFolder, readFiles } from "./files.js";
import { nearest } from "./nearest.js";
import { environmentOnly, optionName, type ParameterName, parameterNames, parameters } from "./parameters.js";
import type { Problem } from "./problem.js";
import type { ProcessContext } from "./process-context.js";
import { describeValue, escaped } from "./redact.js";

export interface SourceInput extends ProcessContext {
  /** Given in code, by their names in code; `undefined` counts as not given. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
  /** More names that `options` may hold: they are not parameters and are not looked at. */
  readonly otherOptions?: readonly string[];
}

/** A value of a parameter and where it stands. */
export interface Given {
  readonly raw: unknown;
  /** As messages name it: `config/default.json`, `environment`, `option tokenTtl`. */
  readonly place: string;
}

export interface Sources {
  readonly environment: string;
  /** Of each parameter that is set, the value of its highest layer. */
  readonly given: ReadonlyMap<ParameterName, Given>;
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
  /** False when files could not be used: what they would have set is not known. */
  readonly complete: boolean;
}

const isParameter = (name: string): name is ParameterName => Object.hasOwn(parameters, name);
const parameterOf = new Map<string, ParameterName>(parameterNames.map((name) => [optionName(name), name]));

function readEnvironmentName(env: ProcessContext["env"], problems: Problem[]): string {
  const environment = env["NODE_ENV"] || "development";
  // It becomes a part of a file's name.
  if (!/^[\w.-]{1,100}$/.test(environment)) {
    problems.push({ name: "NODE_ENV", text: `is ${describeValue(environment)} and may be letters, digits and - . _` });
  }
  return environment;
}

function findFolder({ env, cwd }: ProcessContext, problems: Problem[]) {
  const named = env["AMPHO_CONFIG_DIR"];
  const folder = { path: resolve(cwd, named || "config"), shown: named || "config" };
  if (named && !isFolder(folder.path)) {
    problems.push({ name: "AMPHO_CONFIG_DIR", text: `is ${describeValue(named)} and may be the path of a folder` });
  }
  return folder;
}

/** No part of a name leads out of the folder. */
const fileNameOf = (user: string, host: string) => `${user}@${host}.json`.replace(/[/\\\0]/g, "_");

function fileNames(environment: string, { user, host }: ProcessContext): readonly string[] {
  const own = user === undefined ? [] : [fileNameOf(user, host)];
  return ["default.json", `${environment}.json`, ...own];
}

/** Where the files of the configuration are, and what they are called, the lowest first. */
export function configurationFolder(around: ProcessContext): {
  readonly folder: string;
  readonly names: readonly string[];
} {
  return { folder: findFolder(around, []).path, names: fileNames(readEnvironmentName(around.env, []), around) };
}

const nothingRead: ReturnType<typeof readFiles> = { files: [], problems: [] };

/** Merges the sources; a value of a higher one replaces the whole value of a lower one. */
export function readSources(input: SourceInput): Sources {
  const problems: Problem[] = [];
  const warnings: string[] = [];
  const given = new Map<ParameterName, Given>();

  const environment = readEnvironmentName(input.env, problems);
  const folder = findFolder(input, problems);
  // Where they lie is not known, or one of them is lost: what the others say may be overridden there, and is not looked at.
  const read = problems.length > 0 ? nothingRead : readFiles(folder, fileNames(environment, input));
  problems.push(...read.problems);
  const complete = problems.length === 0;

  for (const { name: place, members } of complete ? read.files : []) {
    for (const [name, raw] of members) {
      if (isParameter(name)) given.set(name, { raw, place });
      else problems.push(unknownName(name, place, parameterNames));
    }
  }
  const known = [...parameterNames, ...Object.keys(environmentOnly)];
  for (const [name, raw] of Object.entries(input.env)) {
    if (!name.startsWith("AMPHO_") || !raw) continue;
    if (isParameter(name)) given.set(name, { raw, place: "environment" });
    else if (!known.includes(name)) {
      const unknown = unknownName(name, "environment", known);
      warnings.push(`${unknown.name} ${unknown.text}`);
    }
  }
  for (const [option, raw] of Object.entries(input.options ?? {})) {
    if (raw === undefined || input.otherOptions?.includes(option)) continue;
    const name = parameterOf.get(option);
    if (name !== undefined) given.set(name, { raw, place: `option ${option}` });
    else problems.push(unknownOption(option, [...parameterOf.keys(), ...(input.otherOptions ?? [])]));
  }
  return { environment, given, problems, warnings, complete };
}

function unknownName(name: string, place: string, known: readonly string[]): Problem {
  const text = Object.hasOwn(environmentOnly, name)
    ? "counts only in the environment"
    : `is no parameter; the nearest is ${nearestName(name, known)}`;
  return { name: `${escaped(name)} (${escaped(place)})`, text };
}

/** Whether SECURITY_ is in a name is what people remember least: it may be there, not be there, or be misspelt. */
function nearestName(name: string, known: readonly string[]): string | undefined {
  const bare = (one: string) => one.replace(/^AMPHO_(?:SECURITY_)?/, "");
  const meant = nearest(bare(name), known.map(bare), 2) ?? nearest(name, known);
  return known.find((one) => [one, bare(one)].includes(meant ?? ""));
}

function unknownOption(name: string, known: readonly string[]): Problem {
  const meant = name.startsWith("AMPHO_") ? optionName(name) : name;
  return { name: escaped(name), text: `is no option; the nearest is ${nearest(meant, known)}` };
}
