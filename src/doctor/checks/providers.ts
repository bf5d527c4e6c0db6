// Outside providers, checked as `ampho provider-check` does.
import type { Configuration } from "../../config/configuration.js";
import { ConfigurationError } from "../../errors.js";
import { checkProvider, providerChecks } from "../../providers/check.js";
import { loadLibraryFor } from "../../providers/providers.js";
import type { Finding } from "../finding.js";

export async function checkOutsideProviders(configuration: Configuration): Promise<readonly Finding[]> {
  const library = await loadLibraryFor(configuration).catch((error: unknown) => {
    if (error instanceof ConfigurationError) return error;
    throw error;
  });
  if (library === undefined) return [];
  if (library instanceof ConfigurationError)
    return [finding(library.message, "Install the package, or remove the providers.")];
  const all = configuration.providers.map(async (settings) => {
    const { name } = settings;
    const found = await checkProvider({
      library,
      settings,
      ...providerChecks(configuration, name),
    });
    const fix = `Run \`ampho provider-check ${name}\` after a change (docs/guides/providers.md).`;
    return found.filter(({ ok }) => !ok).map(({ text }) => finding(`Provider ${name}: ${text}`, fix));
  });
  return (await Promise.all(all)).flat();
}

const finding = (message: string, fix: string): Finding => ({ severity: "error", check: "providers", message, fix });
