// The table of signature algorithms: RFC 7518 §3 (HS, RS, ES, PS), RFC 8037 §3.1 (EdDSA) and RFC 9864 §2.2 (Ed25519).
// Ed25519 has the same signatures as EdDSA, under a name that states the curve.
import { constants, type SignKeyObjectInput } from "node:crypto";

interface AlgorithmFacts {
  readonly kty: "oct" | "OKP" | "EC" | "RSA";
  /** The name of the hash in node:crypto. Null if the scheme defines its own. */
  readonly hash: "sha256" | "sha384" | "sha512" | null;
  /** The minimum length of an HMAC key (RFC 7518 §3.2). */
  readonly secretBytes?: number;
  /** The only curve of an OKP or EC key. */
  readonly crv?: string;
  /** The options for node:crypto in addition to the key. */
  readonly signature?: Pick<SignKeyObjectInput, "dsaEncoding" | "padding" | "saltLength">;
}

const pss = (saltLength: number) => ({ padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });
const p1363 = { dsaEncoding: "ieee-p1363" } as const;

export const algorithms = {
  HS256: { kty: "oct", hash: "sha256", secretBytes: 32 },
  HS384: { kty: "oct", hash: "sha384", secretBytes: 48 },
  HS512: { kty: "oct", hash: "sha512", secretBytes: 64 },
  EdDSA: { kty: "OKP", hash: null, crv: "Ed25519" },
  Ed25519: { kty: "OKP", hash: null, crv: "Ed25519" },
  ES256: { kty: "EC", hash: "sha256", crv: "P-256", signature: p1363 },
  ES384: { kty: "EC", hash: "sha384", crv: "P-384", signature: p1363 },
  ES512: { kty: "EC", hash: "sha512", crv: "P-521", signature: p1363 },
  RS256: { kty: "RSA", hash: "sha256" },
  RS384: { kty: "RSA", hash: "sha384" },
  RS512: { kty: "RSA", hash: "sha512" },
  // The salt is as long as the hash (RFC 7518 §3.5).
  PS256: { kty: "RSA", hash: "sha256", signature: pss(32) },
  PS384: { kty: "RSA", hash: "sha384", signature: pss(48) },
  PS512: { kty: "RSA", hash: "sha512", signature: pss(64) },
} as const satisfies Record<string, AlgorithmFacts>;

export type Algorithm = keyof typeof algorithms;
export type KeyType = AlgorithmFacts["kty"];

export const algorithmNames = Object.keys(algorithms) as readonly Algorithm[];

export const isAlgorithm = (value: unknown): value is Algorithm =>
  typeof value === "string" && Object.hasOwn(algorithms, value);

export const algorithmFacts = (algorithm: Algorithm): AlgorithmFacts => algorithms[algorithm];

/** The algorithms for a key of this type and, for OKP and EC, of this curve. The most common one comes first. */
export const algorithmsFor = (kty: KeyType, crv?: string): readonly Algorithm[] =>
  algorithmNames.filter((name) => {
    const facts = algorithmFacts(name);
    return facts.kty === kty && (facts.crv === undefined || facts.crv === crv);
  });
