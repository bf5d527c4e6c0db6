// The metadata of an OpenID provider (OpenID Connect Discovery §4, RFC 8414 §3.3), read at the first login and kept for
// an hour. The issuer must be the configured one to the byte, or the provider could speak for another one.
import type { AuthorizationServer } from "oauth4webapi";
import type { Clock } from "../clock.js";
import { issuerOf, type ProviderSettings } from "../config/provider-settings.js";
import type { ProtocolLibrary } from "./library.js";
import { ProviderFailure } from "./provider.js";
import { type ProviderFetch, requireEndpoint } from "./provider-fetch.js";

export type Metadata = AuthorizationServer & { readonly authorization_endpoint: string; readonly jwks_uri: string };

const keptMs = 3_600_000;
/** The pause after a failure. Logins meanwhile fail without a request, or use what was read before. */
const pauseMs = 10_000;

export function createMetadataSource(deps: {
  readonly library: ProtocolLibrary;
  readonly settings: ProviderSettings;
  readonly fetch: ProviderFetch;
  readonly clock: Clock;
}) {
  const { library, settings, fetch, clock } = deps;
  let known: Metadata | undefined;
  let failure: ProviderFailure | undefined;
  let nextMs = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;

  async function discover(): Promise<void> {
    try {
      known = await readMetadata(library, settings, fetch);
      failure = undefined;
      nextMs = clock.monotonicMs() + keptMs;
    } catch (error) {
      failure = error instanceof ProviderFailure ? error : new ProviderFailure("its metadata cannot be read");
      nextMs = clock.monotonicMs() + pauseMs;
    }
  }

  return {
    /** Rejects with ProviderFailure. */
    async read(): Promise<Metadata> {
      if (clock.monotonicMs() >= nextMs) {
        reading ??= discover().finally(() => {
          reading = undefined;
        });
      }
      // Known metadata is replaced beside the logins.
      if (known === undefined) await reading;
      if (known === undefined) throw failure ?? new ProviderFailure("its metadata cannot be read");
      return known;
    },
  };
}

/** The placeholder of Microsoft for the tenant in an issuer that all tenants share. It is the issuer of no token. */
const anyTenant = "{tenantid}";

async function readMetadata(library: ProtocolLibrary, settings: ProviderSettings, fetch: ProviderFetch) {
  const options = { [library.customFetch]: fetch, [library.allowInsecureRequests]: true } as const;
  const response = await library.discoveryRequest(new URL(settings.issuer), options);
  if (response.status !== 200) throw new ProviderFailure(`the response to discovery was ${response.status}`);
  const expected = issuerOf(settings, anyTenant);
  // The library compares URLs. "https://a.example" and "https://a.example/" are two issuers.
  const metadata = await library.processDiscoveryResponse(new URL(expected), response).catch(() => {
    throw new ProviderFailure("its metadata is not for the configured issuer, or is no JSON");
  });
  if (metadata.issuer !== expected)
    throw new ProviderFailure("its metadata is for an issuer that differs from the configured one");
  const { code_challenge_methods_supported: methods } = metadata;
  // RFC 9700 §2.1.1: PKCE with S256 only. A provider that lists nothing ignores it or supports it.
  if (Array.isArray(methods) && !methods.includes("S256"))
    throw new ProviderFailure("it does not support PKCE with S256");
  const endpoint = (value: unknown) => {
    requireEndpoint(settings.issuer, value);
    return String(value);
  };
  endpoint(metadata.token_endpoint);
  const { authorization_endpoint, jwks_uri } = metadata;
  return { ...metadata, authorization_endpoint: endpoint(authorization_endpoint), jwks_uri: endpoint(jwks_uri) };
}
