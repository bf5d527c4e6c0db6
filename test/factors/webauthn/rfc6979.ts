// Deterministic ECDSA signatures (RFC 6979, section 3.2). `node:crypto` has none in all versions of Node that are supported.
import { createECDH, createHash, createHmac, type KeyObject } from "node:crypto";
import { bytesOfInteger, integerOf, inverse } from "./integers.js";

interface Curve {
  readonly name: string;
  readonly hash: string;
  readonly order: bigint;
}

const curves: Readonly<Record<string, Curve | undefined>> = {
  "P-256": {
    name: "prime256v1",
    hash: "sha256",
    order: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  },
  "P-384": {
    name: "secp384r1",
    hash: "sha384",
    order: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  },
  "P-521": {
    name: "secp521r1",
    hash: "sha512",
    order:
      0x1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
  },
};

/** The candidates for `k`, of the length of the order. */
function* nonces({ hash, order }: Curve, secret: bigint, message: bigint): Generator<bigint> {
  const bits = order.toString(2).length;
  const size = Math.ceil(bits / 8);
  const seed = [secret, message % order].map((value) => bytesOfInteger(value, size));
  const hashSize = createHash(hash).digest().length;
  let key = Buffer.alloc(hashSize);
  let value = Buffer.alloc(hashSize, 1);
  const mac = (...parts: readonly Buffer[]) => createHmac(hash, key).update(Buffer.concat(parts)).digest();
  const step = (byte: number, ...parts: readonly Buffer[]) => {
    key = mac(value, Buffer.of(byte), ...parts);
    value = mac(value);
  };
  step(0, ...seed);
  step(1, ...seed);
  for (;;) {
    const parts: Buffer[] = [];
    while (Buffer.concat(parts).length < size) {
      value = mac(value);
      parts.push(value);
    }
    const candidate = integerOf(Buffer.concat(parts).subarray(0, size)) >> BigInt(size * 8 - bits);
    if (candidate > 0n && candidate < order) yield candidate;
    step(0);
  }
}

function derInteger(value: bigint): Buffer {
  const bytes = bytesOfInteger(value);
  const positive = (bytes[0] ?? 0) < 128 ? bytes : Buffer.concat([Buffer.of(0), bytes]);
  return Buffer.concat([Buffer.of(2, positive.length), positive]);
}

/** Returns the signature in DER, always the same for the same data. */
export function signDeterministically(privateKey: KeyObject, data: Buffer): Buffer {
  const { crv, d } = privateKey.export({ format: "jwk" });
  const curve = curves[crv ?? ""];
  if (curve === undefined || d === undefined) throw new Error(`no curve of ECDSA: ${crv}`);
  const { name, hash, order } = curve;
  const secret = integerOf(Buffer.from(d, "base64url"));
  // No hash is longer than the order of its curve, so no bit is cut off.
  const message = integerOf(createHash(hash).update(data).digest());
  for (const nonce of nonces(curve, secret, message)) {
    const ecdh = createECDH(name);
    ecdh.setPrivateKey(bytesOfInteger(nonce, Math.ceil(order.toString(2).length / 8)));
    const point = ecdh.getPublicKey();
    const r = integerOf(point.subarray(1, 1 + (point.length - 1) / 2)) % order;
    const s = (inverse(nonce, order) * (message + r * secret)) % order;
    if (r === 0n || s === 0n) continue;
    const body = Buffer.concat([derInteger(r), derInteger(s)]);
    return Buffer.concat([body.length < 128 ? Buffer.of(0x30, body.length) : Buffer.of(0x30, 0x81, body.length), body]);
  }
  throw new Error("no nonce");
}
