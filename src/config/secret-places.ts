// Which files hold secrets: the key's own, and those of the configuration folder that hold one among their members.
import { join, resolve } from "node:path";
import { readFiles } from "./files.js";
import { parameters } from "./parameters.js";
import type { ProcessContext } from "./process-context.js";
import { configurationFolder, readSources } from "./sources.js";

export interface SecretPlaces {
  readonly keyFile: string | undefined;
  readonly configurationFiles: readonly string[];
}

const secretNames: ReadonlySet<string> = new Set(
  Object.entries(parameters).flatMap(([name, row]) => ("secret" in row && row.secret ? [name] : [])),
);

/** Of a configuration that could be read. */
export function secretPlaces(around: ProcessContext): SecretPlaces {
  const { given } = readSources(around);
  const keyFile = given.get("AMPHO_SECURITY_KEY_FILE")?.raw;
  const { folder, names } = configurationFolder(around);
  const { files } = readFiles({ path: folder, shown: "" }, names);
  return {
    keyFile: typeof keyFile === "string" && keyFile !== "" ? resolve(around.cwd, keyFile) : undefined,
    configurationFiles: files
      .filter(({ members }) => [...members].some(([name, value]) => isSecret(name, value)))
      .map(({ name }) => join(folder, name)),
  };
}

/** Also a database's URL with a password in it. */
function isSecret(name: string, value: unknown): boolean {
  if (secretNames.has(name)) return true;
  return typeof value === "string" && URL.canParse(value) && new URL(value).password !== "";
}
