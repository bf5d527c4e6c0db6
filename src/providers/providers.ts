// All outside providers of an instance, by name.
import { createRowLimit } from "../audit/row-limit.js";
import type { Clock } from "../clock.js";
import type { Configuration } from "../config/configuration.js";
import type { ProviderSettings } from "../config/provider-settings.js";
import { providerLine } from "../log-lines.js";
import { createGithubProvider } from "./github.js";
import { loadProtocolLibrary, type ProtocolLibrary } from "./library.js";
import { createLoginLimits } from "./login-limits.js";
import { createOpenIdProvider } from "./open-id.js";
import type { Provider, ProviderSteps, Providers } from "./provider.js";

/** The callback to register at a provider. It comes from the configuration and from nothing in a request. */
export function redirectUriOf(
  { apiUrl, appUrl, restPrefix }: Pick<Configuration, "apiUrl" | "appUrl" | "restPrefix">,
  name: string,
): string {
  return `${apiUrl ?? new URL(appUrl ?? "").origin}${restPrefix}/login/outside/${name}/callback`;
}

/** Undefined where no provider is configured. Rejects with ConfigurationError if the package is not installed. */
export async function loadLibraryFor({
  providers,
}: Pick<Configuration, "providers">): Promise<ProtocolLibrary | undefined> {
  return providers.length === 0 ? undefined : loadProtocolLibrary();
}

const create = {
  oidc: createOpenIdProvider,
  github: createGithubProvider,
  apple: createOpenIdProvider,
} satisfies Readonly<Record<ProviderSettings["kind"], unknown>>;

/** Needs no network. */
export function createProviders(
  configuration: Pick<Configuration, "providers" | "tokenLeeway" | "apiUrl" | "appUrl" | "restPrefix">,
  library: ProtocolLibrary | undefined,
  { clock, log }: { readonly clock: Clock; readonly log: (line: string) => void },
): Providers {
  const { providers: configured, tokenLeeway: leewaySeconds } = configuration;
  if (library === undefined) return { all: [], find: () => undefined, close: () => {} };
  const all = configured.map((settings) => {
    const redirectUri = redirectUriOf(configuration, settings.name);
    return withLimits(create[settings.kind]({ library, settings, redirectUri, leewaySeconds, clock, log }), log);
  });
  const byName = new Map(all.map((provider) => [provider.settings.name, provider]));
  return {
    all,
    find: (name) => byName.get(name),
    close: () => {
      for (const provider of all) provider.close();
    },
  };
}

/** Logins can fail often while a provider is down, so the log has one line for each cause. */
function withLimits(steps: ProviderSteps, log: (line: string) => void): Provider {
  const reported = new Set<string>();
  const limits = createLoginLimits();
  return {
    ...steps,
    async identify(response, secrets, source) {
      const identity = await limits.run(secrets.state, source, () => steps.identify(response, secrets));
      reported.clear();
      return identity;
    },
    report({ message }) {
      if (!reported.has(message)) log(providerLine(steps.settings.name, message));
      reported.add(message);
    },
    isRecordable: createRowLimit(),
  };
}
