// The requirements of a route, which the caller must meet (docs/reference/contract.md §6).
import type { Duration } from "../duration.js";
import { AmphoError } from "../errors.js";
import type { Acr } from "../levels/acr.js";
import type { Role } from "../levels/role.js";
import type { Auth } from "../tokens/auth.js";
import type { Credential } from "../tokens/credential.js";

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
   * `credential_not_accepted`. A route that takes `service` or `api_key` also needs `scopes` or `can`.
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

/** A second check: unless the requirements are `optional`, no handler runs without an `auth`. */
export function lacksAuth(auth: Auth | undefined, requirements: CheckedRequirements<never> | undefined): boolean {
  return auth === undefined && requirements?.optional !== true;
}

export const missingToken = (): AmphoError => new AmphoError("missing_token", "A bearer token is required.");
