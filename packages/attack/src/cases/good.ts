// The valid token that each forged token differs from in one detail.

import type { Target } from "../attack.js";
import type { Key } from "../key.js";

export function goodClaims({ now, rules, unknownLogin }: Target): Readonly<Record<string, unknown>> {
  const { issuer, audience } = rules;
  const at = now();
  return {
    login: unknownLogin,
    iat: at,
    nbf: at,
    exp: at + 60,
    ...(issuer === undefined ? {} : { iss: issuer }),
    ...(audience.length === 0 ? {} : { aud: audience }),
  };
}

export function goodHeader(target: Target): { readonly alg: string; readonly kid: string; readonly typ: string } {
  const { algorithm, kid } = keyOf(target);
  return { alg: algorithm, kid, typ: "at+jwt" };
}

/** Returns the key for an attack that requires it. */
export function keyOf({ key }: Target): Key {
  if (key === undefined) throw new TypeError("This attack requires the key of the server.");
  return key;
}
