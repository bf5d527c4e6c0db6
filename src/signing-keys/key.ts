// A key, imported and checked once, bound to one algorithm (RFC 8725 §3.1). Nothing can print its KeyObjects.
import { createHmac, type KeyObject, type SignKeyObjectInput } from "node:crypto";
import { type Algorithm, algorithmFacts } from "./algorithms.js";

export type PublicJwk = Readonly<Record<string, string>>;

export interface Key {
  /** The `kid` of the JWK, or its RFC 7638 thumbprint if it has none. */
  readonly kid: string;
  /** The only algorithm with which it signs and verifies, and the `alg` of its tokens. */
  readonly algorithm: Algorithm;
  readonly canSign: boolean;
  /** The public JWK with `kid`, `alg` and `use`. Undefined for symmetric keys. */
  readonly publicJwk: PublicJwk | undefined;
  /** The time since which it signs, in Unix seconds, if its set states it. */
  readonly signingSince?: number;
  readonly material: KeyMaterial;
  /** The key in its member `conceal` (login-hash-key.ts). */
  readonly loginHashKey?: KeyObject;
}

/** Returns whether `signature` is a valid signature of `input`, which must be ASCII. */
export type VerifySignature = (input: string, signature: Buffer) => boolean;

/** Computes the HMAC (RFC 2104 §2), base64url, of a text of ASCII characters. */
type ComputeHmac = (text: string) => string;

export type KeyMaterial =
  | { readonly kind: "secret"; readonly secret: KeyObject; readonly computeHmac: ComputeHmac }
  | {
      readonly kind: "pair";
      readonly verify: VerifySignature;
      /** Undefined for a public key. */
      readonly signing: SignKeyObjectInput | undefined;
    };

/** The maximum length of a token, for signing and for verification. */
export const tokenCharactersMax = 8192;

export function createSecretMaterial(secret: KeyObject, algorithm: Algorithm): KeyMaterial {
  const { hash } = algorithmFacts(algorithm);
  if (hash === null) throw new TypeError("not an HMAC algorithm");
  const computeHmac = (text: string) => createHmac(hash, secret).update(text, "latin1").digest("base64url");
  return { kind: "secret", secret, computeHmac };
}

/** Keys with indexes for a verifier. */
export interface KeySet {
  /** The keys in the order of the configuration. The first one signs. */
  readonly keys: readonly Key[];
  readonly byKid: ReadonlyMap<string, Key>;
  readonly byAlgorithm: ReadonlyMap<string, readonly Key[]>;
  /** Headers of tokens that these keys have verified. jws.ts fills it. */
  readonly headers: Header[];
}

/** A JWS header that was read for a set of keys. */
export interface Header {
  readonly segment: string;
  /** The keys that might have signed. Only the key that `kid` names, or without `kid` all keys of the algorithm. */
  readonly candidates: readonly Key[];
  /** The type in lower case and without `application/`, for comparison. */
  readonly typ: string | undefined;
  readonly named: boolean;
}

export const createKeySet = (keys: readonly Key[]): KeySet => ({
  keys,
  byKid: new Map(keys.map((key) => [key.kid, key])),
  byAlgorithm: new Map(keys.map(({ algorithm }) => [algorithm, keys.filter((key) => key.algorithm === algorithm)])),
  headers: [],
});
