// The keys in use. The first signs access tokens and all verify them; refresh tokens are HS256 under keys derived from
// them, so that nothing that knows the configured keys takes one for an access token (contract §5).
import { deriveKey } from "../crypto/derived-key.js";
import { publicJwkSet } from "../crypto/jwk-set.js";
import {
  type AccessClaims,
  accessToken,
  refreshToken,
  type SessionClaims,
  signJwt,
  type VerifiedJwt,
  verifyJwt,
} from "../crypto/jwt.js";
import { createKeySet, type Key } from "../crypto/key.js";
import { AmphoError } from "../errors.js";
import type { RevocationSet } from "./revocations.js";
import type { Settings } from "./settings.js";

export interface Keyring {
  /** Throws `unavailable` while the key that signs is revoked: nothing that it signs would be believed. */
  requireSigning(): void;
  isRevoked(kid: string): boolean;
  signAccess(claims: AccessClaims): string;
  signRefresh(claims: SessionClaims): string;
  /** Throws `invalid_token`. */
  verifyAccess(token: string, now: number): VerifiedJwt<AccessClaims>;
  /** Throws `invalid_token`; its time is left to the caller, who tells an expired session from a bad token. */
  verifyRefresh(token: string, now: number): SessionClaims;
  /** The public JWK Set (RFC 7517 §5). */
  publicKeys(): ReturnType<typeof publicJwkSet>;
}

const refreshPurpose = "ampho refresh token";

export function createKeyring(
  keys: readonly Key[],
  settings: Pick<Settings, "leewaySeconds" | "issuer" | "audience" | "foreignMaxSeconds">,
  revocations: Pick<RevocationSet, "revokedKeys">,
): Keyring {
  const [signing] = keys;
  if (signing === undefined) throw new TypeError("a keyring needs a key");
  const keySet = createKeySet(keys);
  const derived = keys.map((key) => deriveKey(key, refreshPurpose)).filter((key) => key !== undefined);
  const [signingRefresh] = derived;
  if (signingRefresh === undefined || signingRefresh.kid !== signing.kid)
    throw new TypeError("the first key of a keyring can sign");
  const derivedSet = createKeySet(derived);
  const { leewaySeconds, issuer, foreignMaxSeconds } = settings;
  const audience = settings.audience.length === 0 ? undefined : settings.audience;
  const { revokedKeys } = revocations;

  return {
    requireSigning() {
      if (revokedKeys.has(signing.kid))
        throw new AmphoError("unavailable", "No tokens can be signed at the moment.", { retryAfterSeconds: 60 });
    },
    isRevoked: (kid) => revokedKeys.has(kid),
    signAccess: (claims) => signJwt(signing, accessToken, claims),
    signRefresh: (claims) => signJwt(signingRefresh, refreshToken, claims),
    verifyAccess: (token, now) =>
      verifyJwt(token, keySet, accessToken, { now, leewaySeconds, issuer, audience, foreignMaxSeconds, revokedKeys }),
    verifyRefresh: (token, now) =>
      verifyJwt(token, derivedSet, refreshToken, { now, leewaySeconds: Number.MAX_SAFE_INTEGER, revokedKeys }).claims,
    publicKeys: () => publicJwkSet(keys),
  };
}
