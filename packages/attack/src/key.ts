// Keys of the attacks: the key of the server, and new ones that the server does not have. Imported once, bound to one algorithm.
import {
  constants,
  createECDH,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  type KeyObject,
  randomBytes,
  sign,
} from "node:crypto";

export type Members = Readonly<Record<string, unknown>>;

export interface Key {
  /** The `kid` of the JWK, or its RFC 7638 thumbprint if it has none. */
  readonly kid: string;
  readonly algorithm: string;
  /** Undefined for a symmetric key. */
  readonly publicJwk: Members | undefined;
  /** The secret of a symmetric key. */
  readonly secret: KeyObject | undefined;
  /** Returns the signature of a text of any length, in base64url. */
  sign(input: string): string;
}

interface AlgorithmFacts {
  /** The type and, for an elliptic curve, the curve. */
  readonly of: string;
  /** Null if the scheme defines its own. */
  readonly hash: string | null;
  readonly options?: {
    readonly dsaEncoding?: "ieee-p1363";
    readonly padding?: number;
    readonly saltLength?: number;
  };
}

const pss = (saltLength: number) => ({ padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });
const p1363 = { dsaEncoding: "ieee-p1363" } as const;

/** RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2. The first one of a type is the one of a key that names none. */
const algorithms: Readonly<Record<string, AlgorithmFacts>> = {
  HS256: { of: "oct", hash: "sha256" },
  HS384: { of: "oct", hash: "sha384" },
  HS512: { of: "oct", hash: "sha512" },
  EdDSA: { of: "Ed25519", hash: null },
  Ed25519: { of: "Ed25519", hash: null },
  ES256: { of: "P-256", hash: "sha256", options: p1363 },
  ES384: { of: "P-384", hash: "sha384", options: p1363 },
  ES512: { of: "P-521", hash: "sha512", options: p1363 },
  RS256: { of: "RSA", hash: "sha256" },
  RS384: { of: "RSA", hash: "sha384" },
  RS512: { of: "RSA", hash: "sha512" },
  PS256: { of: "RSA", hash: "sha256", options: pss(32) },
  PS384: { of: "RSA", hash: "sha384", options: pss(48) },
  PS512: { of: "RSA", hash: "sha512", options: pss(64) },
};

export function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Imports a private JWK, or the first one of a JWK Set, which signs. `preferred` is the algorithm of a key that names none.
 * Throws TypeError with the reason.
 */
export function importKey(value: unknown, preferred?: string): Key {
  const jwk = isObject(value) && Array.isArray(value["keys"]) ? (value["keys"][0] as unknown) : value;
  if (!isObject(jwk)) throw new TypeError("it is neither a JWK nor a JWK Set");
  const { kty, crv } = jwk;
  const type = kty === "OKP" || kty === "EC" ? crv : kty;
  const named = jwk["alg"] ?? (algorithms[preferred ?? ""]?.of === type ? preferred : undefined);
  const [algorithm, facts] =
    Object.entries(algorithms).find(([name, { of }]) => of === type && (named === undefined || name === named)) ?? [];
  if (algorithm === undefined || facts === undefined) throw new TypeError("its `kty`, `crv` and `alg` do not fit");
  const kidOf = (members: Members) => (typeof jwk["kid"] === "string" ? jwk["kid"] : thumbprint(members));
  const { hash, options } = facts;
  if (kty === "oct") {
    if (typeof jwk["k"] !== "string" || jwk["k"] === "") throw new TypeError("it has no `k`");
    const secret = createSecretKey(Buffer.from(jwk["k"], "base64url"));
    const signInput = (input: string) => hmacOf(algorithm, secret, input);
    return { kid: kidOf(jwk), algorithm, publicJwk: undefined, secret, sign: signInput };
  }
  const key = privateKeyOf(jwk);
  const members = createPublicKey(key).export({ format: "jwk" });
  const kid = kidOf(members);
  return {
    kid,
    algorithm,
    publicJwk: { ...members, kid },
    secret: undefined,
    sign: (input) => sign(hash, Buffer.from(input), { key, ...options }).toString("base64url"),
  };
}

/** The HMAC of the algorithm, of HS256 for another name, in base64url. */
export function hmacOf(algorithm: string, secret: KeyObject | string | Uint8Array, input: string): string {
  const { of, hash } = algorithms[algorithm] ?? {};
  return createHmac(of === "oct" && hash ? hash : "sha256", secret)
    .update(input)
    .digest("base64url");
}

function privateKeyOf(jwk: Members): KeyObject {
  try {
    return createPrivateKey({ key: { ...jwk }, format: "jwk" });
  } catch {
    throw new TypeError("it has no usable private part");
  }
}

/** RFC 7638 §3.2: the required members, in the order of their names. */
function thumbprint(jwk: Members): string {
  const required = ["crv", "e", "k", "kty", "n", "x", "y"].filter((name) => typeof jwk[name] === "string");
  const text = JSON.stringify(Object.fromEntries(required.map((name) => [name, jwk[name]])));
  return createHash("sha256").update(text).digest("base64url");
}

/** The DER of an Ed25519 key without its last 32 bytes (RFC 8410 §7). */
const ed25519Head = Buffer.from("302e020100300506032b657004220420", "hex");

/** Creates a private JWK. No key is generated by `generateKeyPair`, whose result can block Node 20 for ever when it is exported. */
export function newJwk(algorithm: "HS256" | "EdDSA" | "ES256"): Readonly<Record<string, string>> {
  const seed = randomBytes(32);
  const d = seed.toString("base64url");
  if (algorithm === "HS256") return { kty: "oct", alg: algorithm, k: d };
  if (algorithm === "EdDSA") {
    const key = createPrivateKey({ key: Buffer.concat([ed25519Head, seed]), format: "der", type: "pkcs8" });
    return {
      kty: "OKP",
      crv: "Ed25519",
      alg: algorithm,
      d,
      x: String(createPublicKey(key).export({ format: "jwk" }).x),
    };
  }
  const pair = createECDH("prime256v1");
  const point = pair.generateKeys();
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((each) => each.toString("base64url"));
  // A private value can be shorter than 32 bytes.
  const padded = Buffer.concat([Buffer.alloc(32), pair.getPrivateKey()]).subarray(-32);
  return { kty: "EC", crv: "P-256", alg: algorithm, d: padded.toString("base64url"), x: x ?? "", y: y ?? "" };
}
