// The authorization request and the code grant (RFC 6749 §4.1, RFC 7636, RFC 9207), which all kinds of providers share.

import { sign } from "node:crypto";
import type { AuthorizationServer, Client, ClientAuth } from "oauth4webapi";
import { systemClock } from "../clock.js";
import type { ClientProof, ProviderSettings } from "../config/provider-settings.js";
import { encodeBase64url } from "../crypto/base64url.js";
import type { OutsideSecrets } from "../factors/transactions.js";
import type { ProtocolLibrary, ProviderDeps } from "./library.js";
import type { OutsideResponse } from "./provider.js";
import { OutsideRejection, ProviderFailure } from "./provider.js";
import { type ProviderFetch, readObject } from "./provider-fetch.js";

export async function buildAuthorizationUrl(
  { library, settings, redirectUri }: ProviderDeps,
  endpoint: string,
  { state, verifier }: OutsideSecrets,
  parameters: Readonly<Record<string, string>>,
): Promise<string> {
  const url = new URL(endpoint);
  const all = {
    response_type: "code",
    client_id: settings.clientId,
    redirect_uri: redirectUri,
    state,
    code_challenge: await library.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    ...parameters,
  };
  for (const [name, value] of Object.entries(all)) url.searchParams.set(name, value);
  return url.href;
}

/** The client for the library, whose clock is that of this instance. */
export function clientOf({ library, settings, leewaySeconds, clock }: ProviderDeps): Client {
  return {
    client_id: settings.clientId,
    [library.clockSkew]: clock.now() - systemClock.now(),
    [library.clockTolerance]: leewaySeconds,
  };
}

/**
 * Checks `state` and `iss` of the response, and only then sends the code to the provider. Returns the response of the
 * token endpoint. Rejects with OutsideRejection or ProviderFailure.
 */
export async function redeemCode(
  deps: ProviderDeps,
  server: AuthorizationServer,
  fetch: ProviderFetch,
  response: OutsideResponse,
  { state, verifier }: OutsideSecrets,
): Promise<Response> {
  const { library, settings, redirectUri, clock } = deps;
  const client = clientOf(deps);
  const parameters = checkResponse(library, server, client, response, state);
  const authentication = authenticateClient(library, settings, server, clock.now());
  const tokenResponse = await library.authorizationCodeGrantRequest(
    server,
    client,
    authentication,
    parameters,
    redirectUri,
    verifier,
    { [library.customFetch]: fetch, [library.allowInsecureRequests]: true },
  );
  // RFC 6749 §5.2. A server that fails has not judged the code.
  if (tokenResponse.status >= 500)
    throw new ProviderFailure(`the response of its token endpoint was ${tokenResponse.status}`);
  if (tokenResponse.status === 401) throw new ProviderFailure("it does not accept the client and its secret");
  const type = tokenResponse.headers.get("content-type") ?? "";
  if (!/^application\/json(?:;|$)/i.test(type) || (await readObject(tokenResponse)) === undefined)
    throw new ProviderFailure("the response of its token endpoint is no JSON");
  return tokenResponse;
}

function checkResponse(
  library: ProtocolLibrary,
  server: AuthorizationServer,
  client: Client,
  { code, state, iss }: OutsideResponse,
  expectedState: string,
): URLSearchParams {
  const parameters = new URLSearchParams({ code, state, ...(iss !== undefined && { iss }) });
  try {
    return library.validateAuthResponse(server, client, parameters, expectedState);
  } catch {
    throw new OutsideRejection("response");
  }
}

/** Turns the errors of the library into ours. Those of the library hold tokens and claims, so none of them goes on. */
export async function orRejected<T>(
  library: ProtocolLibrary,
  reason: ConstructorParameters<typeof OutsideRejection>[0],
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof library.ResponseBodyError) {
      if (error.error === "invalid_client" || error.error === "unauthorized_client")
        throw new ProviderFailure("it does not accept the client and its secret");
      throw new OutsideRejection("code");
    }
    const { OperationProcessingError, UnsupportedOperationError, WWWAuthenticateChallengeError } = library;
    const kinds = [OperationProcessingError, UnsupportedOperationError, WWWAuthenticateChallengeError];
    throw kinds.some((kind) => error instanceof kind) ? new OutsideRejection(reason) : error;
  }
}

/** Apple accepts up to six months. The secret is created for one request. */
const appleSecretSeconds = 300;

function authenticateClient(
  library: ProtocolLibrary,
  { issuer, clientId, proof }: Pick<ProviderSettings, "issuer" | "clientId" | "proof">,
  { token_endpoint_auth_methods_supported: methods }: AuthorizationServer,
  now: number,
): ClientAuth {
  if ("key" in proof) return library.ClientSecretPost(appleSecret(proof, issuer, clientId, now));
  // Without a list, the method is Basic (OpenID Connect Discovery §3). Several providers decode its escapes wrongly.
  const prefersBody = methods?.includes("client_secret_post") === true;
  return prefersBody ? library.ClientSecretPost(proof.secret) : library.ClientSecretBasic(proof.secret);
}

/** developer.apple.com/documentation/accountorganizationaldatasharing/creating-a-client-secret */
function appleSecret(
  { team, keyId, key }: Extract<ClientProof, { readonly key: unknown }>,
  issuer: string,
  clientId: string,
  now: number,
): string {
  const header = { alg: "ES256", kid: keyId };
  const claims = { iss: team, iat: now, exp: now + appleSecretSeconds, aud: issuer, sub: clientId };
  const input = `${encodeBase64url(JSON.stringify(header))}.${encodeBase64url(JSON.stringify(claims))}`;
  const signature = sign("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" });
  return `${input}.${signature.toString("base64url")}`;
}
