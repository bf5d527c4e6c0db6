// All outside providers of an instance, by name.
import { createRowLimit } from "../audit/row-limit.js";
import type { Clock } from "../clock.js";
import type { Configuration } from "../config/configuration.js";
import type { ProviderSettings } from "../config/provider-settings.js";
import { AmphoError, transactionOver } from "../errors.js";
import { providerLine } from "../log-lines.js";
import { addTo, type ClientSource, createPlaces, NoPlace } from "../outbound/places.js";
import { createGithubProvider } from "./github.js";
import { loadProtocolLibrary, type ProtocolLibrary } from "./library.js";
import { createOpenIdProvider } from "./open-id.js";
import { OutsideRejection, type Provider, ProviderFailure, type ProviderSteps, type Providers } from "./provider.js";

/** The callback to register at a provider. It comes from the configuration and from nothing in a request. */
export function redirectUriOf(
  { apiUrl, appUrl, restPrefix }: Pick<Configuration, "apiUrl" | "appUrl" | "restPrefix">,
  name: string,
): string {
  return `${apiUrl ?? new URL(appUrl ?? "").origin}${restPrefix}/login/outside/${name}/callback`;
}

/** Undefined where no provider is configured. Rejects with ConfigurationError if the package is not installed. */
export const loadLibraryFor = async ({ providers }: Pick<Configuration, "providers">) =>
  providers.length === 0 ? undefined : loadProtocolLibrary();

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
  const run = createLoginLimits();
  return {
    ...steps,
    async identify(response, secrets, source) {
      const identity = await run(secrets.state, source, () => steps.identify(response, secrets));
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

const atOnceMax = 64;
/** A provider has judged so many codes of one login, in this process. */
const codesMax = 5;
/** A login that is dropped from memory gets its codes again. An attacker could as well begin another one. */
const keptMax = 10_000;

/** The function runs a login by its id. It rejects with ProviderFailure, `unavailable` or `transaction_over`. */
function createLoginLimits() {
  const places = createPlaces(atOnceMax);
  const codes = new Map<string, number>();

  async function judge<T>(login: string, work: () => Promise<T>): Promise<T> {
    // Counted before the provider responds, or a thousand codes could be sent meanwhile.
    addTo(codes, login, 1);
    const [oldest] = codes.keys();
    if (codes.size > keptMax && oldest !== undefined) codes.delete(oldest);
    let judged = false;
    try {
      return await work();
    } catch (error) {
      judged = error instanceof OutsideRejection && error.reason !== "response";
      throw error;
    } finally {
      if (!judged) addTo(codes, login, -1);
    }
  }

  return async <T>(login: string, source: ClientSource | undefined, work: () => Promise<T>): Promise<T> => {
    if ((codes.get(login) ?? 0) >= codesMax) throw transactionOver();
    const running = places.run(source, () => judge(login, work));
    return running.catch((error: unknown) => {
      if (!(error instanceof NoPlace)) throw error;
      // All places are taken, which the operator must see in the log.
      if (!error.isShare) throw new ProviderFailure(`it has ${atOnceMax} logins at once`);
      const message = "Too many logins of your network wait for the provider. Try again.";
      throw new AmphoError("unavailable", message, { retryAfterSeconds: 1 });
    });
  };
}
