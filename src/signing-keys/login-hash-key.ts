// The secret of the hashes under which logins are stored in the counts of attempts. It is derived from the key that
// signs. A key that takes over in a staged rotation has the secret of the key before it as the member `conceal` (RFC
// 7517 §4). So all processes hash alike during the rotation, and the counts continue. A rotation without stages starts
// them again, because it is for a stolen key.
import { createSecretKey, type KeyObject } from "node:crypto";
import { deriveKey } from "./derived-key.js";
import type { Key } from "./key.js";
import { type Jwk, type Report, readOctets } from "./members.js";

const purpose = "ampho concealed text";
const secretBytes = 32;

/** The key in the member `conceal`. Undefined without the member, or after a report. */
export function readLoginHashKey(jwk: Jwk, report: Report): KeyObject | undefined {
  if (jwk["conceal"] === undefined) return undefined;
  const octets = readOctets(jwk, "conceal", report, secretBytes);
  return octets === undefined ? undefined : createSecretKey(octets);
}

/** The key must be able to sign. */
export function loginHashKeyOf(key: Key): KeyObject {
  if (key.loginHashKey !== undefined) return key.loginHashKey;
  const material = deriveKey(key, purpose)?.material;
  if (material?.kind !== "secret") throw new TypeError("the first key of a set can sign");
  return material.secret;
}
