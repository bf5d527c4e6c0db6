// A token that the server takes: what each forged one differs from in a single thing.
import type { Key } from "../../../keys/key.js";
import type { Target } from "../attack.js";

export function goodClaims({ now, rules, nobody }: Target): Readonly<Record<string, unknown>> {
  const { issuer, audience } = rules;
  const at = now();
  return {
    login: nobody,
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

/** Of an attack that needs it: there is one. */
export function keyOf({ key }: Target): Key {
  if (key === undefined) throw new TypeError("this attack needs the server's key");
  return key;
}
