// The requests to a provider: https, no redirects, 5 s, 64 KiB. A redirect could send the code and the client's secret
// to another host. Only a provider on the loopback interface, as in a test, can have endpoints without TLS.
import { isObject } from "../config/kinds.js";
import { boundedFetch, documentLimits, FetchFailure } from "../outbound/bounded-fetch.js";
import { isLoopback, isSecureUrl } from "../outbound/secure-url.js";
import { ProviderFailure } from "./provider.js";

export interface ProviderRequest {
  readonly method?: "GET" | "POST";
  readonly headers?: Record<string, string>;
  readonly body?: URLSearchParams | string | undefined;
}

/** Sends a request and reads the whole response. Rejects with ProviderFailure. */
export type ProviderFetch = (url: string, request: ProviderRequest) => Promise<Response>;

/** `issuer` decides whether an endpoint can be without TLS. One with TLS cannot name a service of this machine. */
export function createProviderFetch(issuer: string): ProviderFetch {
  return async (url, { method = "GET", headers = {}, body }) => {
    const endpoint = requireEndpoint(issuer, url);
    const sent = { ...documentLimits, method, headers, ...(body !== undefined && { body }) };
    const response = await boundedFetch(endpoint, sent).catch((error: unknown) => {
      throw error instanceof FetchFailure ? new ProviderFailure(error.message) : error;
    });
    const { status } = response;
    if (status < 200 || (status >= 300 && status < 400)) throw new ProviderFailure("the response was a redirect");
    const bytes = response.body.length === 0 ? null : new Uint8Array(response.body);
    return new Response(bytes, { status, headers: response.headers });
  };
}

/** Returns the JSON object of a response, which can be read again. Undefined for any other body. */
export async function readObject(response: Response): Promise<Readonly<Record<string, unknown>> | undefined> {
  const body: unknown = await response
    .clone()
    .json()
    .catch(() => undefined);
  return isObject(body) ? body : undefined;
}

/** Throws ProviderFailure for an endpoint that must not be used. */
export function requireEndpoint(issuer: string, endpoint: unknown): URL {
  if (typeof endpoint !== "string" || !URL.canParse(endpoint)) throw new ProviderFailure("an endpoint is not a URL");
  const url = new URL(endpoint);
  if (!isSecureUrl(url)) throw new ProviderFailure("an endpoint is without TLS, or contains a password");
  if (url.protocol === "http:" && !isLoopback(new URL(issuer).hostname))
    throw new ProviderFailure("an endpoint is without TLS");
  return url;
}
