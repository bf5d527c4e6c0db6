// A key as it is used: imported and checked once, bound to one algorithm (RFC 8725 §3.1). Its secrets are KeyObjects, which
// neither JSON.stringify nor util.inspect can show.
import type { KeyObject, SignKeyObjectInput } from "node:crypto";
import { type ComputeHmac, createHmacOf } from "../crypto/hmac.js";
import { type Algorithm, algorithmFacts } from "./algorithms.js";

export type PublicJwk = Readonly<Record<string, string>>;

export interface Key {
  /** Its `kid`, or its RFC 7638 thumbprint if it has none. */
  readonly kid: string;
  /** The only algorithm with which it signs and verifies, and the `alg` of its tokens. */
  readonly algorithm: Algorithm;
  readonly canSign: boolean;
  /** With `kid`, `alg` and `use`, without a private member. Undefined for symmetric keys. */
  readonly publicJwk: PublicJwk | undefined;
  /** The time since which it signs, in Unix seconds, if its set states it. */
  readonly signingSince?: number;
  readonly material: KeyMaterial;
  /** Its member `conceal` (login-hash-key.ts). */
  readonly loginHashKey?: KeyObject;
}

/** Returns whether `signature` is one of `input`, a text of ASCII characters. */
export type VerifySignature = (input: string, signature: Buffer) => boolean;

/** The material that signs and verifies. */
export type KeyMaterial =
  | { readonly kind: "secret"; readonly secret: KeyObject; readonly computeHmac: ComputeHmac }
  | {
      readonly kind: "pair";
      readonly verify: VerifySignature;
      /** Undefined for a public key. */
      readonly signing: SignKeyObjectInput | undefined;
    };

/** No token is longer, neither a signed nor an accepted one. */
export const tokenCharactersMax = 8192;

export function createSecretMaterial(secret: KeyObject, algorithm: Algorithm): KeyMaterial {
  const { hash } = algorithmFacts(algorithm);
  if (hash === null) throw new TypeError("not an HMAC algorithm");
  return { kind: "secret", secret, computeHmac: createHmacOf(hash, secret, tokenCharactersMax) };
}

/** Keys as a verifier looks for them. */
export interface KeySet {
  /** In the order of the configuration: the first one signs. */
  readonly keys: readonly Key[];
  readonly byKid: ReadonlyMap<string, Key>;
  readonly byAlgorithm: ReadonlyMap<string, readonly Key[]>;
  /** Headers of tokens that these keys have verified. jws.ts fills it. */
  readonly headers: Header[];
}

/** A JWS header, read for a set of keys. */
export interface Header {
  readonly segment: string;
  /** The keys that can have signed: the one that `kid` names, or without `kid` all keys of the algorithm. */
  readonly candidates: readonly Key[];
  /** As it is compared: in lower case, without `application/`. */
  readonly typ: string | undefined;
  /** True when the header names the key. */
  readonly named: boolean;
}

export function createKeySet(keys: readonly Key[]): KeySet {
  return {
    keys,
    byKid: new Map(keys.map((key) => [key.kid, key])),
    byAlgorithm: new Map(keys.map(({ algorithm }) => [algorithm, keys.filter((key) => key.algorithm === algorithm)])),
    headers: [],
  };
}
