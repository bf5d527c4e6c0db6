// Checks that the bytes of an Ed25519 or Ed448 key are a point of the curve (RFC 8032 §5.1.3, §5.2.3). OpenSSL imports any
// bytes and rejects only the signatures, so that a wrong key would stay in the database as a passkey that never works.

interface Curve {
  readonly p: bigint;
  /** The curve is a x² + y² = 1 + d x² y². */
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

export type EdwardsCurve = keyof typeof curves;

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = base;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

/** False also for y = 0, 1 and -1. These points have an order of 4 or less, and signatures exist that fit any message. */
export function isEdwardsPoint(crv: EdwardsCurve, point: Buffer): boolean {
  const { p, a, d, octets } = curves[crv];
  if (point.length !== octets) return false;
  const bigEndian = Buffer.from(point).reverse();
  // The first bit is the sign of x.
  bigEndian.writeUInt8(bigEndian.readUInt8(0) & 0x7f, 0);
  const y = BigInt(`0x${bigEndian.toString("hex")}`);
  if (y === 0n || y >= p) return false;
  // x² = u / v is a square exactly if u v is one (Euler's criterion).
  const u = y * y - 1n;
  const v = d * y * y - a;
  const product = (((u * v) % p) + p) % p;
  return power(product, (p - 1n) / 2n, p) === 1n;
}
