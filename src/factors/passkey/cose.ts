// Public keys of passkeys: COSE_Key (RFC 9052 §7), as WebAuthn L3 §5.8.5 and §6.5.1.1 restrict it, stored as JWK.
import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { readPublicEc } from "../../signing-keys/ec.js";
import type { PublicJwk } from "../../signing-keys/key.js";
import { type KeyReader, tryCreate } from "../../signing-keys/members.js";
import { readPublicOkp } from "../../signing-keys/okp.js";
import { readPublicRsa } from "../../signing-keys/rsa.js";
import { type Cbor, type CborMap, isCborMap } from "./cbor.js";

interface AlgorithmFacts {
  readonly kty: 1 | 2 | 3;
  /** The curve in COSE and in a JWK. */
  readonly crv?: readonly [number, string];
  /** The name of the hash in node:crypto. Null if the scheme defines its own. */
  readonly hash: "sha256" | "sha384" | "sha512" | null;
}

const algorithms: ReadonlyMap<number, AlgorithmFacts> = new Map<number, AlgorithmFacts>([
  [-7, { kty: 2, crv: [1, "P-256"], hash: "sha256" }],
  [-35, { kty: 2, crv: [2, "P-384"], hash: "sha384" }],
  [-36, { kty: 2, crv: [3, "P-521"], hash: "sha512" }],
  [-8, { kty: 1, crv: [6, "Ed25519"], hash: null }],
  [-53, { kty: 1, crv: [7, "Ed448"], hash: null }],
  [-257, { kty: 3, hash: "sha256" }],
]);

/** The algorithms that a new passkey can have, the preferred one first. */
export const offeredAlgorithms: readonly number[] = [-7, -8, -257];

/** The labels of the parameters (RFC 9053 §7, RFC 8230 §4): -1 is the curve or the modulus. */
const label = { kty: 1, alg: 3, crv: -1, x: -2, y: -3, n: -1, e: -2 } as const;

/** Verification takes 0.25 ms with 4096 bits, and sixteen times as long with 16384. */
const modulusOctetsMax = 512;
const exponent = "AQAB";

/** An Ed448 key. keys/okp.ts reads only the keys of tokens, which are Ed25519. */
const readEd448: KeyReader = (jwk) => {
  const publicMembers = { kty: "OKP", crv: "Ed448", x: String(jwk["x"]) };
  const publicKey = tryCreate(() => createPublicKey({ key: publicMembers, format: "jwk" }));
  return publicKey === undefined ? undefined : { publicKey, publicMembers };
};

function octetsOf(key: CborMap, name: number): Buffer {
  const value = key.get(name);
  return Buffer.isBuffer(value) ? value : Buffer.alloc(0);
}

function toJwk(key: CborMap, { kty, crv }: AlgorithmFacts): { readonly read: KeyReader; readonly jwk: PublicJwk } {
  const text = (name: number) => octetsOf(key, name).toString("base64url");
  if (kty === 3) return { read: readPublicRsa, jwk: { kty: "RSA", n: text(label.n), e: text(label.e) } };
  const name = crv?.[1] ?? "";
  if (kty === 2) return { read: readPublicEc, jwk: { kty: "EC", crv: name, x: text(label.x), y: text(label.y) } };
  return { read: name === "Ed448" ? readEd448 : readPublicOkp, jwk: { kty: "OKP", crv: name, x: text(label.x) } };
}

/** Returns the COSE_Key of a public JWK. `readCoseKey` decides whether it is one. */
export function coseKeyOf(jwk: Readonly<Record<string, unknown>>): CborMap {
  const octets = (name: string): Buffer => {
    const value = jwk[name];
    return typeof value === "string" ? Buffer.from(value, "base64url") : Buffer.alloc(0);
  };
  for (const [alg, { kty, crv }] of algorithms) {
    const key = new Map<number, Cbor>().set(label.kty, kty).set(label.alg, alg);
    if (kty === 3 && jwk["kty"] === "RSA") return key.set(label.n, octets("n")).set(label.e, octets("e"));
    if (crv === undefined || jwk["crv"] !== crv[1]) continue;
    key.set(label.crv, crv[0]).set(label.x, octets("x"));
    return kty === 2 ? key.set(label.y, octets("y")) : key;
  }
  return new Map();
}

/** Returns the `alg` of a key. Undefined if the value is no key of the table. */
export function algorithmOf(key: Cbor): number | undefined {
  const alg = isCborMap(key) ? key.get(label.alg) : undefined;
  return typeof alg === "number" && algorithms.has(alg) ? alg : undefined;
}

/** Exactly the parameters of its type, a point of its curve, and for RSA 2048 to 4096 bits and the exponent 65537. */
export function readCoseKey(key: Cbor): { readonly alg: number; readonly publicKey: PublicJwk } | undefined {
  const alg = algorithmOf(key);
  const facts = alg === undefined ? undefined : algorithms.get(alg);
  if (alg === undefined || facts === undefined || !isCborMap(key)) return undefined;
  if (key.get(label.kty) !== facts.kty || key.size !== (facts.kty === 2 ? 5 : 4)) return undefined;
  if (facts.crv !== undefined && key.get(label.crv) !== facts.crv[0]) return undefined;
  const { read, jwk } = toJwk(key, facts);
  if (facts.kty === 1 && !isEdwardsPoint(jwk["crv"] as EdwardsCurve, octetsOf(key, label.x))) return undefined;
  // The length is checked before any arithmetic, which takes longer with a longer number.
  if (facts.kty === 3 && (jwk["e"] !== exponent || octetsOf(key, label.n).length > modulusOctetsMax)) return undefined;
  const members = read(jwk, () => undefined);
  return members === undefined || "unsupported" in members ? undefined : { alg, publicKey: members.publicMembers };
}

/** The last keys, by their JWK. Node checks the point when it reads one, which takes as long as the verification. */
const keyObjects = new Map<string, KeyObject>();
const keyObjectsMax = 1_000;

function keyObjectOf(publicKey: PublicJwk): KeyObject {
  const jwk = JSON.stringify(publicKey);
  const key = keyObjects.get(jwk) ?? createPublicKey({ key: publicKey, format: "jwk" });
  // The map keeps its order of insertion, so the first key is the one whose last use is the longest ago.
  keyObjects.delete(jwk);
  keyObjects.set(jwk, key);
  const [oldest] = keyObjects.size > keyObjectsMax ? keyObjects.keys() : [];
  if (oldest !== undefined) keyObjects.delete(oldest);
  return key;
}

/** Returns whether a passkey with this key made the signature. ECDSA signatures are DER (WebAuthn L3 §6.5.5). */
export function isPasskeySignature(
  { alg, publicKey }: { readonly alg: number; readonly publicKey: PublicJwk },
  data: Buffer,
  signature: Buffer,
): boolean {
  const facts = algorithms.get(alg);
  if (facts === undefined) return false;
  try {
    return verify(facts.hash, data, keyObjectOf(publicKey), signature);
  } catch {
    // Some versions of OpenSSL throw for a signature that is no DER.
    return false;
  }
}

// Checks that an Ed25519 or Ed448 key is a point of the curve (RFC 8032 §5.1.3, §5.2.3). OpenSSL imports any bytes and
// rejects only the signatures, so a wrong key would stay as a passkey that never works.

interface Curve {
  readonly p: bigint;
  readonly a: bigint;
  readonly d: bigint;
  readonly octets: number;
}

const p25519 = 2n ** 255n - 19n;
const p448 = 2n ** 448n - 2n ** 224n - 1n;

const curves: Readonly<Record<"Ed25519" | "Ed448", Curve>> = {
  Ed25519: { p: p25519, a: -1n, d: -121665n * power(121666n, p25519 - 2n, p25519), octets: 32 },
  Ed448: { p: p448, a: 1n, d: -39081n, octets: 57 },
};

type EdwardsCurve = keyof typeof curves;

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = base;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

/** False also for y = 0, 1 and -1, of order 4 or less: signatures exist that fit any message. */
function isEdwardsPoint(crv: EdwardsCurve, point: Buffer): boolean {
  const { p, a, d, octets } = curves[crv];
  if (point.length !== octets) return false;
  const bigEndian = Buffer.from(point).reverse();
  bigEndian.writeUInt8(bigEndian.readUInt8(0) & 0x7f, 0);
  const y = BigInt(`0x${bigEndian.toString("hex")}`);
  if (y === 0n || y >= p) return false;
  // x² = u / v is a square exactly if u v is one (Euler's criterion).
  const u = y * y - 1n;
  const v = d * y * y - a;
  const product = (((u * v) % p) + p) % p;
  return power(product, (p - 1n) / 2n, p) === 1n;
}
