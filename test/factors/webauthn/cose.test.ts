// Keys and signatures of passkeys.
import { type JsonWebKey, randomBytes, sign } from "node:crypto";
import { describe, expect, it } from "vitest";
import { decodeCbor } from "../../../dist/factors/passkey/cbor.js";
import { isPasskeySignature, offeredAlgorithms, readCoseKey } from "../../../dist/factors/passkey/cose.js";
import type { RegisteredPasskey } from "../../../dist/factors/passkey/webauthn.js";
import { keyPair } from "../../world/key-pairs.js";
import { allAlgorithms, bytesOf, coseKey, coseMap, createSubject, signWith } from "./authenticator.js";
import { type Encodable, type EncodableMap, encodeCbor, Raw } from "./cbor-encode.js";

function readKey(key: Encodable) {
  const item = decodeCbor(encodeCbor(key));
  return item === undefined ? undefined : readCoseKey(item.value);
}

const subjects = allAlgorithms.map((alg) => createSubject(alg));
const named = subjects.map((subject) => [subject.alg, subject] as const);
const es256 = createSubject(-7);
const es384 = createSubject(-35);
const changed = (key: EncodableMap, label: number, value: Encodable) => new Map([...key, [label, value] as const]);
const without = (key: EncodableMap, label: number) => new Map([...key].filter(([name]) => name !== label));

function rsaKey(bits: number, publicExponent = 65537): EncodableMap {
  const { publicKey } = keyPair("rsa", { modulusLength: bits, publicExponent });
  return coseKey({ alg: -257, publicKey: publicKey.export({ format: "jwk" }) });
}

const x = bytesOf(es256.publicKey.x);
const y = bytesOf(es256.publicKey.y);
const offCurve = Buffer.from(y);
offCurve.writeUInt8(offCurve.readUInt8(31) ^ 1, 31);
const ed25519 = (point: string) => coseMap([1, 1], [3, -8], [-1, 6], [-2, Buffer.from(point, "hex")]);
const ed448 = (point: string) => coseMap([1, 1], [3, -53], [-1, 7], [-2, Buffer.from(point, "hex")]);
const rsa2048 = rsaKey(2048);
const rsaModulus = (octets: number) => Buffer.alloc(octets, 0xd7);

const badKeys: readonly (readonly [string, Encodable])[] = [
  ["an array", []],
  ["an empty map", new Map()],
  ["an algorithm that is not in the table", changed(coseKey(es256), 3, -47)],
  ["an algorithm as text", changed(coseKey(es256), 3, "ES256")],
  ["ES256 with the type of an OKP", changed(coseKey(es256), 1, 1)],
  ["ES256 with the curve P-384", changed(coseKey(es256), -1, 2)],
  ["ES256 with a point of P-384", changed(coseKey(es384), 3, -7)],
  ["ES256 with the curve as text", changed(coseKey(es256), -1, "P-256")],
  ["ES256 without y", without(coseKey(es256), -3)],
  ["ES256 with a compressed point", changed(coseKey(es256), -3, true)],
  ["ES256 with x in 31 bytes", changed(coseKey(es256), -2, x.subarray(1))],
  ["ES256 with x in 33 bytes", changed(coseKey(es256), -2, Buffer.concat([Buffer.of(0), x]))],
  ["ES256 with a point that is not on the curve", changed(coseKey(es256), -3, offCurve)],
  ["ES256 with the point 0, 0", changed(changed(coseKey(es256), -2, Buffer.alloc(32)), -3, Buffer.alloc(32))],
  ["ES256 with a key id", changed(coseKey(es256), 2, Buffer.of(1))],
  ["ES256 with its private value", changed(coseKey(es256), -4, randomBytes(32))],
  [
    "ES256 with a repeated x",
    new Raw(Buffer.concat([Buffer.of(0xa6), encodeCbor(coseKey(es256)).subarray(1), Buffer.of(0x21, 0x40)])),
  ],
  ["Ed25519 with y = 0", ed25519("00".repeat(32))],
  ["Ed25519 with the neutral point", ed25519(`01${"00".repeat(31)}`)],
  ...[
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03",
  ]
    .flatMap((y, at) => (at === 0 ? [`${y}05`, `${y}85`] : [`${y}7a`, `${y}fa`]))
    .map((point) => [`Ed25519 with the point ${point.slice(-4)} of order 8`, ed25519(point)] as const),
  ["Ed25519 with y = 2, which no point has", ed25519(`02${"00".repeat(31)}`)],
  ["Ed25519 with y above the field", ed25519(`f0${"ff".repeat(30)}7f`)],
  ["Ed25519 with 31 bytes", ed25519("09".repeat(31))],
  ["Ed25519 with x as text", changed(ed25519("09".repeat(32)), -2, "text")],
  ["Ed448 with no byte", ed448("")],
  ["ES256 with x as text", changed(coseKey(es256), -2, "text")],
  ["RSA with the modulus as text", changed(rsa2048, -1, "text")],
  ["Ed448 with y = 0", ed448("00".repeat(57))],
  ["Ed448 with the neutral point", ed448(`01${"00".repeat(56)}`)],
  ["Ed448 with y above the field", ed448(`${"ff".repeat(56)}00`)],
  ["Ed448 with 56 bytes", ed448("09".repeat(56))],
  ["RSA of 1024 bits", rsaKey(1024)],
  ["RSA of 2040 bits", coseMap([1, 3], [3, -257], [-1, rsaModulus(255)], [-2, Buffer.of(1, 0, 1)])],
  ["RSA of 4104 bits", coseMap([1, 3], [3, -257], [-1, rsaModulus(513)], [-2, Buffer.of(1, 0, 1)])],
  ["RSA of 16384 bits", coseMap([1, 3], [3, -257], [-1, rsaModulus(2048)], [-2, Buffer.of(1, 0, 1)])],
  ["RSA with the exponent 1", changed(rsa2048, -2, Buffer.of(1))],
  ["RSA with the exponent 3", rsaKey(2048, 3)],
  ["RSA with the exponent 65539", changed(rsa2048, -2, Buffer.of(1, 0, 3))],
  ["RSA with a zero before the exponent", changed(rsa2048, -2, Buffer.of(0, 1, 0, 1))],
  [
    "RSA with a zero before the modulus",
    coseMap([1, 3], [3, -257], [-1, Buffer.concat([Buffer.of(0), rsaModulus(256)])], [-2, Buffer.of(1, 0, 1)]),
  ],
  ["RSA with an even modulus", coseMap([1, 3], [3, -257], [-1, Buffer.alloc(256, 0xd6)], [-2, Buffer.of(1, 0, 1)])],
];

describe("the keys of passkeys", () => {
  it.each(named)("a key of the algorithm %i is read and exported as a JWK", (alg, subject) => {
    expect(readKey(coseKey(subject))).toEqual({ alg, publicKey: subject.publicKey });
  });

  it("an RSA key of 4096 bits is read", () => {
    expect(readKey(rsaKey(4096))).toMatchObject({ alg: -257 });
  });

  it("the offered algorithms are in the table", () => {
    for (const alg of offeredAlgorithms) expect(allAlgorithms).toContain(alg);
  });

  it.each(badKeys)("a key is rejected that is %s", (_name, key) => {
    expect(readKey(key)).toBeUndefined();
  });

  it("the worst key takes no longer than 50 milliseconds", () => {
    const keys = badKeys.map(([, key]) => key);
    for (const key of keys) readKey(key);
    for (const key of keys) {
      const start = process.cpuUsage();
      for (let round = 0; round < 10; round++) readKey(key);
      expect(process.cpuUsage(start).user / 1000 / 10).toBeLessThan(50);
    }
  });

  it("every point of Ed25519 and Ed448 that Node generates is accepted", () => {
    for (const kind of [-8, -53])
      for (let round = 0; round < 50; round++) expect(readKey(coseKey(createSubject(kind)))).toBeDefined();
  });
});

const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const data = Buffer.from("authenticator data and hash");

function derInteger(value: bigint): Buffer {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex");
  const body = bytes.readUInt8(0) > 0x7f ? Buffer.concat([Buffer.of(0), bytes]) : bytes;
  return Buffer.concat([Buffer.of(2, body.length), body]);
}

function der(r: bigint, s: bigint): Buffer {
  const body = Buffer.concat([derInteger(r), derInteger(s)]);
  return Buffer.concat([Buffer.of(0x30, body.length), body]);
}

function signEs256() {
  const raw = sign("sha256", data, { key: es256.privateKey, dsaEncoding: "ieee-p1363" });
  const number = (bytes: Buffer) => BigInt(`0x${bytes.toString("hex")}`);
  return { raw, r: number(raw.subarray(0, 32)), s: number(raw.subarray(32)) };
}

const keyOf = (subject: { readonly alg: number; readonly publicKey: JsonWebKey }) => ({
  alg: subject.alg,
  publicKey: subject.publicKey as RegisteredPasskey["publicKey"],
});

describe("the signatures of passkeys", () => {
  it.each(named)("a signature of the algorithm %i is valid for its data and for no other", (_alg, subject) => {
    const signature = signWith(subject, data);
    expect(isPasskeySignature(keyOf(subject), data, signature)).toBe(true);
    expect(isPasskeySignature(keyOf(subject), Buffer.from("other"), signature)).toBe(false);
    for (const other of subjects.filter(({ alg }) => alg !== subject.alg))
      expect(isPasskeySignature(keyOf(other), data, signature)).toBe(false);
    for (const broken of [Buffer.alloc(0), signature.subarray(1), Buffer.concat([signature, Buffer.of(0)])])
      expect(isPasskeySignature(keyOf(subject), data, broken)).toBe(false);
  });

  it("ECDSA has two valid values of s, and the standard demands neither", () => {
    const { r, s } = signEs256();
    for (const value of [s, order - s]) expect(isPasskeySignature(keyOf(es256), data, der(r, value))).toBe(true);
  });

  it("ECDSA with r or s of 0, of the order or above is rejected", () => {
    const { r, s } = signEs256();
    const pairs = [
      [0n, s],
      [r, 0n],
      [0n, 0n],
      [order, s],
      [r, order],
      [r + order, s],
      [r, s + order],
      [1n, 1n],
    ] as const;
    for (const [one, other] of pairs) expect(isPasskeySignature(keyOf(es256), data, der(one, other))).toBe(false);
  });

  it("ECDSA that is no strict DER is rejected", () => {
    const { raw, r, s } = signEs256();
    const strict = der(r, s);
    const longLength = Buffer.concat([Buffer.of(0x30, 0x81, strict.length - 2), strict.subarray(2)]);
    for (const bytes of [raw, longLength, Buffer.concat([strict, Buffer.of(0)])])
      expect(isPasskeySignature(keyOf(es256), data, bytes)).toBe(false);
  });

  it("a signature on another curve or with another hash is rejected", () => {
    expect(isPasskeySignature(keyOf(es256), data, signWith(es384, data))).toBe(false);
    expect(isPasskeySignature(keyOf(es256), data, sign("sha384", data, es256.privateKey))).toBe(false);
  });

  it("RSA with PSS in place of PKCS #1 v1.5 is rejected", () => {
    const rsa = createSubject(-257);
    const signature = sign("sha256", data, { key: rsa.privateKey, padding: 6, saltLength: 32 });
    expect(isPasskeySignature(keyOf(rsa), data, signature)).toBe(false);
  });

  it("Ed25519 with S above the order is rejected", () => {
    const subject = createSubject(-8);
    const signature = signWith(subject, data);
    const low = 2n ** 252n + 27742317777372353535851937790883648493n;
    const s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString("hex")}`) + low;
    const high = Buffer.from(s.toString(16).padStart(64, "0"), "hex").reverse();
    const forged = Buffer.concat([signature.subarray(0, 32), high]);
    expect(isPasskeySignature(keyOf(subject), data, forged)).toBe(false);
  });

  it("an unknown algorithm has no valid signature", () => {
    expect(isPasskeySignature({ ...keyOf(es256), alg: -65535 }, data, signWith(es256, data))).toBe(false);
  });
});
