// Ed25519 keys: RFC 8037 §2.
import { createPrivateKey, createPublicKey } from "node:crypto";
import { isPrivate, type KeyReader, readOctets, tryCreate } from "./members.js";

const octets = 32;

/** Small order (RFC 7748 §6, RFC 8032 §5.1.3): signatures fit any message. y little-endian, without the sign bit. */
const smallOrder = new Set([
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]);

function isSmallOrder(point: Buffer): boolean {
  const y = Buffer.from(point);
  y.writeUInt8(y.readUInt8(octets - 1) & 0x7f, octets - 1);
  return smallOrder.has(y.toString("hex"));
}

export const readOkp: KeyReader = (jwk, report) => {
  if (typeof jwk["crv"] !== "string") return void report("`crv` must be a string");
  if (jwk["crv"] !== "Ed25519") return { unsupported: "its `crv` is not Ed25519" };
  const crv = jwk["crv"];
  const x = readOctets(jwk, "x", report, octets);
  const d = isPrivate(jwk) ? readOctets(jwk, "d", report, octets) : undefined;
  if (x === undefined || (isPrivate(jwk) && d === undefined)) return undefined;
  if (isSmallOrder(x)) return void report("`x` is a point of small order");
  const members = { kty: "OKP", crv, x: x.toString("base64url") };
  const publicKey = tryCreate(() => createPublicKey({ key: members, format: "jwk" }));
  if (publicKey === undefined) return void report("`x` is not a valid public key");
  if (d === undefined) return { publicKey, crv, publicMembers: members };
  const secrets = { ...members, d: d.toString("base64url") };
  const privateKey = tryCreate(() => createPrivateKey({ key: secrets, format: "jwk" }));
  if (privateKey === undefined || !createPublicKey(privateKey).equals(publicKey))
    return void report("`d` and `x` are not a pair");
  return { publicKey, privateKey, crv, publicMembers: members };
};
