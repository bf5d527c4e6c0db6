// Writes the claims of access and refresh tokens, and reads those of refresh tokens (docs/reference/contract.md §5).
import type { Configuration } from "../config/configuration.js";
import { randomId } from "../crypto/random.js";
import { scopesOf } from "../levels/scopes.js";
import type { StoredConnection } from "../store/sql/rows/connection-rows.js";
import type { Session } from "../store/sql/rows/session-rows.js";
import { createAccessTokens } from "../tokens/access-tokens.js";
import { acceptsApiKeys, apiKeyTest } from "../tokens/api-key.js";
import { type AccessClaims, type ClientClaims, connectionToken, dynamicClient, refreshToken } from "../tokens/jwt.js";
import type { Keyring } from "../tokens/keyring.js";
import type { Account } from "../users/directory.js";
import type { Grant } from "../wire/login.js";

/**
 * The option `claims`: returns further claims for the access tokens of a user. An error makes the login or renewal
 * fail. A renewal has used up its refresh token by then. The client can repeat it for 10 seconds, or with the same
 * `Idempotency-Key`. Later it ends the session as a replay, so do not let an outage of another service cause an error.
 * @example await createAmpho({ claims: async ({ id }) => ({ tenant: await tenantOf(id) }) });
 */
export type ExtraClaims = (user: {
  readonly id: string;
  readonly login: string;
  readonly roles: readonly string[];
}) => Readonly<Record<string, unknown>> | Promise<Readonly<Record<string, unknown>>>;

interface ServiceGrant {
  readonly scopes: readonly string[];
  /** The claim `aud`. Undefined: that of sessions. */
  readonly resource: string | undefined;
  readonly iat: number;
  readonly ttlSeconds: number;
}

interface ConnectionGrant extends Omit<ServiceGrant, "resource"> {
  readonly account: Pick<Account, "id" | "login">;
  /** The name of the client, for the log of an application. */
  readonly client: string;
}

interface ExchangedGrant extends Omit<ServiceGrant, "ttlSeconds"> {
  /** The claims of the subject token. */
  readonly subject: AccessClaims;
  readonly service: { readonly id: string; readonly name: string };
  readonly exp: number;
}

/** The claims that a token has of the one for which it was exchanged. */
const exchangedClaims = ["sub", "sid", "gen", "auth_time", "amr", "acr"];

export type SessionTokens = ReturnType<typeof createSessionTokens>;

/**
 * Registered claims (RFC 7519 §4.1), those of Ampho, and those that docs/reference/contract.md §5 reserves for later.
 */
const reservedClaims: ReadonlySet<string> = new Set(
  (
    "iss sub aud exp nbf iat jti login roles scope sid gen ver auth_time act amr acr cnf client_id by org orgs bound api_key " +
    // JSON.stringify would call the last one.
    "may_act __proto__ toJSON"
  ).split(" "),
);

/** Also for objects of another realm, such as a test runner. A text would be spread into characters. */
function isPlainObject(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

export function createSessionTokens(deps: {
  readonly keyring: Keyring;
  readonly settings: Pick<
    Configuration,
    "tokenTtl" | "tokenLeeway" | "tokenForeignTtl" | "tokenIssuer" | "tokenAudience" | "scopes"
  > &
    Pick<Configuration, "apiKeysPerUser" | "tokenEndpoint" | "apiKeyBrand" | "resources">;
  readonly extraClaims: ExtraClaims | undefined;
}) {
  const { keyring, settings, extraClaims } = deps;
  const { tokenLeeway, tokenForeignTtl: foreignMaxSeconds, tokenTtl, tokenIssuer, tokenAudience = [] } = settings;
  const accessTokens = createAccessTokens({
    verify: (token, now) => keyring.verifyAccess(token, now),
    isSigningKeyRevoked: (kid) => keyring.isRevoked(kid),
    leewaySeconds: tokenLeeway,
    foreignMaxSeconds,
    scopes: settings.scopes,
    resources: settings.resources.map(({ resource }) => resource),
    audience: settings.tokenAudience,
    isApiKey: acceptsApiKeys(settings) ? apiKeyTest(settings.apiKeyBrand) : undefined,
  });

  const origin = {
    ...(tokenIssuer !== undefined && { iss: tokenIssuer }),
    ...(tokenAudience.length > 0 && { aud: tokenAudience.length === 1 ? tokenAudience[0] : tokenAudience }),
  };

  async function extrasFor({ id, login, roles }: Account): Promise<Readonly<Record<string, unknown>>> {
    if (extraClaims === undefined) return {};
    const extras = await extraClaims({ id, login, roles });
    if (!isPlainObject(extras))
      throw new TypeError("The option claims must return a plain object, which is {} without claims.");
    for (const name of Object.keys(extras))
      if (reservedClaims.has(name))
        throw new TypeError(`The option claims must not set ${JSON.stringify(name)}, which is reserved.`);
    return extras;
  }

  return {
    /** Throws `unavailable` while the signing key is revoked. */
    requireSigningKey: () => keyring.requireSigning(),
    /** The response of login and renew for the session's current generation. `now`: when its row was written. */
    async grant(
      session: Session,
      account: Account,
      { refresh, now: starts }: { readonly refresh: boolean; readonly now: number },
    ): Promise<Grant> {
      const extras = await extrasFor(account);
      // Not the current time: a revocation lasts until `now + ttl` of the session's row, and after a slow database the
      // token must not outlive it. Nor the session, which ends at `expiresAt` unless it is renewed.
      const expires = Math.min(starts + tokenTtl, session.expiresAt);
      const scopes = scopesOf(account.roles, settings.scopes);
      const token = keyring.signAccess({
        ...extras,
        ...origin,
        sub: account.id,
        login: account.login,
        roles: account.roles,
        ...(scopes.length === 0 ? {} : { scope: scopes.join(" ") }),
        sid: session.id,
        gen: session.gen,
        ver: account.rolesVersion,
        auth_time: session.authTime,
        amr: session.amr,
        acr: session.acr,
        jti: randomId(),
        iat: starts,
        nbf: starts,
        exp: expires,
      });
      const ttl = expires - starts;
      const grant = { token, token_type: "Bearer", starts, expires, ttl, leeway: tokenLeeway } as const;
      if (!refresh) return grant;
      const { id: sid, gen, expiresAt: exp } = session;
      const renewing = keyring.sign(refreshToken, { sub: account.id, sid, gen, iat: starts, exp });
      return { ...grant, refresh_token: renewing, refresh_expires: exp };
    },
    /** Returns an access token of a service account (RFC 9068). Its `login` is the id. */
    grantService(id: string, { scopes, resource, iat, ttlSeconds }: ServiceGrant): string {
      const times = { iat, nbf: iat, exp: iat + ttlSeconds };
      const named = { ...origin, ...(resource !== undefined && { aud: resource }), sub: id, client_id: id, login: id };
      return keyring.signAccess({ ...named, scope: scopes.join(" "), jti: randomId(), ...times });
    },
    /** The token of a service that calls another one for a user (RFC 8693 §4.1). It ends with that of its caller. */
    grantExchanged({ subject, service, scopes, resource, iat, exp }: ExchangedGrant): string {
      const { login, act } = subject;
      const kept = exchangedClaims
        .filter((name) => subject[name] !== undefined)
        .map((name): [string, unknown] => [name, subject[name]]);
      return keyring.signAccess({
        ...origin,
        ...(resource !== undefined && { aud: resource }),
        ...Object.fromEntries(kept),
        login,
        client_id: service.id,
        act: { sub: service.id, name: service.name, ...(act !== undefined && { act }) },
        scope: scopes.join(" "),
        jti: randomId(),
        iat,
        nbf: iat,
        exp,
      });
    },
    /** The tokens of a connection (RFC 6749 §5.1). The access token has the user's rights of this moment. */
    grantConnection(connection: StoredConnection, { account, client, scopes, iat, ttlSeconds }: ConnectionGrant) {
      const { id: sid, client: clientId, resource, gen, rights, renewedAt, expiresAt, authTime, amr, acr } = connection;
      const exp = Math.min(iat + ttlSeconds, expiresAt);
      const scope = scopes.join(" ");
      const actor = { client_id: clientId, act: { sub: clientId, name: client } };
      const token = keyring.signAccess({
        ...origin,
        ...(resource !== undefined && { aud: resource }),
        ...actor,
        sub: account.id,
        login: account.login,
        scope,
        sid,
        gen: rights,
        auth_time: authTime,
        amr,
        acr,
        jti: randomId(),
        iat,
        nbf: iat,
        exp,
      });
      // The same text for each process of the client, and for a repeated renewal.
      const renewing = keyring.sign(connectionToken, { sub: account.id, sid, gen, iat: renewedAt, exp: expiresAt });
      return {
        access_token: token,
        token_type: "Bearer",
        expires_in: exp - iat,
        refresh_token: renewing,
        scope,
      } as const;
    },
    /** Throws `invalid_token`. */
    readConnection(token: string, now: number) {
      const { sid, gen, iat, exp } = keyring.verify(connectionToken, token, now, Number.MAX_SAFE_INTEGER).claims;
      return { sid, gen, iat, expires: exp };
    },
    signClient: (claims: ClientClaims): string => keyring.sign(dynamicClient, claims),
    /** Throws `invalid_token`. */
    readClient: (id: string, now: number) => keyring.verify(dynamicClient, id, now).claims,
    ...accessTokens,
    /** Throws `invalid_token`. Returns an expired token, for which the caller throws `session_ended`. */
    readRefresh(token: string, now: number) {
      const { sid, gen, exp } = keyring.verify(refreshToken, token, now, Number.MAX_SAFE_INTEGER).claims;
      return { sid, gen, expires: exp };
    },
  };
}
