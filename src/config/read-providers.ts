// AMPHO_SECURITY_PROVIDERS: reads the outside providers.
import { fromJson } from "./kinds.js";
import { checkProviders, type ProvidersReading } from "./provider-settings.js";
import type { SourceValue } from "./sources.js";

const problem = (text: string): ProvidersReading => ({ providers: [], problems: [text] });

/** Providers send their users back to the pages of `appUrl`. */
export function readProviders(value: SourceValue | undefined, appUrl: string | undefined): ProvidersReading {
  const reading = read(value);
  const { providers, problems } = reading;
  if (providers.length === 0 || appUrl !== undefined || problems.length > 0) return reading;
  return problem("AMPHO_APP_URL must be set for AMPHO_SECURITY_PROVIDERS, because providers send the user back to it.");
}

function read(value: SourceValue | undefined): ProvidersReading {
  if (value === undefined) return { providers: [], problems: [] };
  const parsed = fromJson(value.raw);
  if (parsed !== undefined) return checkProviders(value.label, parsed);
  return problem(`${value.label} must be a JSON object of providers, but is not JSON.`);
}
