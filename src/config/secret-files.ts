// The files that contain secrets: the key file, that of outside providers, configuration files with one.
import { join, resolve } from "node:path";
import { envFileName } from "./env-file.js";
import { readFiles } from "./files.js";
import { parameters } from "./parameters.js";
import { configurationFolder, readSources, type SourceInput } from "./sources.js";

export interface SecretFiles {
  readonly keyFile: string | undefined;
  /** It contains client secrets and the private key for Apple. */
  readonly providersFile: string | undefined;
  readonly configurationFiles: readonly string[];
}

const secretNames: ReadonlySet<string> = new Set(
  Object.entries(parameters).flatMap(([name, row]) => ("secret" in row && row.secret ? [name] : [])),
);

/** Finds them for a configuration that could be read. */
export function findSecretFiles(context: SourceInput): SecretFiles {
  const { values } = readSources(context);
  const pathOf = (name: "AMPHO_SECURITY_KEY_FILE" | "AMPHO_SECURITY_PROVIDERS_FILE") => {
    const raw = values.get(name)?.raw;
    return typeof raw === "string" && raw !== "" ? resolve(context.cwd, raw) : undefined;
  };
  const { folder, names } = configurationFolder(context);
  const { files } = readFiles({ path: folder, label: "" }, names);
  const inEnvFile = [...(context.envFile ?? [])].some((name) => isSecret(name, context.env[name]));
  return {
    keyFile: pathOf("AMPHO_SECURITY_KEY_FILE"),
    providersFile: pathOf("AMPHO_SECURITY_PROVIDERS_FILE"),
    configurationFiles: [
      ...files
        .filter(({ members }) => [...members].some(([name, value]) => isSecret(name, value)))
        .map(({ name }) => join(folder, name)),
      ...(inEnvFile ? [join(context.cwd, envFileName)] : []),
    ],
  };
}

/** A database URL with a password is a secret too. */
function isSecret(name: string, value: unknown): boolean {
  if (secretNames.has(name)) return true;
  return typeof value === "string" && URL.canParse(value) && new URL(value).password !== "";
}
