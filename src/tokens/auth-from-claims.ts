// From verified claims to the Auth that handlers get: frozen deeply, so that no handler changes what the next one sees.
import { type RoleScopes, scopesOf } from "../levels/scopes.js";
import type { Auth, AuthActor, AuthApiKey } from "./auth.js";
import { type Credential, credentialOf, defaultCredentials, notAccepted } from "./credential.js";
import type { AccessClaims } from "./jwt.js";

const none: readonly string[] = Object.freeze([]);

/** By their text, which users with the same roles share. */
const scopeLists = new Map<string, readonly string[]>();
const scopeListsMax = 256;

function splitScopes(text: string): readonly string[] {
  const known = scopeLists.get(text);
  if (known !== undefined) return known;
  if (scopeLists.size >= scopeListsMax) scopeLists.clear();
  const scopes = Object.freeze(text.split(" ").filter((one) => one !== ""));
  scopeLists.set(text, scopes);
  return scopes;
}

/**
 * Called with `new` it makes a plain object. V8 soon creates among the old objects what a literal describes, if many of
 * them were kept, and the cache keeps many. A token that is not kept would then cost twice the time.
 */
function setMembers(
  this: { -readonly [M in keyof Auth]: Auth[M] },
  claims: AccessClaims,
  credential: Credential,
  scopes: readonly string[],
  apiKey: AuthApiKey | undefined,
  shown: Auth["claims"] = claims,
) {
  // People have roles, machines have scopes. So no route with `roles` opens for a token that is not the user's own.
  const isOwn = credential === "session" || credential === "foreign";
  this.credential = credential;
  this.apiKey = apiKey;
  this.id = claims.sub;
  this.login = claims.login;
  this.roles = (isOwn ? claims.roles : undefined) ?? none;
  this.scopes = scopes;
  this.actor = credential === "delegated" ? actorOf(claims) : undefined;
  this.session = credential === "service" ? undefined : claims.sid;
  this.amr = claims.amr ?? none;
  this.acr = claims.acr;
  this.starts = claims.nbf;
  this.expires = claims.exp;
  this.claims = shown;
}
/** The client of a connection. Other software that delegates names another actor, or none. */
function actorOf({ act, client_id: id }: AccessClaims): AuthActor | undefined {
  const { sub, name = sub } = Object(act) as Readonly<Record<string, unknown>>;
  if (typeof id !== "string" || sub !== id || typeof name !== "string") return undefined;
  return Object.freeze({ id, name, credential: "client" });
}

setMembers.prototype = Object.prototype;
const PlainAuth = setMembers as unknown as new (
  claims: AccessClaims,
  credential: Credential,
  scopes: readonly string[],
  apiKey: AuthApiKey | undefined,
  shown?: Auth["claims"],
) => Auth;

/**
 * `table` has the scopes of roles, for a token of a session that carries none. Throws `credential_not_accepted` for a
 * token that is bound to an organization.
 */
export function authFromClaims(claims: AccessClaims, table: RoleScopes): Auth {
  const credential = credentialOf(claims);
  if (credential === "bound") throw notAccepted(defaultCredentials, credential);
  const { scope = credential === "session" ? scopesOf(claims.roles ?? none, table).join(" ") : "" } = claims;
  const scopes = scope === "" ? none : splitScopes(scope);
  return Object.freeze(new PlainAuth(freeze(claims), credential, scopes, undefined));
}

const noClaims: Auth["claims"] = Object.freeze({});

/** The Auth of an API key. `row` has what the claims of a token would have. */
export function authOfApiKey(row: AccessClaims, key: AuthApiKey, scopes: readonly string[]): Auth {
  const shared = scopes.length === 0 ? none : splitScopes(scopes.join(" "));
  return Object.freeze(new PlainAuth(row, "api_key", shared, Object.freeze(key), noClaims));
}

/** Without recursion, because a token can nest deeply. `Object.values` for both would take 0.2 µs more. */
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
