// An OpenID provider (OpenID Connect Core §3.1): Google, one or several tenants of Microsoft, Apple, or any other one.

import { outsideMaxAgeSeconds, transactionTtlSeconds } from "../clock.js";
import { isGoogle, issuerOf, issuersOf } from "../config/provider-settings.js";
import { parseJsonObject } from "../crypto/json.js";
import type { OutsideSecrets } from "../factors/transactions.js";
import { type KeySet, tokenCharactersMax } from "../signing-keys/key.js";
import { fetchedKeySource, type KeySource } from "../signing-keys/key-source.js";
import { verifyJws } from "../tokens/jws.js";
import { peekJwt } from "../tokens/jwt.js";
import { TokenRejection } from "../tokens/rejection.js";
import { everywhere, googleAuthority, nowhere, readAddress } from "./address.js";
import { buildAuthorizationUrl, clientOf, orRejected, redeemCode } from "./code-grant.js";
import type { ProviderDeps } from "./library.js";
import { createMetadataSource, type Metadata } from "./metadata.js";
import {
  type OutsideIdentity,
  OutsideRejection,
  type OutsideResponse,
  ProviderFailure,
  type ProviderSteps,
} from "./provider.js";
import { createProviderFetch, readObject } from "./provider-fetch.js";

/** Tokens with unknown keys cause at most one fetch of the keys in this time. */
const keysPauseMs = 10_000;

export function createOpenIdProvider(deps: ProviderDeps): ProviderSteps {
  const { library, settings, leewaySeconds, clock, log } = deps;
  const fetch = createProviderFetch(settings.issuer);
  const metadata = createMetadataSource({ library, settings, fetch, clock });
  const issuers = issuersOf(settings);
  let keys: { readonly uri: string; readonly source: KeySource } | undefined;

  function keySourceOf({ jwks_uri: uri }: Metadata): KeySource {
    if (keys?.uri !== uri) {
      keys?.source.close();
      keys = { uri, source: fetchedKeySource({ url: new URL(uri), clock, log, pauseMs: keysPauseMs }) };
    }
    return keys.source;
  }

  async function redeem(response: OutsideResponse, secrets: OutsideSecrets): Promise<OutsideIdentity> {
    const server = await metadata.read();
    // A tenant sends its own issuer, where it sends one.
    const sender = issuers.find((issuer) => issuer === response.iss) ?? server.issuer;
    const tokenResponse = await redeemCode(deps, { ...server, issuer: sender }, fetch, response, secrets);
    const issuer = await issuerOfToken(tokenResponse.clone());
    const found = await library.processAuthorizationCodeResponse({ ...server, issuer }, clientOf(deps), tokenResponse, {
      expectedNonce: secrets.nonce,
      requireIdToken: true,
    });
    if (found.id_token === undefined) throw new OutsideRejection("id_token");
    const rules = { issuer, clientId: settings.clientId, nonce: secrets.nonce, now: clock.now(), leewaySeconds };
    const token = found.id_token;
    const claims = await withKeys(keySourceOf(server), (keySet) => verifyIdToken(token, keySet, rules));
    return identityOf(issuer, claims, await readAddressClaims(server, claims, found.access_token));
  }

  /** A provider can send the claims of a scope at UserInfo alone (OpenID Connect Core §5.4). */
  async function readAddressClaims(
    { userinfo_endpoint: endpoint }: Metadata,
    claims: IdClaims,
    token: string,
  ): Promise<Readonly<Record<string, unknown>>> {
    if (claims["email"] !== undefined || endpoint === undefined) return claims;
    const response = await fetch(endpoint, {
      headers: { accept: "application/json", authorization: `Bearer ${token}`, "user-agent": "ampho" },
    });
    const { status } = response;
    if (status !== 200) throw new ProviderFailure(`the response of its UserInfo endpoint was ${status}`);
    const info = await readObject(response);
    if (info === undefined) throw new ProviderFailure("the response of its UserInfo endpoint is no JSON");
    // OpenID Connect Core §5.3.2: with another token in its place, it would be about another user.
    if (info["sub"] !== claims.sub) throw new OutsideRejection("user");
    return info;
  }

  /** The tenant of a token is not believed before the signature is checked. It only names the issuer to expect. */
  async function issuerOfToken(tokenResponse: Response): Promise<string> {
    if (settings.tenants.length === 0) return settings.issuer;
    const body: unknown = await tokenResponse.json().catch(() => undefined);
    const token = typeof body === "object" && body !== null && "id_token" in body ? body.id_token : undefined;
    const tenant = typeof token === "string" ? readTenant(token) : undefined;
    const listed = settings.tenants.find((each) => each === tenant);
    if (listed === undefined) throw new OutsideRejection("id_token");
    return issuerOf(settings, listed);
  }

  function identityOf(
    issuer: string,
    claims: IdClaims,
    { email, email_verified: verified }: Readonly<Record<string, unknown>>,
  ): OutsideIdentity {
    const { sub, hd } = claims;
    const other = settings.kind === "apple" ? everywhere : nowhere;
    const authority = isGoogle(issuer) ? googleAuthority(hd) : other;
    return {
      issuer,
      subject: sub,
      ...readAddress(email, verified, authority, settings),
      hasSecondFactor: settings.trustsAmr && provesSecondFactor(claims),
      ...(claims.authTime !== undefined && { authTime: claims.authTime }),
    };
  }

  return {
    settings,
    issuers,
    async authorizationUrl(secrets, maxAge = outsideMaxAgeSeconds) {
      const { authorization_endpoint: endpoint } = await metadata.read();
      return buildAuthorizationUrl(deps, endpoint, secrets, {
        scope: "openid email",
        nonce: secrets.nonce,
        // Apple sends an address only in this mode. It asks its user each time, and knows no max_age.
        ...(settings.kind === "apple" ? { response_mode: "form_post" } : { max_age: String(maxAge) }),
      });
    },
    identify: (response, secrets) => orRejected(library, "id_token", () => redeem(response, secrets)),
    close: () => keys?.source.close(),
  };
}

const readTenant = (token: string): unknown => peekJwt(token)?.claims["tid"];

/** Runs the check, and runs it again after the keys were fetched because the token's key is unknown. */
async function withKeys(source: KeySource, check: (keys: KeySet) => IdClaims): Promise<IdClaims> {
  await source.prepare();
  for (;;) {
    if (source.keys === undefined) throw new ProviderFailure("its keys cannot be fetched");
    try {
      return check(source.keys);
    } catch (error) {
      if (!(error instanceof TokenRejection)) throw error;
      const isUnknown = error.why === "unknownKey" || error.why === "noKey";
      // The pause between fetches ends this.
      const fetching = isUnknown ? source.refetch() : undefined;
      if (fetching === undefined) throw new OutsideRejection("id_token");
      await fetching;
    }
  }
}

/** RFC 8176 §2 names `mfa`, and OpenID EAP `phr` and `phrh`, which count no more: that passkey is not ours. */
const provesSecondFactor = ({ amr, acr }: IdClaims): boolean =>
  [...amr, acr].some((word) => word === "mfa" || word === "phr" || word === "phrh");

// The ID token (OpenID Connect Core §2 and §3.1.3.7). The checks are stricter than those of the library. A token has
// one spelling, and its key decides the algorithm (RFC 8725 §3.1). It has one audience or our `azp`, and its times are
// within the leeway. The types of Ampho's own tokens are rejected.

interface IdTokenRules {
  readonly issuer: string;
  readonly clientId: string;
  readonly nonce: string;
  readonly now: number;
  readonly leewaySeconds: number;
}

interface IdClaims {
  readonly sub: string;
  readonly amr: readonly string[];
  readonly acr: string | undefined;
  readonly authTime: number | undefined;
  readonly [name: string]: unknown;
}

/** A logout token or an access token has a type of its own. */
const types: ReadonlySet<string | undefined> = new Set([undefined, "jwt"]);
const noneRevoked: ReadonlySet<string> = new Set();

/** Throws OutsideRejection. A token whose key is unknown throws the TokenRejection of `verifyJws`. */
function verifyIdToken(token: string, keys: KeySet, rules: IdTokenRules): IdClaims {
  const payload = Buffer.alloc(tokenCharactersMax);
  const { typ, payloadBytes } = verifyJws(token, keys, noneRevoked, payload);
  const claims = types.has(typ) ? parseJsonObject(payload, payloadBytes) : undefined;
  if (claims === undefined || !isForUs(claims, rules)) throw new OutsideRejection("id_token");
  const { sub, amr, acr, auth_time: authTime } = claims;
  if (!isSubject(sub)) throw new OutsideRejection("user");
  return {
    ...claims,
    sub,
    amr: Array.isArray(amr) ? amr.filter((method) => typeof method === "string") : [],
    acr: typeof acr === "string" ? acr : undefined,
    authTime: isTime(authTime) ? authTime : undefined,
  };
}

function isForUs(claims: Readonly<Record<string, unknown>>, rules: IdTokenRules): boolean {
  const { issuer, clientId, nonce, now, leewaySeconds } = rules;
  const { iss, aud, azp, exp, iat, nbf, auth_time: authTime } = claims;
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  return (
    iss === issuer &&
    audiences.includes(clientId) &&
    (azp === undefined ? audiences.length === 1 : azp === clientId) &&
    claims["nonce"] === nonce &&
    isTime(exp) &&
    now < exp + leewaySeconds &&
    isTime(iat) &&
    iat <= now + leewaySeconds &&
    // It was issued during the transaction.
    iat >= now - transactionTtlSeconds - leewaySeconds &&
    (nbf === undefined || (isTime(nbf) && nbf <= now + leewaySeconds)) &&
    (authTime === undefined || (isTime(authTime) && authTime <= now + leewaySeconds))
  );
}

const isTime = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

/** OpenID Connect Core §2: at most 255 ASCII characters. */
const isSubject = (value: unknown): value is string => typeof value === "string" && /^[\x20-\x7e]{1,255}$/.test(value);
