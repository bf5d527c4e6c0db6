// The files that contain secrets: those that `{NAME}_FILE` names, and configuration files with one.
import { join, resolve } from "node:path";
import { envFileName } from "./env-file.js";
import { readFiles } from "./files.js";
import { parameters } from "./parameters.js";
import { configurationFolder, readSources, type SourceInput } from "./sources.js";

export interface SecretFiles {
  readonly keyFile: string | undefined;
  /** All of them, also the key file. `what` begins a sentence. */
  readonly files: readonly { readonly path: string; readonly what: string }[];
}

const secrets: ReadonlySet<string> = new Set(
  Object.entries(parameters).flatMap(([name, row]) => ("secret" in row && row.secret === true ? [name] : [])),
);

/** Finds them for a configuration that could be read. */
export function findSecretFiles(context: SourceInput): SecretFiles {
  const named = [...readSources(context).values].flatMap(([name, { file }]) =>
    file === undefined ? [] : [{ name, path: resolve(context.cwd, file) }],
  );
  const { folder, names } = configurationFolder(context);
  const { files } = readFiles({ path: folder, label: "" }, names);
  const inEnvFile = [...(context.envFile ?? [])].some((name) => isSecret(name, context.env[name]));
  const configurationFiles = [
    ...files
      .filter(({ members }) => [...members].some(([name, value]) => isSecret(name, value)))
      .map(({ name }) => join(folder, name)),
    ...(inEnvFile ? [join(context.cwd, envFileName)] : []),
  ];
  return {
    keyFile: named.find(({ name }) => name === "AMPHO_SECURITY_KEY")?.path,
    files: [
      ...named.map(({ name, path }) => ({ path, what: `The file of ${name}` })),
      ...configurationFiles.map((path) => ({ path, what: "The configuration file with a secret" })),
    ],
  };
}

/** A URL with a password is a secret too. */
function isSecret(name: string, value: unknown): boolean {
  if (secrets.has(name)) return true;
  return typeof value === "string" && URL.canParse(value) && new URL(value).password !== "";
}
