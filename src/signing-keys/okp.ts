// Ed25519 keys: RFC 8037 §2.
import { createPrivateKey, createPublicKey } from "node:crypto";
import { isPrivate, type Jwk, type KeyReader, type Report, readOctets, tryCreate } from "./members.js";

const octets = 32;

/** A number beside the prime of the curve, by its first octet. */
const besidePrime = (first: string): string => `${first}${"ff".repeat(30)}7f`;

/** Small order (RFC 7748 §6, RFC 8032 §5.1.3): signatures fit any message. y little-endian, without the sign bit. */
const smallOrder: ReadonlySet<string> = new Set([
  "00".repeat(octets),
  `01${"00".repeat(octets - 1)}`,
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  // The prime less one, the prime, and the prime plus one.
  besidePrime("ec"),
  besidePrime("ed"),
  besidePrime("ee"),
]);

function isSmallOrder(point: Buffer): boolean {
  const y = Buffer.from(point);
  y.writeUInt8(y.readUInt8(octets - 1) & 0x7f, octets - 1);
  return smallOrder.has(y.toString("hex"));
}

function readPublic(jwk: Jwk, report: Report) {
  const { crv } = jwk;
  if (typeof crv !== "string") return void report("`crv` must be a string");
  if (crv !== "Ed25519") return { unsupported: "its `crv` is not Ed25519" };
  const x = readOctets(jwk, "x", report, octets);
  if (x === undefined) return undefined;
  if (isSmallOrder(x)) return void report("`x` is a point of small order");
  const publicMembers = { kty: "OKP", crv, x: x.toString("base64url") };
  const publicKey = tryCreate(() => createPublicKey({ key: publicMembers, format: "jwk" }));
  if (publicKey === undefined) return void report("`x` is not a valid public key");
  return { publicKey, crv, publicMembers };
}

export const readPublicOkp: KeyReader = readPublic;

export const readOkp: KeyReader = (jwk, report) => {
  const read = readPublic(jwk, report);
  if (!isPrivate(jwk) || read === undefined || "unsupported" in read) return read;
  const d = readOctets(jwk, "d", report, octets);
  if (d === undefined) return undefined;
  const secrets = { ...read.publicMembers, d: d.toString("base64url") };
  const privateKey = tryCreate(() => createPrivateKey({ key: secrets, format: "jwk" }));
  if (privateKey === undefined || !createPublicKey(privateKey).equals(read.publicKey))
    return void report("`d` and `x` are not a pair");
  return { ...read, privateKey };
};
