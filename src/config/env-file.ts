// `.env` of the working directory, for the command line. createAmpho does not read it: an application decides for
// itself how its environment is set.
import { join } from "node:path";
import { parseEnv } from "node:util";
import { readRegularFile } from "./files.js";
import { configurationError, type ProcessContext } from "./process-context.js";

export const envFileName = ".env";

/**
 * Adds the parameters of `.env` to the environment, which wins. Other names in the file belong to the application.
 * @throws ConfigurationError if the file exists and cannot be read
 */
export function withEnvFile(context: ProcessContext): ProcessContext {
  const text = readEnvFile(context.cwd);
  if (text === undefined) return context;
  // An empty variable counts as not set, so it does not hide the one of the file.
  const added = Object.entries(parseEnv(text)).filter(
    ([name]) => (name.startsWith("AMPHO_") || name === "NODE_ENV") && !context.env[name],
  );
  return {
    ...context,
    env: { ...context.env, ...Object.fromEntries(added) },
    envFile: new Set([...(context.envFile ?? []), ...added.map(([name]) => name)]),
  };
}

/** Adds every name of `.env` to the environment of a process, which wins, as `node --env-file=.env` does. */
export function exportEnvFile(cwd: string, env: NodeJS.ProcessEnv): void {
  for (const [name, value] of Object.entries(parseEnv(readEnvFile(cwd) ?? ""))) env[name] ??= value;
}

function readEnvFile(cwd: string): string | undefined {
  const read = readRegularFile(join(cwd, envFileName));
  if ("text" in read) return read.text;
  if (read.missing) return undefined;
  throw configurationError([`${envFileName} cannot be read (${read.why}).`]);
}
