// Elliptic curve keys on the NIST curves: RFC 7518 §6.2.
import { createECDH, createPrivateKey, createPublicKey } from "node:crypto";
import { isPrivate, type Jwk, type KeyReader, type Report, readOctets, tryCreate } from "./members.js";

/** Octets of a coordinate and of a private value, which are always written in full, and OpenSSL's name of the curve. */
const curves: Readonly<Record<string, { readonly octets: number; readonly name: string } | undefined>> = {
  "P-256": { octets: 32, name: "prime256v1" },
  "P-384": { octets: 48, name: "secp384r1" },
  "P-521": { octets: 66, name: "secp521r1" },
};

/** The point that belongs to a private value, undefined when the value is zero or not below the order. */
function derivePoint(curve: string, d: Buffer): Buffer | undefined {
  const ecdh = createECDH(curve);
  return tryCreate(() => {
    ecdh.setPrivateKey(d);
    return ecdh.getPublicKey();
  });
}

function readPublic(jwk: Jwk, report: Report) {
  const { crv } = jwk;
  if (typeof crv !== "string") return void report("`crv` must be a string");
  const curve = Object.hasOwn(curves, crv) ? curves[crv] : undefined;
  if (curve === undefined) return { unsupported: "its `crv` is not P-256, P-384 or P-521" };
  const x = readOctets(jwk, "x", report, curve.octets);
  const y = readOctets(jwk, "y", report, curve.octets);
  if (x === undefined || y === undefined) return undefined;
  const publicMembers = { kty: "EC", crv, x: x.toString("base64url"), y: y.toString("base64url") };
  const publicKey = tryCreate(() => createPublicKey({ key: publicMembers, format: "jwk" }));
  if (publicKey === undefined) return void report("`x` and `y` are not a point of the curve");
  return { publicKey, crv, publicMembers, curve, point: Buffer.concat([Buffer.of(4), x, y]) };
}

export const readPublicEc: KeyReader = readPublic;

export const readEc: KeyReader = (jwk, report) => {
  const read = readPublic(jwk, report);
  if (!isPrivate(jwk) || read === undefined || "unsupported" in read) return read;
  const d = readOctets(jwk, "d", report, read.curve.octets);
  if (d === undefined) return undefined;
  // OpenSSL accepts a private value and a point that are not a pair.
  if (derivePoint(read.curve.name, d)?.equals(read.point) !== true)
    return void report("`d` and the point are not a pair");
  const secrets = { ...read.publicMembers, d: d.toString("base64url") };
  const privateKey = tryCreate(() => createPrivateKey({ key: secrets, format: "jwk" }));
  if (privateKey === undefined) return void report("`d` is not a valid private value");
  return { ...read, privateKey };
};
