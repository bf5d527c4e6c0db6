// AMPHO_SECURITY_PROVIDERS and AMPHO_SECURITY_PROVIDERS_FILE: reads the outside providers from one of them.
import { fromJson } from "./kinds.js";
import { checkProviders, type ProvidersReading } from "./provider-settings.js";
import { notBoth, readValueOrFile, type ValueOrFile } from "./sources.js";

export interface ProvidersInput extends ValueOrFile {
  /** Providers send their users back to these pages. */
  readonly appUrl: string | undefined;
}

const problem = (text: string): ProvidersReading => ({ providers: [], problems: [text] });

export function readProviders(input: ProvidersInput): ProvidersReading {
  const reading = read(input);
  const { providers, problems } = reading;
  if (providers.length === 0 || input.appUrl !== undefined || problems.length > 0) return reading;
  return problem("AMPHO_APP_URL must be set for AMPHO_SECURITY_PROVIDERS, because providers send the user back to it.");
}

function read(input: ValueOrFile): ProvidersReading {
  const found = notBoth(input) ?? readValueOrFile(input);
  if (found === undefined) return { providers: [], problems: [] };
  if (typeof found === "string") return problem(found);
  const parsed = fromJson(found.raw);
  if (parsed !== undefined) return checkProviders(found.label, parsed);
  return problem(`${found.label} must be a JSON object of providers, but is not JSON.`);
}
