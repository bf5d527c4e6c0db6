// The keys in use. The first one signs access tokens, and all verify them. The other kinds of tokens are HS256 under
// keys derived from them, so no service with the configured keys accepts one (docs/reference/contract.md §5).
import { createHmac, type KeyObject } from "node:crypto";
import type { Configuration } from "../config/configuration.js";
import { AmphoError } from "../errors.js";
import { deriveKey } from "../signing-keys/derived-key.js";
import { isSameKey, publicJwkSet } from "../signing-keys/jwk-set.js";
import { createKeySet, type Key, type KeySet } from "../signing-keys/key.js";
import { loginHashKeyOf } from "../signing-keys/login-hash-key.js";
import type { ClaimRules, Claims } from "./claims.js";
import { type AccessClaims, accessToken, type DerivedKind, signJwt, type VerifiedJwt, verifyJwt } from "./jwt.js";

export type Keyring = ReturnType<typeof createKeyring>;

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

function deriveKeys(keys: readonly Key[], info: string) {
  const derived = keys.map((key) => deriveKey(key, info)).filter((key) => key !== undefined);
  const [signing] = derived;
  if (signing === undefined || signing.kid !== keys[0]?.kid) throw new TypeError("the first key of a keyring can sign");
  return { signing, all: createKeySet(derived) };
}

/** Everything derived from the keys. It is replaced in one assignment, so no request mixes old and new keys. */
function deriveMaterial(keys: readonly Key[]) {
  const [signing] = keys;
  if (signing === undefined) throw new TypeError("a keyring needs a key");
  const all = createKeySet(keys);
  const derived = new Map<string, ReturnType<typeof deriveKeys>>();
  return {
    signing,
    all,
    /** At the first use of each `info`. */
    derived(info: string) {
      const known = derived.get(info) ?? deriveKeys(keys, info);
      derived.set(info, known);
      return known;
    },
    secretFor: deriveSecrets(all),
    loginHashKey: loginHashKeyOf(signing),
  };
}

/** Each secret is derived at its first use. */
function deriveSecrets(keys: KeySet): (use: SecretUse, kid: string) => KeyObject | undefined {
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
  settings: Pick<Configuration, "tokenLeeway" | "tokenIssuer" | "tokenAudience" | "tokenForeignTtl" | "resources"> &
    Pick<ClaimRules, "issuerFrom">,
  revocations: { readonly revokedKeys: ReadonlySet<string> },
) {
  let material = deriveMaterial(keys);
  const { revokedKeys } = revocations;
  const { tokenLeeway: leeway, tokenIssuer: issuer, tokenForeignTtl, issuerFrom } = settings;
  // A token for a protected resource has no other audience. access-tokens.ts keeps it from all other routes.
  const audience = settings.tokenAudience && [
    ...settings.tokenAudience,
    ...settings.resources.map(({ resource }) => resource),
  ];

  return {
    /** Throws `unavailable` while the key that signs is revoked: nothing that it signs would be believed. */
    requireSigning(): void {
      if (revokedKeys.has(material.signing.kid))
        throw new AmphoError("unavailable", "No tokens can be signed at the moment.", { retryAfterSeconds: 60 });
    },
    /** The `kid` of the key that signs, or would, were it not revoked. */
    signingKid: (): string => material.signing.kid,
    /** The time since which the first key signs, in Unix seconds, if its set states it. */
    signingSince: (): number | undefined => material.signing.signingSince,
    // This runs on each guarded request. There is nearly never a revoked key.
    isRevoked: (kid: string): boolean => revokedKeys.size > 0 && revokedKeys.has(kid),
    signAccess: (claims: AccessClaims): string => signJwt(material.signing, accessToken, claims),
    /** Throws `invalid_token`. The rules are written out, because to spread them takes a quarter of the whole time. */
    verifyAccess: (token: string, now: number): VerifiedJwt<AccessClaims> =>
      verifyJwt(token, material.all, accessToken, {
        now,
        leewaySeconds: leeway,
        issuer,
        issuerFrom,
        audience,
        foreignMaxSeconds: tokenForeignTtl,
        revokedKeys,
      }),
    sign: <C extends Claims>(kind: DerivedKind<C>, claims: C): string =>
      signJwt(material.derived(kind.info).signing, kind, claims),
    /** The same under the key with this `kid`. Undefined for a key that is not there, cannot sign or is revoked. */
    signUnder<C extends Claims>(kid: string, kind: DerivedKind<C>, claims: C): string | undefined {
      const key = material.derived(kind.info).all.byKid.get(kid);
      return key?.canSign && !revokedKeys.has(kid) ? signJwt(key, kind, claims) : undefined;
    },
    /** Throws `invalid_token`. The leeway, by default that of access tokens, also applies to `exp`. */
    verify: <C extends Claims>(kind: DerivedKind<C>, token: string, now: number, leewaySeconds = leeway) =>
      verifyJwt(token, material.derived(kind.info).all, kind, { now, leewaySeconds, revokedKeys }),
    /** A secret for one use, from the key with this `kid`. Undefined for a key that is not there or is public. */
    secretFor: (use: SecretUse, kid: string): KeyObject | undefined => material.secretFor(use, kid),
    /** A keyed hash, base64url, of what must not be stored as it is: people type passwords where logins belong. */
    hashLogin: (text: string): string => createHmac("sha256", material.loginHashKey).update(text).digest("base64url"),
    /** Without revoked keys. Verifiers without the feed would believe a stolen key that stays for TOTP secrets. */
    publicKeys: () => publicJwkSet(material.all.keys.filter(({ kid }) => !revokedKeys.has(kid))),
    /** Takes other keys at once. Returns true if a key was removed. The caller then clears its cache of tokens. */
    replace(next: readonly Key[]): boolean {
      const before = material.all.keys;
      material = deriveMaterial(next);
      return before.some((old) => !next.some((key) => isSameKey(old, key)));
    },
  };
}
