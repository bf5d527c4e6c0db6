// Reads the configuration for a command, prints its warnings on stderr, and decides about its database.
import { existsSync } from "node:fs";
import { type ConfigurationInput, type ConfigurationResult, readConfiguration } from "../config/configuration.js";
import { databaseFile } from "../doctor/database-file.js";
import { ConfigurationError } from "../errors.js";
import { databaseAddress, defaultDatabaseLine } from "../log-lines.js";
import type { CommandContext } from "./command.js";

/** @throws ConfigurationError */
export function configure(context: CommandContext, uses: NonNullable<ConfigurationInput["uses"]>): ConfigurationResult {
  const { processContext, terminal, warned, database } = context;
  const result = readConfiguration({ ...processContext, uses });
  const { databaseUrl } = result.configuration;
  const usesDatabase = uses.database !== false;
  if (usesDatabase && database !== "creates") requireDatabase(databaseUrl, context);
  // A command can read the configuration twice.
  const once = (line: string, print: (line: string) => void) => {
    if (warned.has(line)) return;
    warned.add(line);
    print(line);
  };
  for (const warning of result.warnings) once(warning, terminal.warn);
  if (usesDatabase && (database === "creates" || database === "changes"))
    for (const line of sourceLines(result, context)) once(`ampho: ${line}`, terminal.note);
  return result;
}

/** Names the file with options that a command has run, and its database, if the command changes something. */
export function sourceLines(
  { configuration: { databaseUrl }, warnings }: ConfigurationResult,
  { configFile, processContext: { cwd } }: Pick<CommandContext, "configFile" | "processContext">,
): readonly string[] {
  const isNamed = warnings.includes(defaultDatabaseLine(databaseName(databaseUrl, cwd)));
  return [
    ...(configFile === undefined ? [] : [`The options are from ${configFile}.`]),
    ...(isNamed ? [] : [`The database is ${databaseName(databaseUrl, cwd)}.`]),
  ];
}

/** SQLite would create the file, and a command in a wrong folder would do its work on an empty database. */
function requireDatabase(url: string, { processContext: { cwd } }: CommandContext): void {
  if (url === "sqlite::memory:")
    throw new ConfigurationError(
      "AMPHO_DATABASE_URL is sqlite::memory:, a database that only its own process can use.",
    );
  const file = databaseFile(url, cwd);
  if (file === undefined || existsSync(file)) return;
  throw new ConfigurationError(
    `There is no database at ${databaseName(url, cwd)}. Set AMPHO_DATABASE_URL to the database of your deployment, or run the command in its folder. To create a new database, run \`ampho db-up\`.`,
  );
}

/** Shows no password. */
function databaseName(databaseUrl: string, cwd: string): string {
  const at = databaseAddress(databaseUrl);
  return databaseFile(databaseUrl, cwd) ?? (at === undefined ? "that of AMPHO_DATABASE_URL" : `postgres://${at}`);
}
