// From verified claims to the Auth that handlers get: frozen deeply, so that no handler changes what the next one sees.

import type { Auth } from "./auth.js";
import type { AccessClaims } from "./jwt.js";

const none: readonly string[] = Object.freeze([]);

/** By the claim, which users with the same roles share. */
const scopeLists = new Map<string, readonly string[]>();
const scopeListsMax = 256;

function scopesOf(claim: string): readonly string[] {
  const known = scopeLists.get(claim);
  if (known !== undefined) return known;
  if (scopeLists.size >= scopeListsMax) scopeLists.clear();
  const scopes = Object.freeze(claim.split(" ").filter((scope) => scope !== ""));
  scopeLists.set(claim, scopes);
  return scopes;
}

/**
 * Called with `new` it makes a plain object. V8 soon creates among the old objects what a literal describes, if many of
 * them were kept, and the cache keeps many. A token that is not kept would then cost twice the time.
 */
function setMembers(this: { -readonly [M in keyof Auth]: Auth[M] }, claims: AccessClaims) {
  this.id = claims.sub;
  this.login = claims.login;
  this.roles = claims.roles ?? none;
  this.scopes = claims.scope === undefined ? none : scopesOf(claims.scope);
  this.session = claims.sid;
  this.amr = claims.amr ?? none;
  this.acr = claims.acr;
  this.starts = claims.nbf;
  this.expires = claims.exp;
  this.claims = claims;
}
setMembers.prototype = Object.prototype;
const PlainAuth = setMembers as unknown as new (claims: AccessClaims) => Auth;

export function authFromClaims(claims: AccessClaims): Auth {
  return Object.freeze(new PlainAuth(freeze(claims)));
}

/** Without recursion, because a token can nest as deep as its 8 KiB allow. `Object.values` for both would take 0.2 µs more. */
function freeze<T extends object>(root: T): T {
  const open: object[] = [root];
  const add = (value: unknown) => {
    if (typeof value === "object" && value !== null) open.push(value);
  };
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (Array.isArray(next)) for (const value of next) add(value);
    else for (const name in next) add(next[name as keyof typeof next]);
    Object.freeze(next);
  }
  return root;
}
