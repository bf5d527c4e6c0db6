// AMPHO_SECURITY_PROVIDERS and AMPHO_SECURITY_PROVIDERS_FILE: reads the outside providers from one of them.
import { resolve } from "node:path";
import { readRegularFile } from "./files.js";
import { fromJson } from "./kinds.js";
import { checkProviders, type ProvidersReading } from "./provider-settings.js";
import { describePath } from "./redact.js";
import type { SourceValue } from "./sources.js";

export interface ProvidersInput {
  readonly providers: SourceValue | undefined;
  readonly providersFile: SourceValue | undefined;
  /** The parsed path. Undefined if none is set or if it is a bad value. */
  readonly path: string | undefined;
  /** Providers send their users back to these pages. */
  readonly appUrl: string | undefined;
  readonly cwd: string;
}

const none: ProvidersReading = { providers: [], problems: [] };
const problem = (text: string): ProvidersReading => ({ providers: [], problems: [text] });

export function readProviders(input: ProvidersInput): ProvidersReading {
  const reading = read(input);
  const { providers, problems } = reading;
  if (providers.length === 0 || input.appUrl !== undefined || problems.length > 0) return reading;
  return problem("AMPHO_APP_URL must be set for AMPHO_SECURITY_PROVIDERS, because providers send the user back to it.");
}

function read({ providers, providersFile, path, cwd }: ProvidersInput): ProvidersReading {
  if (providers !== undefined && providersFile !== undefined)
    return problem(`${providersFile.label} must not be set together with ${providers.label}. Remove one of the two.`);
  if (providers !== undefined) return parse(providers.label, providers.raw);
  if (providersFile === undefined || path === undefined) return none;
  const file = readRegularFile(resolve(cwd, path));
  if ("why" in file)
    return problem(
      `${providersFile.label} must be the path of a readable file, but is ${describePath(path)} (${file.why}).`,
    );
  return parse(providersFile.label, file.text);
}

function parse(label: string, value: unknown): ProvidersReading {
  const parsed = fromJson(value);
  return parsed === undefined
    ? problem(`${label} must be a JSON object of providers, but is not JSON.`)
    : checkProviders(label, parsed);
}
