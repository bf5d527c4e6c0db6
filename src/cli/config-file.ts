// `ampho.config.js` of the working directory: the options that the application passes to createAmpho. Every command
// that reads the configuration runs this file.
import { lstatSync, type Stats, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { envFileName, exportEnvFile } from "../config/env-file.js";
import { fileProblem } from "../config/files.js";
import type { ProcessContext } from "../config/process-context.js";
import { escaped } from "../config/redact.js";
import { ConfigurationError, isError } from "../errors.js";
import { checkOptions, compositionNames } from "../options.js";
import type { CommandContext } from "./command.js";

export const configFileNames = ["ampho.config.js", "ampho.config.mjs", "ampho.config.ts"] as const;

/** Adds the options of the file. @throws ConfigurationError if there is a file that must not or cannot be used */
export async function withConfigFile(
  context: ProcessContext,
): Promise<Pick<CommandContext, "processContext" | "composition" | "configFile">> {
  const configFile = findConfigFile(context);
  if (configFile === undefined) return { processContext: context, composition: {}, configFile };
  const name = basename(configFile);
  const options = await loadOptions(configFile, name, context);
  try {
    checkOptions(options);
  } catch (error) {
    throw error instanceof ConfigurationError ? new ConfigurationError(`${name}: ${error.message}`) : error;
  }
  const processContext = { ...context, options, optionsFile: name, otherOptions: compositionNames };
  return { processContext, composition: options, configFile };
}

/** The file that AMPHO_CONFIG_FILE names, which must exist, or the one in the working directory. */
function findConfigFile({ env, envFile, cwd }: ProcessContext): string | undefined {
  const named = env["AMPHO_CONFIG_FILE"];
  if (named) {
    // A user who can write to the folder could otherwise choose the code that a command runs.
    if (envFile?.has("AMPHO_CONFIG_FILE"))
      throw new ConfigurationError(`AMPHO_CONFIG_FILE has no effect in ${envFileName}. Set it in the environment.`);
    const path = resolve(cwd, named);
    if (!("stats" in read(path)))
      throw new ConfigurationError("AMPHO_CONFIG_FILE must be the path of a readable file.");
    return path;
  }
  const found = configFileNames.filter((name) => exists(join(cwd, name)));
  const [name] = found;
  if (name === undefined) return undefined;
  if (found.length > 1) throw new ConfigurationError(`Keep one of ${found.join(" and ")}. This folder has both.`);
  const path = join(cwd, name);
  const danger = findDanger(path);
  if (danger !== undefined)
    throw new ConfigurationError(
      `${name} is not used, because ${danger}. Run the command in a folder of your own, or set AMPHO_CONFIG_FILE=${name} if you trust the file.`,
    );
  return path;
}

type Read = { readonly stats: Stats } | { readonly why: string };

function read(path: string, stat = statSync): Read {
  try {
    return { stats: stat(path) };
  } catch (error) {
    return { why: fileProblem(error) };
  }
}

/** A link that leads nowhere exists too, so that it is reported. */
const exists = (path: string) => "stats" in read(path, lstatSync);

const writableByAll = 0o002;
/** In a folder with this bit, only the owner of a file can replace it. */
const sticky = 0o1000;

/** Returns why another user could have written the file. A command can run with more rights than that user has. */
function findDanger(path: string): string | undefined {
  const uid = process.getuid?.();
  const [file, link, folder] = [read(path), read(path, lstatSync), read(dirname(path))];
  if ("why" in file) return `it cannot be read (${file.why})`;
  if ("why" in link || "why" in folder || uid === undefined) return undefined;
  const isOwn = ({ stats }: { readonly stats: Stats }) => stats.uid === uid || stats.uid === 0;
  if (!isOwn(file) || !isOwn(link)) return "it belongs to another user";
  if (file.stats.mode & writableByAll) return "every user can write to it";
  if (!isOwn(folder)) return "its folder belongs to another user";
  if (folder.stats.mode & writableByAll && !(folder.stats.mode & sticky)) return "every user can write to its folder";
  return undefined;
}

async function loadOptions(path: string, name: string, { cwd }: ProcessContext): Promise<Record<string, unknown>> {
  // The file reads the environment that the application has, which starts with --env-file.
  exportEnvFile(cwd, process.env);
  let loaded: unknown;
  try {
    loaded = await import(pathToFileURL(path).href);
  } catch (error) {
    throw new ConfigurationError(`${name} cannot be loaded${lineOf(error, name)}: ${problemOf(error, name)}`);
  }
  const options = typeof loaded === "object" && loaded !== null && "default" in loaded ? loaded.default : undefined;
  if (options === undefined)
    throw new ConfigurationError(`${name} has no default export. Write \`export default defineConfig({ … })\`.`);
  if (!isPlainObject(options))
    throw new ConfigurationError(`The default export of ${name} must be an object with options.`);
  return options;
}

/** The members of a promise or of a function would be no options, and none would have an effect. */
function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** The stack of an error that the file throws has the line. */
function lineOf(error: unknown, name: string): string {
  const stack = isError(error) ? (error.stack ?? "") : "";
  const line = stack.split(`${name}:`)[1]?.match(/^\d+/)?.[0];
  return line === undefined ? "" : ` (line ${line})`;
}

function problemOf(error: unknown, name: string): string {
  if (!isError(error)) return "it throws a value that is no error.";
  if ("code" in error && error.code === "ERR_UNKNOWN_FILE_EXTENSION")
    return "this Node does not run TypeScript. Use Node 22.18 or newer, or write ampho.config.js.";
  const [first = ""] = error.message.split("\n");
  const shown = escaped(first.length > 300 ? `${first.slice(0, 300)}…` : first);
  return error.name === "SyntaxError" ? `${shown}. Run \`node ${name}\` to see the line.` : shown;
}
