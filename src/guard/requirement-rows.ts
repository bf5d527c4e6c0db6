// The requirements of a route, one row each: the form of a value, and the decision by it. So a requirement that is
// declared and not checked does not compile.
import { type Clock as AnyClock, isRecent } from "../clock.js";
import { parseDuration } from "../duration.js";
import { AmphoError } from "../errors.js";
import { type Acr, acrs, reaches } from "../levels/acr.js";
import { nearest } from "../nearest.js";
import type { Resource } from "../resources.js";
import { type AccessToken, ApiKeyToken } from "../tokens/access-tokens.js";
import type { Auth } from "../tokens/auth.js";
import { holdsAudience } from "../tokens/claims.js";
import { credentials as credentialNames, defaultCredentials, requireCredential } from "../tokens/credential.js";
import { reject } from "../tokens/rejection.js";
import type { CheckedRequirements, Requirements } from "./requirements.js";

/** The parts of an instance's host that requirements can need. An injected instance has none yet. */
interface Limits {
  readonly live?: false;
  readonly scopes?: readonly string[] | undefined;
  readonly resources?: readonly Resource[] | undefined;
  readonly pagesPrefix?: string | undefined;
}

type Clock = Pick<AnyClock, "now">;
type Given = Requirements<never>;
type Name = keyof Given;
type Checked = CheckedRequirements<never>;
type ValueOf<N extends Name> = NonNullable<Given[N]>;

type DecideByToken<N extends Name> = (value: ValueOf<N>, token: AccessToken, of: Checked, clock: Clock) => void;

/** One requirement. */
interface Row<N extends Name> {
  /** Returns the value for the guard. Throws a TypeError for one that has no meaning. */
  readonly form: (value: ValueOf<N>, host: Limits, given: Given) => ValueOf<N>;
  /**
   * `token`: throws for a token that does not meet it, or `otherwise` where the route states nothing. `user`: throws
   * for the user of the token, with `live` as the database knows the user now. `guard`: guard.ts decides, because it
   * might wait. `host`: the adapter does, which knows the browser.
   */
  readonly decision:
    | { readonly by: "token"; readonly decide: DecideByToken<N>; readonly otherwise?: ValueOf<N> }
    | { readonly by: "user"; readonly decide: (value: ValueOf<N>, auth: Auth) => void }
    | { readonly by: "guard" | "host" };
}

/** For an endpoint whose caller compares the resource. */
export const anyResource = "*";

type Rows = { readonly [N in Name & string]: Row<N> };

/** The guard and the host each decide about two names. A row that leaves another one to them does not compile. */
type Decider<N extends Name> = N extends "live" | "can"
  ? "guard"
  : N extends "optional" | "redirect"
    ? "host"
    : "token" | "user";

/** A requirement without a row would be open to every user, and does not compile. The order is that of the errors. */
const rows: Rows & { readonly [N in Name & string]: { readonly decision: { readonly by: Decider<N> } } } = {
  resource: {
    form(value, { resources }) {
      if (typeof value !== "string") throw wrong("resource", "must be a text.");
      if (resources?.some(({ resource }) => resource === value) === false) throw unknownResource(value, resources);
      return value;
    },
    decision: {
      by: "token",
      otherwise: "",
      decide(resource, token) {
        if (resource === anyResource) return;
        if (resource === "") {
          if (token.isForResource) reject("audience");
          return;
        }
        if (!holdsAudience(token.claims?.aud, [resource]))
          reject(token instanceof ApiKeyToken ? "apiKeyAudience" : "audience");
      },
    },
  },
  credentials: {
    form: checkCredentials,
    decision: {
      by: "token",
      decide: (accepted, { auth }) => requireCredential(auth.credential, accepted),
      otherwise: defaultCredentials,
    },
  },
  acr: {
    form(value) {
      if (acrs.includes(value)) return value;
      throw wrong("acr", `must be one of ${acrs.join(", ")}, but is ${JSON.stringify(value)}.`);
    },
    decision: {
      by: "token",
      decide(acr, { claims }, { maxAge }) {
        if (!reaches(claims?.acr, acr)) throw loginTooWeak(acr, maxAge);
      },
    },
  },
  maxAge: {
    form(value) {
      const seconds = parseDuration(value);
      if (seconds !== undefined) return seconds;
      throw wrong("maxAge", `must be whole seconds or a duration such as "5m", but is ${JSON.stringify(value)}.`);
    },
    decision: {
      by: "token",
      decide: (_, { claims }, { maxAge }, clock) => requireRecentLogin(claims?.auth_time, maxAge, clock.now()),
    },
  },
  live: {
    form(value, { live }) {
      if (checkFlag("live", value) && live === false) throw liveNeedsDatabase();
      return value;
    },
    decision: { by: "guard" },
  },
  roles: {
    form: (value) => [...checkFilled("roles", value)],
    decision: {
      by: "user",
      decide(roles, auth) {
        if (!roles.some((role) => auth.roles.includes(role))) throw insufficient();
      },
    },
  },
  scopes: {
    form(value, { scopes: known }) {
      const strange = checkTexts("scopes", value).find((scope) => known?.includes(scope) === false);
      if (strange === undefined) return [...value];
      const hint = `Did you mean ${nearest(strange, known ?? [])}?`;
      throw wrong("scopes", `has ${JSON.stringify(strange)}, which no role has. ${hint}`);
    },
    decision: {
      by: "user",
      decide(scopes, auth) {
        if (!scopes.every((scope) => auth.scopes.includes(scope))) throw insufficient(scopes);
      },
    },
  },
  can: {
    form(value) {
      if (typeof value === "function") return value;
      throw wrong("can", "must be a function.");
    },
    decision: { by: "guard" },
  },
  optional: {
    form: (value) => checkFlag("optional", value),
    decision: { by: "host" },
  },
  redirect: {
    form(value, host) {
      const hasNoPages = host.live === false || ("pagesPrefix" in host && host.pagesPrefix === undefined);
      if (checkFlag("redirect", value) && hasNoPages)
        throw new TypeError("`redirect` needs the pages of Ampho. Set AMPHO_PAGES, or remove `redirect`.");
      return value;
    },
    decision: { by: "host" },
  },
};

function checkTexts<T extends readonly string[]>(name: Name, list: T): T {
  if (Array.isArray(list) && list.every((item) => typeof item === "string")) return list;
  throw wrong(name, "must be an array of strings.");
}

function checkFilled<T extends readonly string[]>(name: Name, list: T): T {
  if (checkTexts(name, list).length > 0) return list;
  throw wrong(name, "is an empty array, so no user could pass. Fill it, or remove it.");
}

/** `false` is a requirement that a program has computed, and has no effect. */
function checkFlag(name: Name, flag: true): true {
  if (typeof flag === "boolean") return flag;
  throw wrong(name, "must be true. Otherwise, remove it.");
}

function checkCredentials(list: ValueOf<"credentials">, { live }: Limits, { scopes, can, resource }: Given) {
  const accepted = checkFilled("credentials", list);
  const unknown = accepted.find((one) => !credentialNames.includes(one));
  if (unknown !== undefined)
    throw wrong("credentials", `can list ${credentialNames.join(", ")}, but has ${JSON.stringify(unknown)}.`);
  if (accepted.includes("delegated") && !scopes?.length && can === undefined && resource === undefined)
    throw wrong("credentials", "lists delegated, so the route also needs `resource`, `scopes` or `can`.");
  const machine = accepted.find((one) => one === "api_key" || one === "service");
  // Every key and every service would open the route. `can: () => true` states that this is meant.
  if (machine !== undefined && !scopes?.length && can === undefined)
    throw wrong("credentials", `lists ${machine}, so the route also needs \`scopes\` or \`can\`.`);
  if (live === false && accepted.includes("api_key"))
    throw wrong("credentials", "lists key, and a verifier cannot read keys.");
  return [...accepted];
}

const names: readonly string[] = Object.keys(rows);
const isName = (name: string): name is Name => names.includes(name);

/**
 * Returns a copy, so that later changes to the object or its lists have no effect. Throws a TypeError for a misspelled,
 * undefined or wrong member: the guard would ignore it and allow every user. The same holds for members of a Map, a
 * promise or a class, which a copy does not have. `live` and the credential `api_key` are also errors for a verifier,
 * which has no database (`host.live` is false). Errors are also a scope that no role has, a resource that is not
 * configured, and `redirect` without pages.
 */
export function checkRequirements<R, S extends string>(
  given: Requirements<R, S>,
  host: Limits,
): CheckedRequirements<R> {
  if (!isPlainObject(given)) throw new TypeError('Requirements must be a plain object, such as { roles: ["editor"] }.');
  // Reads each member once, because a getter can return another value the next time.
  // The `auth` that `can` gets is of the instance for whose scopes it was written.
  const requirements = { ...given } as unknown as Requirements;
  const checked: Record<string, unknown> = {};
  for (const name of Object.keys(requirements)) {
    if (!isName(name))
      throw new TypeError(`Requirements have no member ${JSON.stringify(name)}. The members are ${names.join(", ")}.`);
    checked[name] = formOf(name, requirements, host);
  }
  return checked as CheckedRequirements<R>;
}

function isPlainObject(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** The value of a requirement for the guard. Throws a TypeError for one that has no meaning. */
function formOf<N extends Name>(name: N, given: Given, host: Limits): ValueOf<N> {
  const value = given[name];
  const row: Rows[N] = rows[name];
  if (value === undefined || value === null) throw wrong(name, `is ${value}. Give it a value, or remove it.`);
  return row.form(value, host, given);
}

/** The decisions of a route about its caller. Each throws. */
export interface Decisions {
  readonly byToken: readonly ((token: AccessToken, clock: Clock) => void)[];
  /** With `live` the user is the one that the database knows now. */
  readonly byUser: readonly ((auth: Auth) => void)[];
}

const compiled = new WeakMap<Checked, Decisions>();

/** The decisions of these requirements, made once for a route. Those that the guard or the host makes are left. */
export function decisionsOf(requirements: Checked): Decisions {
  const known = compiled.get(requirements);
  if (known !== undefined) return known;
  const all = names.filter(isName).map((name) => decisionOf(name, requirements));
  const decisions = {
    byToken: all.flatMap(({ byToken }) => byToken ?? []),
    byUser: all.flatMap(({ byUser }) => byUser ?? []),
  };
  compiled.set(requirements, decisions);
  return decisions;
}

function decisionOf<N extends Name>(name: N, requirements: Checked) {
  const {
    [name]: { decision },
  }: Rows = rows;
  const value = requirements[name] ?? (decision.by === "token" ? decision.otherwise : undefined);
  if (value === undefined || value === null) return {};
  if (decision.by === "token")
    return { byToken: (token: AccessToken, clock: Clock) => decision.decide(value, token, requirements, clock) };
  return decision.by === "user" ? { byUser: (auth: Auth) => decision.decide(value, auth) } : {};
}

/** Names `scopes` only where they are what is missing. Otherwise a client would ask for them again and again. */
export function insufficient(scopes?: readonly string[]): AmphoError {
  return new AmphoError(
    "insufficient_scope",
    "You do not have the permission that this requires.",
    scopes === undefined ? {} : { scopes },
  );
}

/** Details without `maxAgeSeconds` where any age is accepted. RFC 9470 §3 sends both conditions in one challenge. */
function loginTooWeak(acr: Acr, maxAgeSeconds: number | undefined): AmphoError {
  const details = { acr, ...(maxAgeSeconds !== undefined && { maxAgeSeconds }) };
  return new AmphoError("login_too_weak", "This action needs a stronger login. Prove a further factor.", details);
}

/** RFC 9470. A token without `auth_time` proves no recent login. */
function requireRecentLogin(authTime: number | undefined, maxAgeSeconds = 0, now: number): void {
  if (authTime === undefined || !isRecent(authTime, maxAgeSeconds, now))
    throw new AmphoError("login_too_old", "This action needs a more recent login. Sign in again.", { maxAgeSeconds });
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
