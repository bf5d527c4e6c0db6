// The configuration: every source merged, every value that counts checked, everything that is wrong told at once.
// The parameters themselves are rows of config/parameters.ts.
import { resolve } from "node:path";
import type { ImportedKeys } from "../keys/jwk-set.js";
import { type KeyNeed, readKey } from "./key.js";
import {
  optionName,
  type ParameterName,
  type ParameterOptions,
  type ParameterValues,
  parameterNames,
  parameters,
} from "./parameters.js";
import { failure, type Problem } from "./problem.js";
import { describePath, describeValue, redactSecret } from "./redact.js";
import { type Given, readSources, type SourceInput } from "./sources.js";

export type { KeyNeed };

/** The options of createAmpho that are parameters. */
export type ConfigurationOptions = ParameterOptions;

/** Every parameter under its name in code; of the key only what was made of it. */
export interface Configuration extends Omit<ParameterValues, "key" | "databaseMigrate"> {
  /** `NODE_ENV`, or `development`. */
  readonly environment: string;
  readonly databaseMigrate: "auto" | "off";
  /** The whole path of the file that `keys` came from, if they did. */
  readonly keyFile: string | undefined;
  /** The first signs. Undefined only where no key was asked for. */
  readonly keys: ImportedKeys["keys"] | undefined;
}

export interface ConfigurationInput extends SourceInput {
  /** `any` if nothing is said. */
  readonly needs?: { readonly key: KeyNeed };
}

export interface ConfigurationResult {
  readonly configuration: Configuration;
  /** In words for stderr or the log; they hold no secret. */
  readonly warnings: readonly string[];
  /** The private JWK or JWK Set as it was configured, parsed: for making the next one of it and for nothing else. */
  readonly configuredKey: unknown;
}

/**
 * Reads files, environment and options, each standing over those before it.
 * @throws ConfigurationError with one message that names every wrong parameter, what it was and what it may be
 */
export function readConfiguration(input: ConfigurationInput): ConfigurationResult {
  const { environment, given, complete, ...sources } = readSources(input);
  const problems: Problem[] = [...sources.problems];
  const { key: _, keyFile, databaseMigrate, ...values } = checkValues(given, problems);
  const keyIsGiven = given.has("AMPHO_SECURITY_KEY") || given.has("AMPHO_SECURITY_KEY_FILE");
  const key = readKey({
    key: given.get("AMPHO_SECURITY_KEY")?.raw,
    keyFile,
    keyFileIsSet: given.has("AMPHO_SECURITY_KEY_FILE"),
    algorithm: values.tokenAlg,
    // A file that cannot be used may hold it.
    need: complete || keyIsGiven ? (input.needs?.key ?? "any") : "none",
    production: environment === "production",
    cwd: input.cwd,
  });
  problems.push(...key.problems.map(({ name, text }) => ({ name: placed(name, given.get(name)), text })));
  if (problems.length > 0) throw failure(problems, sources.warnings);
  const configuration: Configuration = {
    ...values,
    environment,
    keyFile: keyFile === undefined ? undefined : resolve(input.cwd, keyFile),
    databaseMigrate: databaseMigrate ?? migrateByDefault(environment, values.databaseUrl),
    keys: key.keys,
  };
  return {
    configuration: Object.freeze(configuration),
    warnings: [...sources.warnings, ...key.warnings, ...withoutEffect(values)],
    configuredKey: key.source,
  };
}

const placed = (name: string, given: Given | undefined) => (given === undefined ? name : `${name} (${given.place})`);

const migrateByDefault = (environment: string, databaseUrl: string) =>
  environment === "production" && !databaseUrl.startsWith("sqlite:") ? "off" : "auto";

const withoutEffect = ({ databasePrepare, databaseUrl }: Pick<ParameterValues, "databasePrepare" | "databaseUrl">) =>
  databasePrepare && databaseUrl.startsWith("sqlite:")
    ? ["AMPHO_DATABASE_PREPARE is for PostgreSQL: with SQLite statements are always prepared, and it changes nothing"]
    : [];

/** By readKey, together with its file. */
const readApart: ParameterName = "AMPHO_SECURITY_KEY";

/** What is given, or the default; a bad value is reported and left out. */
function checkValues(given: ReadonlyMap<ParameterName, Given>, problems: Problem[]): ParameterValues {
  const values: Record<string, unknown> = {};
  for (const name of parameterNames) {
    const { kind, default: usual, secret } = parameters[name];
    const one = given.get(name);
    const apart = name === readApart;
    const value = one === undefined || apart ? usual : kind.parse(one.raw);
    if (one !== undefined && !apart && value === undefined) {
      const show = name === "AMPHO_SECURITY_KEY_FILE" ? describePath : secret ? redactSecret : describeValue;
      const was = show(one.raw);
      problems.push({ name: placed(name, one), text: `is ${was} and may be ${kind.expected}` });
    }
    values[optionName(name)] = value;
  }
  // The one cast: the object was filled by the table that the type is made of, and is not used when there are problems.
  return values as ParameterValues;
}
