// The claims that a token must carry, their types and ranges: RFC 7519 §4.1, RFC 9068 §2.2, and Ampho's own.
import { numericDateMax } from "../clock.js";
import { type RejectionReason, reject } from "./rejection.js";

/** The claims that are read here. A token can contain others. Times are whole Unix seconds. */
export interface Claims {
  readonly exp: number;
  readonly nbf?: number;
  readonly iat?: number;
  readonly sub?: string;
  readonly login?: string;
  /** The session. */
  readonly sid?: string;
  /** The generation of the session. */
  readonly gen?: number;
  /** The version of the user's roles. */
  readonly ver?: number;
  readonly auth_time?: number;
  /** The methods that the user proved at the login (RFC 8176). */
  readonly amr?: readonly string[];
  /** The level of the login. Other software can have levels of its own. */
  readonly acr?: string;
  readonly jti?: string;
  readonly roles?: readonly string[];
  readonly scope?: string;
  readonly [name: string]: unknown;
}

export interface ClaimRules {
  /** Unix seconds. */
  readonly now: number;
  /** Clock skew that is allowed around `exp`, `nbf` and `iat`. */
  readonly leewaySeconds: number;
  /** The required value of `iss`, if given. */
  readonly issuer?: string | undefined;
  /** `aud` must contain one of these, if given. */
  readonly audience?: readonly string[] | undefined;
  /** How far ahead the `exp` of a token without `sid` can lie, if given. */
  readonly foreignMaxSeconds?: number | undefined;
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= numericDateMax;
}

function isTimeIfThere(value: unknown): boolean {
  return value === undefined || isTime(value);
}

export function isTextIfThere(value: unknown): boolean {
  return value === undefined || (typeof value === "string" && value !== "");
}

export function isIntegerIfThere(value: unknown): boolean {
  return value === undefined || Number.isSafeInteger(value);
}

export function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((text) => typeof text === "string");
}

/** Every claim that is there has its type and range, and `exp` is there. */
function isClaims(value: Readonly<Record<string, unknown>>): value is Claims {
  return (
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
    (value["roles"] === undefined || isTexts(value["roles"]))
  );
}

function holdsAudience(aud: unknown, ours: readonly string[]): boolean {
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

/** Checks the claims of a token whose signature is good. Throws AmphoError `invalid_token`. */
export function checkClaims(claims: Readonly<Record<string, unknown>>, rules: ClaimRules): Claims {
  if (!isClaims(claims)) reject("claim");
  const wrong = findTimeRejection(claims, rules);
  if (wrong !== undefined) reject(wrong);
  if (claims.iat !== undefined && claims.iat > rules.now + rules.leewaySeconds) reject("issuedAhead");
  if (claims.sid === undefined && rules.foreignMaxSeconds !== undefined) {
    if (claims.exp > rules.now + rules.foreignMaxSeconds) reject("farAhead");
  }
  if (rules.issuer !== undefined && claims["iss"] !== rules.issuer) reject("issuer");
  if (rules.audience !== undefined && !holdsAudience(claims["aud"], rules.audience)) reject("audience");
  return claims;
}
