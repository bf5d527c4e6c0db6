// Access tokens as a guard reads them: verified once, then found by the whole token (docs/reference/contract.md §5).
import { AmphoError } from "../errors.js";
import type { RoleScopes } from "../levels/scopes.js";
import type { Auth } from "./auth.js";
import { authFromClaims } from "./auth-from-claims.js";
import { bearerOf, scheme } from "./bearer.js";
import { holdsAudience } from "./claims.js";
import { type Credential, credentialOf, notAccepted, requireCredential } from "./credential.js";
import type { AccessClaims, VerifiedJwt } from "./jwt.js";
import { reject } from "./rejection.js";
import { createVerifiedTokens } from "./verified-tokens.js";

/** The row of an API key as a process has read it. It has the names of the Auth, which are then in memory once. */
export interface ReadApiKey {
  readonly auth: Pick<Auth, "id" | "apiKey">;
  readonly gen: number;
  /** The number of the last revocation before the read. */
  readonly asOf: number;
  /** The `timeline` of the revocations before the read. */
  readonly timeline: number;
}

/** A token or key that was good. It is a class, as auth-from-claims.ts explains. A key has no claims and no `kid`. */
export class AccessToken {
  /** The version of the revocation set at which the token was not revoked, or -1 before the first check. */
  clearedAt = -1;

  constructor(
    readonly auth: Auth,
    /** Unix seconds, leeway included: from then on it is good, and from `until` on no longer. */
    readonly from: number,
    readonly until: number,
    readonly claims: AccessClaims | undefined,
    readonly kid: string | undefined,
    /** Only routes that name its resource take it. */
    readonly isForResource = false,
  ) {}
}

export class ApiKeyToken extends AccessToken implements ReadApiKey {
  constructor(
    auth: Auth,
    from: number,
    until: number,
    readonly gen: number,
    readonly asOf: number,
    readonly timeline: number,
  ) {
    super(auth, from, until, undefined, undefined);
  }
}

/** An API key is not in the cache, or what is there is outdated. A caller that can wait reads it. */
export class UnreadApiKey extends AmphoError {
  constructor() {
    super("unavailable", "This process must read the API key from the database. Use `verify`, which can wait.", {
      retryAfterSeconds: 1,
    });
  }
}

export type AccessTokens = ReturnType<typeof createAccessTokens>;

export function createAccessTokens(deps: {
  /** The whole check. Throws `invalid_token`. */
  readonly verify: (token: string, now: number) => VerifiedJwt<AccessClaims>;
  readonly isSigningKeyRevoked: (kid: string) => boolean;
  readonly leewaySeconds: number;
  readonly foreignMaxSeconds: number;
  /** The scopes of roles, for the tokens of sessions that carry none. */
  readonly scopes: RoleScopes;
  /** The protected resources, and the audience of all other tokens if one is configured. */
  readonly resources: readonly string[];
  readonly audience: readonly string[] | undefined;
  /** Returns whether a text has the form of an API key. Undefined where none are accepted. */
  readonly isApiKey?: ((text: string) => boolean) | undefined;
}) {
  const { verify, isSigningKeyRevoked, leewaySeconds, foreignMaxSeconds, scopes, isApiKey = () => false } = deps;
  const { audience, resources } = deps;
  // By "Bearer " and the token: as nearly all requests bring it.
  const seen = createVerifiedTokens<AccessToken>();

  /** When it begins to be good, for a clock that has gone back: by `nbf` and `iat`, and if foreign by a far `exp`. */
  function startOf(claims: AccessClaims): number {
    const { exp, nbf = 0, iat = 0 } = claims;
    const own = Math.max(nbf, iat) - leewaySeconds;
    return credentialOf(claims) === "session" ? own : Math.max(own, exp - foreignMaxSeconds);
  }

  /** A machine, or a user whose token is for nothing else, got it for that resource alone. */
  function isForResource({ aud }: AccessClaims, credential: Credential): boolean {
    if (aud === undefined) return false;
    const isMachine = credential === "delegated" || credential === "service";
    // A process that does not know the resource must not take its token for one without.
    if (audience === undefined) return isMachine;
    if (credential === "delegated" && holdsAudience(aud, resources)) return true;
    return !holdsAudience(aud, audience);
  }

  /** A token that was good before. The times are checked again, because clocks go on and sometimes back. */
  function find(text: string, before: string, now: number): AccessToken | undefined {
    const known = seen.find(text, before);
    if (known === undefined || now >= known.until || now < known.from) return undefined;
    return known.kid !== undefined && isSigningKeyRevoked(known.kid) ? undefined : known;
  }

  /** The whole check of a token that is unknown or no longer good. It reports the reason. */
  function verifyNew(token: string, text: string, before: string, now: number): AccessToken {
    if (isApiKey(token)) throw new UnreadApiKey();
    const { claims, key } = verify(token, now);
    const until = claims.exp + leewaySeconds;
    const auth = authFromClaims(claims, scopes);
    const bound = isForResource(claims, auth.credential);
    const verified = new AccessToken(auth, startOf(claims), until, claims, key.kid, bound);
    seen.add(text, verified, until, now, before);
    return verified;
  }

  /** Throws `invalid_token`, and UnreadApiKey for an API key that the cache lacks. The guard checks the revocations. */
  function verifyAccess(token: string, now: number): AccessToken {
    // A caller in JavaScript can pass an array from a query. Joined to a text it would be a known token.
    if (typeof token !== "string") reject("form");
    return find(token, scheme, now) ?? verifyNew(token, token, scheme, now);
  }

  return {
    verifyAccess,
    /** The claims of a token of a session. Throws `invalid_token`, or `credential_not_accepted` for any other token. */
    verifySession(token: string, now: number): AccessClaims & { readonly sid: string } {
      if (isApiKey(token)) throw notAccepted(["session"], "api_key");
      const { claims, auth } = verifyAccess(token, now);
      requireCredential(auth.credential, ["session"]);
      if (claims === undefined) reject("claim");
      return { ...claims, sid: claims.sid ?? reject("claim") };
    },
    /** The same as `verifyAccess` for an Authorization value, undefined when it holds no bearer token. */
    verifyBearer(authorization: string | undefined, now: number): AccessToken | undefined {
      if (authorization === undefined) return undefined;
      // Without taking the value apart: in its usual spelling it is the name under which the token is known.
      const known = find(authorization, "", now);
      if (known !== undefined) return known;
      const token = bearerOf(authorization);
      if (token === undefined) return undefined;
      const isUsual = authorization.startsWith(scheme) && authorization.length === scheme.length + token.length;
      return isUsual ? verifyNew(token, authorization, "", now) : verifyAccess(token, now);
    },
    /** Keeps what the database had of an API key, in place of what was kept before. */
    keepApiKey(key: string, read: ApiKeyToken, now: number): void {
      // As a text of its own. A part of the header would keep the whole header, and the two joined a third text.
      seen.add(Buffer.from(scheme + key).toString("latin1"), read, read.until, now);
    },
    /** Returns whether the key was good before. It can have ended since then. */
    wasGood: (key: string): boolean => seen.find(key, scheme) !== undefined,
    /** Forgets every token, as after a change of keys. */
    clearCache: (): void => seen.clear(),
  };
}
