// Access tokens as a guard reads them: verified once, then known by the whole token while it is good (contract §5).
import type { AccessClaims, VerifiedJwt } from "../crypto/jwt.js";
import { createVerifiedTokens } from "../crypto/verified-tokens.js";
import type { Auth } from "./auth.js";
import { authOf } from "./auth-of.js";

/** An access token that was found good, as it is kept for the next time. */
export interface AccessToken {
  readonly claims: AccessClaims;
  readonly auth: Auth;
  /** The key that signed it. */
  readonly kid: string;
  /** The version of the revocation set at which the token was found not to be revoked; -1: not yet. */
  clearedAt: number;
}

export interface AccessTokens {
  /** Throws `invalid_token`. Whether its session, its user or a role of it is revoked, the guard finds out. */
  verifyAccess(token: string, now: number): AccessToken;
  /** Forgets every token, as after a change of keys. */
  forget(): void;
}

export function createAccessTokens(parts: {
  /** The whole check. Throws `invalid_token`. */
  readonly verify: (token: string, now: number) => VerifiedJwt<AccessClaims>;
  readonly isKeyRevoked: (kid: string) => boolean;
  readonly leewaySeconds: number;
  readonly foreignMaxSeconds: number;
}): AccessTokens {
  const { verify, isKeyRevoked, leewaySeconds, foreignMaxSeconds } = parts;
  const seen = createVerifiedTokens<AccessToken>();

  /** The times again, for a token that was seen before: clocks go on, and at times back. */
  function isInTime({ exp, nbf, iat, sid }: AccessClaims, now: number): boolean {
    return (
      now < exp + leewaySeconds &&
      (nbf === undefined || nbf <= now + leewaySeconds) &&
      (iat === undefined || iat <= now + leewaySeconds) &&
      (sid !== undefined || exp <= now + foreignMaxSeconds)
    );
  }

  return {
    verifyAccess(token, now) {
      const known = seen.find(token);
      if (known !== undefined && isInTime(known.claims, now) && !isKeyRevoked(known.kid)) return known;
      // Not known, or no longer good: the whole check, which says why.
      const { claims, key } = verify(token, now);
      const verified: AccessToken = { claims, auth: authOf(claims), kid: key.kid, clearedAt: -1 };
      seen.add(token, verified, claims.exp + leewaySeconds, now);
      return verified;
    },
    forget: () => seen.clear(),
  };
}
