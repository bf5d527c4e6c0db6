// The JWK thumbprint (RFC 7638, and RFC 8037 §2 for OKP keys). It is the `kid` of a key that has none.
import { createHash } from "node:crypto";
import type { KeyType } from "./algorithms.js";

/** The members that are hashed, in the order of RFC 7638 §3.2. */
const members: Readonly<Record<KeyType, readonly string[]>> = {
  oct: ["k", "kty"],
  OKP: ["crv", "kty", "x"],
  EC: ["crv", "kty", "x", "y"],
  RSA: ["e", "kty", "n"],
};

/** SHA-256 over the required members of the key, in base64url. The members must exist and be well formed. */
export function thumbprint(kty: KeyType, jwk: Readonly<Record<string, unknown>>): string {
  const required = Object.fromEntries(members[kty].map((name) => [name, jwk[name]]));
  return createHash("sha256").update(JSON.stringify(required)).digest("base64url");
}
