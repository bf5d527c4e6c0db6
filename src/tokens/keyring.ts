// The keys in use. The first one signs access tokens, and all verify them. The other kinds of tokens are HS256 under
// keys derived from them, so no service with the configured keys accepts one (docs/reference/contract.md §5).
import { createHmac, type KeyObject } from "node:crypto";
import type { Configuration } from "../config/configuration.js";
import { AmphoError } from "../errors.js";
import { deriveKey } from "../keys/derived-key.js";
import { isSameKey, publicJwkSet } from "../keys/jwk-set.js";
import { createKeySet, type Key, type KeySet } from "../keys/key.js";
import { loginHashKeyOf } from "../keys/login-hash-key.js";
import {
  type AccessClaims,
  accessToken,
  type DeviceClaims,
  deviceProof,
  linkTransaction,
  loginTransaction,
  type MailTokenClaims,
  mailToken,
  type OpenClaims,
  openTransaction,
  refreshToken,
  type SessionClaims,
  signJwt,
  type TransactionClaims,
  type VerifiedJwt,
  verifyJwt,
} from "./jwt.js";

export interface Keyring {
  /** Throws `unavailable` while the key that signs is revoked: nothing that it signs would be believed. */
  requireSigning(): void;
  isRevoked(kid: string): boolean;
  /** The `kid` of the key that signs, or would, were it not revoked. */
  signingKid(): string;
  /** The time since which the first key signs, in Unix seconds, if its set states it. */
  signingSince(): number | undefined;
  signAccess(claims: AccessClaims): string;
  signRefresh(claims: SessionClaims): string;
  /** Throws `invalid_token`. */
  verifyAccess(token: string, now: number): VerifiedJwt<AccessClaims>;
  /**
   * Throws `invalid_token`. The caller checks the time, because an expired session is another error than a bad token.
   */
  verifyRefresh(token: string, now: number): SessionClaims;
  signDevice(claims: DeviceClaims): string;
  /** Throws `invalid_token`. */
  verifyDevice(token: string, now: number): DeviceClaims;
  signTransaction(claims: TransactionClaims): string;
  signOpen(claims: OpenClaims): string;
  /** The same under the key with this `kid`. Undefined for a key that is not there, cannot sign or is revoked. */
  signOpenUnder(kid: string, claims: OpenClaims): string | undefined;
  /** The same for a mailed link. */
  signLink(kid: string, claims: OpenClaims): string | undefined;
  /** Throws `invalid_token`. The leeway also applies to `exp`. The caller is stricter. */
  verifyTransaction(token: string, now: number): VerifiedJwt<TransactionClaims>;
  /** The same for what began without a user. */
  verifyOpen(token: string, now: number): VerifiedJwt<OpenClaims>;
  /** The same for a mailed link. */
  verifyLink(token: string, now: number): VerifiedJwt<OpenClaims>;
  signMailToken(claims: MailTokenClaims): string;
  /** Throws `invalid_token`. The leeway also applies to `exp`. The caller is stricter. */
  verifyMailToken(token: string, now: number): MailTokenClaims;
  /** A secret for one use, derived from the key with this `kid`. Undefined for a key that is not there or is public. */
  secretFor(use: SecretUse, kid: string): KeyObject | undefined;
  /** A keyed hash, base64url, of what must not be stored as it is: people type passwords where logins belong. */
  hashLogin(text: string): string;
  /**
   * The public JWK Set (RFC 7517 §5), without revoked keys. Verifiers without the revocation feed would believe a
   * stolen key that stays configured only to decrypt TOTP secrets.
   */
  publicKeys(): ReturnType<typeof publicJwkSet>;
  /** Takes other keys at once. Returns true if a key was removed. The caller then clears its cache of tokens. */
  replace(keys: readonly Key[]): boolean;
}

/** The `info` of HKDF, one for each kind of token. */
const tokenInfos = {
  refresh: "ampho refresh token",
  device: "ampho device proof",
  transaction: "ampho login transaction",
  mail: "ampho mail link",
} as const;

/** The `info` of HKDF, one for each use of a secret that signs no token. */
const secretInfos = {
  totpSeed: "ampho totp seed",
  totpAtRest: "ampho totp",
  passkeyChallenge: "ampho passkey challenge",
  mailedCode: "ampho mailed code",
  mailedLink: "ampho mailed link",
  match: "ampho match",
  outsideState: "ampho outside state",
  outsideNonce: "ampho outside nonce",
  outsideVerifier: "ampho outside verifier",
} as const;

export type SecretUse = keyof typeof secretInfos;

interface DerivedKeys {
  readonly signing: Key;
  readonly all: KeySet;
}

function deriveKeys(keys: readonly Key[], info: string): DerivedKeys {
  const derived = keys.map((key) => deriveKey(key, info)).filter((key) => key !== undefined);
  const [signing] = derived;
  if (signing === undefined || signing.kid !== keys[0]?.kid) throw new TypeError("the first key of a keyring can sign");
  return { signing, all: createKeySet(derived) };
}

/** Everything derived from the keys. It is replaced in one assignment, so no request mixes old and new keys. */
interface KeyMaterial {
  readonly signing: Key;
  readonly all: KeySet;
  readonly refresh: DerivedKeys;
  readonly device: DerivedKeys;
  /** Derived at the first use, because many deployments have no second factor. */
  readonly transaction: () => DerivedKeys;
  readonly mail: () => DerivedKeys;
  readonly secretFor: Keyring["secretFor"];
  readonly loginHashKey: KeyObject;
}

function deriveMaterial(keys: readonly Key[]): KeyMaterial {
  const [signing] = keys;
  if (signing === undefined) throw new TypeError("a keyring needs a key");
  const all = createKeySet(keys);
  return {
    signing,
    all,
    refresh: deriveKeys(keys, tokenInfos.refresh),
    device: deriveKeys(keys, tokenInfos.device),
    transaction: once(() => deriveKeys(keys, tokenInfos.transaction)),
    mail: once(() => deriveKeys(keys, tokenInfos.mail)),
    secretFor: deriveSecrets(all),
    loginHashKey: loginHashKeyOf(signing),
  };
}

function once<T extends object>(create: () => T): () => T {
  let created: T | undefined;
  return () => {
    created ??= create();
    return created;
  };
}

/** Each secret is derived at its first use. */
function deriveSecrets(keys: KeySet): Keyring["secretFor"] {
  const derived = new Map<string, KeyObject>();
  return (use, kid) => {
    const name = `${use} ${kid}`;
    const known = derived.get(name);
    if (known !== undefined) return known;
    const key = keys.byKid.get(kid);
    const material = key === undefined ? undefined : deriveKey(key, secretInfos[use])?.material;
    if (material?.kind !== "secret") return undefined;
    derived.set(name, material.secret);
    return material.secret;
  };
}

export function createKeyring(
  keys: readonly Key[],
  settings: Pick<Configuration, "tokenLeeway" | "tokenIssuer" | "tokenAudience" | "tokenForeignTtl">,
  revocations: { readonly revokedKeys: ReadonlySet<string> },
): Keyring {
  let material = deriveMaterial(keys);
  const {
    tokenLeeway: leewaySeconds,
    tokenIssuer: issuer,
    tokenAudience: audience,
    tokenForeignTtl: foreignMaxSeconds,
  } = settings;
  const { revokedKeys } = revocations;

  function signUnder(kid: string, kind: typeof openTransaction, claims: OpenClaims): string | undefined {
    const key = material.transaction().all.byKid.get(kid);
    return key?.canSign && !revokedKeys.has(kid) ? signJwt(key, kind, claims) : undefined;
  }

  return {
    requireSigning() {
      if (revokedKeys.has(material.signing.kid))
        throw new AmphoError("unavailable", "No tokens can be signed at the moment.", { retryAfterSeconds: 60 });
    },
    signingKid: () => material.signing.kid,
    signingSince: () => material.signing.signingSince,
    // This runs on each guarded request. There is nearly never a revoked key.
    isRevoked: (kid) => revokedKeys.size > 0 && revokedKeys.has(kid),
    signAccess: (claims) => signJwt(material.signing, accessToken, claims),
    signRefresh: (claims) => signJwt(material.refresh.signing, refreshToken, claims),
    verifyAccess: (token, now) =>
      verifyJwt(token, material.all, accessToken, {
        now,
        leewaySeconds,
        issuer,
        audience,
        foreignMaxSeconds,
        revokedKeys,
      }),
    verifyRefresh: (token, now) =>
      verifyJwt(token, material.refresh.all, refreshToken, { now, leewaySeconds: Number.MAX_SAFE_INTEGER, revokedKeys })
        .claims,
    signDevice: (claims) => signJwt(material.device.signing, deviceProof, claims),
    verifyDevice: (token, now) =>
      verifyJwt(token, material.device.all, deviceProof, { now, leewaySeconds, revokedKeys }).claims,
    signTransaction: (claims) => signJwt(material.transaction().signing, loginTransaction, claims),
    signOpen: (claims) => signJwt(material.transaction().signing, openTransaction, claims),
    signOpenUnder: (kid, claims) => signUnder(kid, openTransaction, claims),
    signLink: (kid, claims) => signUnder(kid, linkTransaction, claims),
    verifyTransaction: (token, now) =>
      verifyJwt(token, material.transaction().all, loginTransaction, { now, leewaySeconds, revokedKeys }),
    verifyOpen: (token, now) =>
      verifyJwt(token, material.transaction().all, openTransaction, { now, leewaySeconds, revokedKeys }),
    verifyLink: (token, now) =>
      verifyJwt(token, material.transaction().all, linkTransaction, { now, leewaySeconds, revokedKeys }),
    signMailToken: (claims) => signJwt(material.mail().signing, mailToken, claims),
    verifyMailToken: (token, now) =>
      verifyJwt(token, material.mail().all, mailToken, { now, leewaySeconds, revokedKeys }).claims,
    secretFor: (use, kid) => material.secretFor(use, kid),
    hashLogin: (text) => createHmac("sha256", material.loginHashKey).update(text).digest("base64url"),
    publicKeys: () => publicJwkSet(material.all.keys.filter(({ kid }) => !revokedKeys.has(kid))),
    replace(next) {
      const before = material.all.keys;
      material = deriveMaterial(next);
      return before.some((old) => !next.some((key) => isSameKey(old, key)));
    },
  };
}
