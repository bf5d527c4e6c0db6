// The next key set when a new key takes over: what sec-rotate-key prints.
import type { Algorithm } from "./algorithms.js";
import { importJwk, isJwk } from "./jwk.js";
import { importKeys, listJwks } from "./jwk-set.js";
import type { Jwk } from "./members.js";

/**
 * The JWK Set to configure next. `next` is first. The keys of `current` (a JWK or a JWK Set) follow, the first `keep` of
 * them or all, with their own members. `alg` and `kid` are written out, so that they no longer depend on a parameter.
 * Throws ConfigurationError when `current` or the result is not a good configuration.
 */
export function rotateKeys(
  current: unknown,
  next: Jwk,
  options: { readonly keep?: number | undefined; readonly algorithm?: Algorithm | undefined } = {},
): { readonly keys: readonly Jwk[] } {
  importKeys(current, { algorithm: options.algorithm });
  const old = listJwks(current)
    .filter(isJwk)
    .map((jwk) => complete(jwk, options.algorithm));
  const rotated = { keys: [next, ...old.slice(0, options.keep ?? old.length)] };
  importKeys(rotated);
  return rotated;
}

function complete(jwk: Jwk, algorithm: Algorithm | undefined): Jwk {
  const reading = importJwk(jwk, algorithm);
  if (reading.outcome !== "imported") return jwk;
  const { kid } = reading.key;
  return { ...jwk, alg: reading.key.algorithm, kid };
}
