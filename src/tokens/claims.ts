// The claims that a token must carry, their types and ranges: RFC 7519 §4.1, RFC 9068 §2.2, and Ampho's own.
import { numericDateMax } from "../clock.js";
import { isTexts } from "../crypto/json.js";
import { credentialOf } from "./credential.js";
import { type RejectionReason, reject } from "./rejection.js";

/** The claims that are read here (docs/reference/claims.md). A token can have others. Times are Unix seconds. */
export interface Claims {
  /** The issuer (RFC 7519 §4.1.1): AMPHO_SECURITY_TOKEN_ISSUER, by default the origin of AMPHO_APP_URL. */
  readonly iss?: unknown;
  /** The audience (RFC 7519 §4.1.3): AMPHO_SECURITY_TOKEN_AUDIENCE, where it is set. */
  readonly aud?: unknown;
  /** The id of the user (RFC 7519 §4.1.2). It never changes and is never used again for another user. */
  readonly sub?: string;
  /** The login name of the user. It can change. */
  readonly login?: string;
  /** The roles of the user at the time of the login or renewal (RFC 9068 §2.2.3.1). */
  readonly roles?: readonly string[];
  /** The scopes of those roles, with spaces between them (RFC 9068 §2.2.3). Absent if there are no scopes. */
  readonly scope?: string;
  /** The id of the session. A token of other software has no session. */
  readonly sid?: string;
  /** The generation of the session. A renewal increases it. */
  readonly gen?: number;
  /** The version of the user's roles. A change of roles increases it. */
  readonly ver?: number;
  /** When the user signed in, or signed in again (RFC 9068 §2.2.1). A step-up does not move it. 0 if it is unknown. */
  readonly auth_time?: number;
  /** The methods that the user proved at the login and in step-ups (RFC 8176). */
  readonly amr?: readonly string[];
  /** The level of the login. Other software can have levels of its own. */
  readonly acr?: string;
  /** The id of the token (RFC 7519 §4.1.7). */
  readonly jti?: string;
  /** The time at which the token was issued (RFC 7519 §4.1.6). */
  readonly iat?: number;
  /** The time before which the token is rejected (RFC 7519 §4.1.5). The leeway applies. */
  readonly nbf?: number;
  /** The time from which on the token is rejected (RFC 7519 §4.1.4). The leeway applies. */
  readonly exp: number;
  readonly [name: string]: unknown;
}

export interface ClaimRules {
  /** Unix seconds. */
  readonly now: number;
  /** Clock skew that is allowed around `exp`, `nbf` and `iat`. */
  readonly leewaySeconds: number;
  /** The required value of `iss`, if given. */
  readonly issuer?: string | undefined;
  /** Unix seconds. Before it, tokens need no `iss`. */
  readonly issuerFrom?: number | undefined;
  /** `aud` must contain one of these, if given. */
  readonly audience?: readonly string[] | undefined;
  /** How far ahead the `exp` of a token that is not of a session can lie, if given. */
  readonly foreignMaxSeconds?: number | undefined;
}

const isTime = (value: unknown): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= numericDateMax;

const isTimeIfThere = (value: unknown): boolean => value === undefined || isTime(value);

export const isTextIfThere = (value: unknown): boolean =>
  value === undefined || (typeof value === "string" && value !== "");

export const isIntegerIfThere = (value: unknown): boolean => value === undefined || Number.isSafeInteger(value);

/** Every claim that is there has its type and range, and `exp` is there. */
const isClaims = (value: Readonly<Record<string, unknown>>): value is Claims =>
  isTime(value["exp"]) &&
  isTimeIfThere(value["nbf"]) &&
  isTimeIfThere(value["iat"]) &&
  isTextIfThere(value["sub"]) &&
  isTextIfThere(value["login"]) &&
  isTextIfThere(value["sid"]) &&
  isTextIfThere(value["jti"]) &&
  isIntegerIfThere(value["gen"]) &&
  (value["gen"] === undefined || Number(value["gen"]) >= 0) &&
  isIntegerIfThere(value["ver"]) &&
  isIntegerIfThere(value["auth_time"]) &&
  (value["amr"] === undefined || isTexts(value["amr"])) &&
  isTextIfThere(value["acr"]) &&
  (value["scope"] === undefined || typeof value["scope"] === "string") &&
  (value["roles"] === undefined || isTexts(value["roles"]));

export function holdsAudience(aud: unknown, ours: readonly string[]): boolean {
  if (typeof aud === "string") return ours.includes(aud);
  return isTexts(aud) && aud.some((name) => ours.includes(name));
}

/** The problem with the times, which are checked again each time that a token is used. */
export function findTimeRejection(
  claims: Pick<Claims, "exp" | "nbf">,
  rules: Pick<ClaimRules, "now" | "leewaySeconds">,
): RejectionReason | undefined {
  // RFC 7519 §4.1.4: on or after `exp` it must not be accepted.
  if (rules.now >= claims.exp + rules.leewaySeconds) return "expired";
  if (claims.nbf !== undefined && claims.nbf > rules.now + rules.leewaySeconds) return "notYet";
  return undefined;
}

const predatesIssuer = (claims: Claims, { now, issuerFrom = 0 }: ClaimRules): boolean =>
  claims["iss"] === undefined && now < issuerFrom;

/** Checks the claims of a token whose signature is good. Throws AmphoError `invalid_token`. */
export function checkClaims(claims: Readonly<Record<string, unknown>>, rules: ClaimRules): Claims {
  if (!isClaims(claims)) reject("claim");
  const wrong = findTimeRejection(claims, rules);
  if (wrong !== undefined) reject(wrong);
  if (claims.iat !== undefined && claims.iat > rules.now + rules.leewaySeconds) reject("issuedAhead");
  if (rules.foreignMaxSeconds !== undefined && credentialOf(claims) !== "session")
    if (claims.exp > rules.now + rules.foreignMaxSeconds) reject("farAhead");
  if (rules.issuer !== undefined && claims["iss"] !== rules.issuer && !predatesIssuer(claims, rules)) reject("issuer");
  if (rules.audience !== undefined && !holdsAudience(claims["aud"], rules.audience)) reject("audience");
  return claims;
}
