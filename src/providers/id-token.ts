// The ID token (OpenID Connect Core §2 and §3.1.3.7). The checks are stricter than those of the library. A token has one
// spelling, and its key decides the algorithm (RFC 8725 §3.1). It has one audience or our `azp`, and its times are within the
// leeway. The types of Ampho's own tokens are rejected.
import { transactionTtlSeconds } from "../clock.js";
import { parseJsonObject } from "../crypto/json.js";
import { type KeySet, tokenCharactersMax } from "../keys/key.js";
import { verifyJws } from "../tokens/jws.js";
import { OutsideRejection } from "./provider.js";

export interface IdTokenRules {
  readonly issuer: string;
  readonly clientId: string;
  readonly nonce: string;
  readonly now: number;
  readonly leewaySeconds: number;
}

export interface IdClaims {
  readonly sub: string;
  readonly amr: readonly string[];
  readonly acr: string | undefined;
  readonly authTime: number | undefined;
  readonly [name: string]: unknown;
}

/** A logout token or an access token has a type of its own. */
const types: ReadonlySet<string | undefined> = new Set([undefined, "jwt"]);
const noneRevoked: ReadonlySet<string> = new Set();

/** Throws OutsideRejection. A token whose key is unknown throws the TokenRejection of `verifyJws`. */
export function verifyIdToken(token: string, keys: KeySet, rules: IdTokenRules): IdClaims {
  const payload = Buffer.alloc(tokenCharactersMax);
  const { typ, payloadBytes } = verifyJws(token, keys, noneRevoked, payload);
  const claims = types.has(typ) ? parseJsonObject(payload, payloadBytes) : undefined;
  if (claims === undefined || !isForUs(claims, rules)) throw new OutsideRejection("id_token");
  const { sub, amr, acr, auth_time: authTime } = claims;
  if (!isSubject(sub)) throw new OutsideRejection("user");
  return {
    ...claims,
    sub,
    amr: Array.isArray(amr) ? amr.filter((method) => typeof method === "string") : [],
    acr: typeof acr === "string" ? acr : undefined,
    authTime: isTime(authTime) ? authTime : undefined,
  };
}

function isForUs(claims: Readonly<Record<string, unknown>>, rules: IdTokenRules): boolean {
  const { issuer, clientId, nonce, now, leewaySeconds } = rules;
  const { iss, aud, azp, exp, iat, nbf, auth_time: authTime } = claims;
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  return (
    iss === issuer &&
    audiences.includes(clientId) &&
    (azp === undefined ? audiences.length === 1 : azp === clientId) &&
    claims["nonce"] === nonce &&
    isTime(exp) &&
    now < exp + leewaySeconds &&
    isTime(iat) &&
    iat <= now + leewaySeconds &&
    // It was issued during the transaction.
    iat >= now - transactionTtlSeconds - leewaySeconds &&
    (nbf === undefined || (isTime(nbf) && nbf <= now + leewaySeconds)) &&
    (authTime === undefined || (isTime(authTime) && authTime <= now + leewaySeconds))
  );
}

const isTime = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

/** OpenID Connect Core §2: at most 255 ASCII characters. */
const isSubject = (value: unknown): value is string => typeof value === "string" && /^[\x20-\x7e]{1,255}$/.test(value);
