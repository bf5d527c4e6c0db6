// The secret under which texts are concealed that must not be stored as they are: logins, in the counts of guesses. It is
// derived from the key that signs; a key that takes over in a rotation brings that of the key before it along as the member
// `conceal` (additional members of a JWK: RFC 7517 §4). So all processes write one login in one way while some of them have
// read the new set and others have not, and no rotation begins the counts anew.
import { createSecretKey, type KeyObject } from "node:crypto";
import { deriveKey } from "./derived-key.js";
import type { Key } from "./key.js";
import { type Jwk, type Report, readOctets } from "./members.js";

/** Of HKDF. */
const purpose = "ampho concealed text";
const secretBytes = 32;

/** What the member `conceal` holds; undefined where there is none, or after something was reported. */
export function readLoginHashKey(jwk: Jwk, report: Report): KeyObject | undefined {
  if (jwk["conceal"] === undefined) return undefined;
  const octets = readOctets(jwk, "conceal", report, secretBytes);
  return octets === undefined ? undefined : createSecretKey(octets);
}

/** The key has to be one that can sign. */
export function loginHashKeyOf(key: Key): KeyObject {
  if (key.concealing !== undefined) return key.concealing;
  const material = deriveKey(key, purpose)?.material;
  if (material?.kind !== "secret") throw new TypeError("the first key of a set can sign");
  return material.secret;
}
