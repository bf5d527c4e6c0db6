// The checks of a provider for an operator: the callback, the metadata, the keys and the clock.
import { type Clock, systemClock } from "../clock.js";
import type { Configuration } from "../config/configuration.js";
import type { ProviderKind, ProviderSettings } from "../config/provider-settings.js";
import { documentLimits, fetchJson } from "../outbound/bounded-fetch.js";
import { isLocalhost, isLoopback } from "../outbound/secure-url.js";
import { importPublishedKeys } from "../signing-keys/jwk-set.js";
import { githubApi } from "./github.js";
import type { ProtocolLibrary } from "./library.js";
import { createMetadataSource, type Metadata } from "./metadata.js";
import { ProviderFailure } from "./provider.js";
import { createProviderFetch } from "./provider-fetch.js";
import { redirectUriOf } from "./providers.js";

export interface ProviderFinding {
  readonly ok: boolean;
  /** A sentence. */
  readonly text: string;
}

interface CheckDeps {
  readonly library: ProtocolLibrary;
  readonly settings: ProviderSettings;
  readonly clock: Clock;
  readonly leewaySeconds: number;
  readonly redirectUri: string;
  readonly isProduction: boolean;
}

/** The checks compare a provider with this configuration and the clock of this machine. */
export const providerChecks = (configuration: Configuration, name: string) => ({
  clock: systemClock,
  leewaySeconds: configuration.tokenLeeway,
  redirectUri: redirectUriOf(configuration, name),
  isProduction: configuration.environment === "production",
});

/** The API of a kind without metadata and keys, which states the time instead of them. */
const withoutMetadata: Readonly<Record<ProviderKind, ((issuer: string) => string) | undefined>> = {
  oidc: undefined,
  github: githubApi,
  apple: undefined,
};

export async function checkProvider(deps: CheckDeps): Promise<readonly ProviderFinding[]> {
  const { library, settings, clock } = deps;
  const { issuer, kind } = settings;
  const fetch = createProviderFetch(issuer);
  const good = (text: string): ProviderFinding => ({ ok: true, text });
  const callback = checkCallback(deps);
  try {
    const apiOf = withoutMetadata[kind];
    if (apiOf !== undefined)
      return [callback, good("This kind has no metadata and no keys."), await checkClock(deps, apiOf(issuer))];
    const metadata = await createMetadataSource({ library, settings, fetch, clock }).read();
    return [
      callback,
      good(`The metadata is for the issuer ${metadata.issuer}.`),
      await checkKeys(metadata),
      await checkClock(deps, metadata.jwks_uri),
    ];
  } catch (error) {
    if (error instanceof ProviderFailure)
      return [callback, { ok: false, text: `The provider cannot be used: ${error.message}.` }];
    throw error;
  }
}

/** The configuration has no other http URL. */
function checkCallback({ redirectUri, isProduction }: CheckDeps): ProviderFinding {
  const { protocol, hostname } = new URL(redirectUri);
  if (isProduction && (isLocalhost(hostname) || isLoopback(hostname)))
    return { ok: false, text: "The callback leads to the machine of each user. Set AMPHO_APP_URL or AMPHO_API_URL." };
  return { ok: true, text: protocol === "https:" ? "The callback uses TLS." : "The callback is on this machine." };
}

async function checkKeys({ jwks_uri: uri }: Metadata): Promise<ProviderFinding> {
  const fetched = await fetchJson(new URL(uri), documentLimits).catch(() => undefined);
  const imported = fetched && importPublishedKeys(fetched.members);
  const usable = imported?.keys.map(({ algorithm }) => algorithm) ?? [];
  if (usable.length === 0) return { ok: false, text: `No usable key is published at ${uri}.` };
  return { ok: true, text: `${usable.length === 1 ? "1 key" : `${usable.length} keys`}: ${usable.join(", ")}.` };
}

/** A clock that is off rejects good ID tokens, or accepts old ones. */
async function checkClock({ settings, clock, leewaySeconds }: CheckDeps, url: string): Promise<ProviderFinding> {
  const response = await createProviderFetch(settings.issuer)(url, { headers: { "user-agent": "ampho" } });
  const theirs = Math.floor(Date.parse(response.headers.get("date") ?? "") / 1000);
  if (Number.isNaN(theirs)) return { ok: true, text: "The provider does not state its time." };
  const ahead = clock.now() - theirs;
  const text = `The clocks differ by ${Math.abs(ahead)} s.`;
  return { ok: Math.abs(ahead) <= leewaySeconds, text };
}
