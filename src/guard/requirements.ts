// The requirements of a route, which the caller must meet (docs/reference/contract.md §6).
import { type Duration, parseDuration } from "../duration.js";
import { AmphoError } from "../errors.js";
import { type Acr, acrs } from "../levels/acr.js";
import { nearest } from "../nearest.js";
import type { Resource } from "../resources.js";
import type { Auth, Role } from "../tokens/auth.js";
import { type Credential, credentials as credentialNames } from "../tokens/credential.js";

/**
 * The conditions under which a route accepts its caller. Empty requirements require a valid token. `R` is the request
 * that `can` gets. `S` are the scopes of the instance.
 * @example
 * app.get("/articles", authorize(ampho, { scopes: ["articles:read"], optional: true }), list);
 * app.delete("/articles/:id", authorize(ampho, { roles: ["editor"], acr: "2fa", maxAge: "5m", live: true }), remove);
 * app.post("/import", authorize(ampho, { credentials: ["service"], scopes: ["articles:write"] }), importArticles);
 * app.put("/articles/:id", authorize(ampho, { can: (auth, request) => owns(auth.id, request.params.id) }), update);
 */
export interface Requirements<R = never, S extends string = string> {
  /**
   * The kinds of tokens that the route takes, by default `["session", "foreign"]`. Any other gets 403
   * `credential_not_accepted`. A route that takes `service` or `key` also needs `scopes` or `can`.
   */
  readonly credentials?: readonly Credential[];
  /** The user must have at least one of these roles. */
  readonly roles?: readonly Role[];
  /** The user must have all of these scopes. */
  readonly scopes?: readonly S[];
  /** Lowest level of the login: `1fa` < `2fa` < `phr`. A weaker login gets 401 `login_too_weak`. */
  readonly acr?: Acr;
  /** Longest time since the login: seconds, or a duration such as `"5m"`. An older login gets 401 `login_too_old`. */
  readonly maxAge?: Duration;
  /** Reads the database on each request: the session is live, the user is enabled, and the current roles decide. */
  readonly live?: true;
  /** The application's own check. It gets the request of the framework and must return `true` to allow it. */
  readonly can?: (auth: Auth<S>, request: R) => boolean | Promise<boolean>;
  /** One of AMPHO_SECURITY_RESOURCES, which the token must have in `aud`. A rejection leads to its metadata. */
  readonly resource?: string;
  /** Without a token `auth` is `undefined`. A bad token still gets 401. */
  readonly optional?: true;
  /** A browser that asks for a page (`GET`, `Accept: text/html`) gets the sign-in page, not 401. Needs AMPHO_PAGES. */
  readonly redirect?: true;
}

/** Requirements under which every caller has a token: they are not `optional`. */
export type MandatoryRequirements<R = never, S extends string = string> = Omit<Requirements<R, S>, "optional"> & {
  /** Cannot be set here. */
  readonly optional?: never;
};

/** Requirements as `checkRequirements` returns them for the guard. `maxAge` is in seconds. */
export interface CheckedRequirements<R = never> extends Requirements<R> {
  /** The longest time since the login, in seconds. */
  readonly maxAge?: number;
}

/** The type of a handler's `auth`. It is never `undefined` only where the requirements exclude `optional`. */
export type AuthOf<N, S extends string = string> = N extends unknown
  ? [N["optional" & keyof N]] extends [undefined]
    ? Auth<S>
    : Auth<S> | undefined
  : never;

/** The type where no requirements are given. */
export type NoRequirements = Readonly<Record<never, never>>;

/** The parts of an instance's host that requirements can need. An injected instance has none yet. */
interface Limits {
  readonly live?: false;
  readonly scopes?: readonly string[] | undefined;
  readonly resources?: readonly Resource[] | undefined;
  readonly pagesPrefix?: string | undefined;
}

const members = ["credentials", "roles", "scopes", "acr", "maxAge", "live", "can", "resource", "optional", "redirect"];

/**
 * Returns a copy, so that later changes to the object or its lists have no effect.
 * Throws a TypeError for a misspelled, undefined or wrong member: the guard would ignore it and allow every user. The
 * same holds for members of a Map, a promise or a class, which a copy does not have.
 * `live` and the credential `key` are also errors for a verifier, which has no database (`host.live` is false). Errors
 * are also a scope that no role has, a resource that is not configured, and `redirect` without pages.
 */
export function checkRequirements<R, S extends string>(
  given: Requirements<R, S>,
  host: Limits,
): CheckedRequirements<R> {
  if (!isPlainObject(given)) throw new TypeError('Requirements must be a plain object, such as { roles: ["editor"] }.');
  // Reads each member once, because a getter can return another value the next time.
  // The `auth` that `can` gets is of the instance for whose scopes it was written.
  const requirements = { ...given } as unknown as Requirements<R>;
  for (const [name, value] of Object.entries(requirements)) {
    if (!members.includes(name))
      throw new TypeError(
        `Requirements have no member ${JSON.stringify(name)}. The members are ${members.join(", ")}.`,
      );
    if (value === undefined) throw wrong(name, "is undefined. Give it a value, or remove it.");
  }
  const { credentials, roles, scopes, acr, maxAge, live, can, resource, optional, redirect } = requirements;
  for (const [name, list] of Object.entries({ credentials, roles, scopes }))
    if (list !== undefined && !(Array.isArray(list) && list.every((item) => typeof item === "string")))
      throw wrong(name, "must be an array of strings.");
  for (const [name, list] of Object.entries({ credentials, roles }))
    if (list?.length === 0) throw wrong(name, "is an empty array, so no user could pass. Fill it, or remove it.");
  const unknown = credentials?.find((one) => !credentialNames.includes(one));
  if (unknown !== undefined)
    throw wrong("credentials", `can list ${credentialNames.join(", ")}, but has ${JSON.stringify(unknown)}.`);
  const machine = credentials?.find((one) => one === "key" || one === "service");
  // Every key and every service would open the route. `can: () => true` states that this is meant.
  if (machine !== undefined && !scopes?.length && can === undefined)
    throw wrong("credentials", `lists ${machine}, so the route also needs \`scopes\` or \`can\`.`);
  if (host.live === false && credentials?.includes("key"))
    throw wrong("credentials", "lists key, and a verifier cannot read keys.");
  const known = host.scopes ?? [];
  const strange = host.scopes && scopes?.find((scope) => !known.includes(scope));
  if (strange !== undefined)
    throw wrong(
      "scopes",
      `has ${JSON.stringify(strange)}, which no role has. Did you mean ${nearest(strange, known)}?`,
    );
  if (acr !== undefined && !acrs.includes(acr))
    throw wrong("acr", `must be one of ${acrs.join(", ")}, but is ${JSON.stringify(acr)}.`);
  const maxAgeSeconds = parseDuration(maxAge);
  if (maxAge !== undefined && maxAgeSeconds === undefined)
    throw wrong("maxAge", `must be whole seconds or a duration such as "5m", but is ${JSON.stringify(maxAge)}.`);
  if (can !== undefined && typeof can !== "function") throw wrong("can", "must be a function.");
  if (resource !== undefined && typeof resource !== "string") throw wrong("resource", "must be a text.");
  if (resource !== undefined && host.resources?.some((one) => one.resource === resource) === false)
    throw unknownResource(resource, host.resources);
  for (const [name, flag] of Object.entries({ live, optional, redirect }))
    if (flag !== undefined && typeof flag !== "boolean") throw wrong(name, "must be true. Otherwise, remove it.");
  if (live === true && host.live === false) throw liveNeedsDatabase();
  if (redirect === true && (host.live === false || ("pagesPrefix" in host && host.pagesPrefix === undefined)))
    throw new TypeError("`redirect` needs the pages of Ampho. Set AMPHO_PAGES, or remove `redirect`.");
  const { maxAge: _, ...rest } = requirements;
  return {
    ...rest,
    ...(credentials && { credentials: [...credentials] }),
    ...(roles && { roles: [...roles] }),
    ...(scopes && { scopes: [...scopes] }),
    ...(maxAgeSeconds !== undefined && { maxAge: maxAgeSeconds }),
  };
}

/** A second check: unless the requirements are `optional`, no handler runs without an `auth`. */
export function lacksAuth(auth: Auth | undefined, requirements: CheckedRequirements<never> | undefined): boolean {
  return auth === undefined && requirements?.optional !== true;
}

export const missingToken = (): AmphoError => new AmphoError("missing_token", "A bearer token is required.");

function isPlainObject(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

export function unknownResource(resource: string, known: readonly Resource[]): TypeError {
  const names = known.map((one) => one.resource);
  const hint = names.length === 0 ? "Set AMPHO_SECURITY_RESOURCES." : `Did you mean ${nearest(resource, names)}?`;
  return wrong("resource", `is ${JSON.stringify(resource)}, which is not configured. ${hint}`);
}

/** The error for `live` where there is no database. */
export const liveNeedsDatabase = (): TypeError =>
  new TypeError("`live` needs the database, and a verifier has none. Remove `live`, or use createAmpho.");

const wrong = (name: string, problem: string): TypeError => new TypeError(`The requirement \`${name}\` ${problem}`);
