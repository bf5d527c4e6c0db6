// The members that adapters use: `ampho.host`, or the `host` of a verifier, which has no database.
import type { CheckedRequirements } from "../../guard/requirements.js";
import type { Resource } from "../../resources.js";
import type { Auth } from "../../tokens/auth.js";
import type { HttpRequest, HttpResponse, RequestHead } from "./message.js";
import { isUnder } from "./request/target.js";

/** Reads tokens from cookies as well. Guards have no other way to read a cookie. */
export interface CookieReader {
  /** Throws `cross_site` for an unsafe method with a cookie, and `invalid_request` for two different tokens. */
  authorizationOf(head: RequestHead): string | undefined;
}

/** The part of a request to a page that its renewal reads. */
export type PageRequest = RequestHead & Pick<HttpRequest, "peerAddress">;

export interface RenewedPage {
  readonly auth: Auth | undefined;
  /** The Set-Cookie values of the response. */
  readonly cookies: readonly string[];
  /** The Cookie header for the rest of the request. Undefined: it stays as it is. */
  readonly cookieHeader: string | undefined;
}

/** Rejects with `unavailable` and the other errors of a renewal, except those that end the session. */
export type RenewPage = (request: PageRequest) => Promise<RenewedPage>;

export interface GuardHost {
  /** Guards a request by its one Authorization value. Returns a promise only where it has to wait. */
  guard<R>(
    authorization: string | undefined,
    requirements: CheckedRequirements<R> | undefined,
    request: R,
  ): Auth | undefined | Promise<Auth | undefined>;
  /** Returns the response to an error that `guard` throws (docs/reference/errors.md). */
  errorResponse(error: unknown): HttpResponse;
  /** The scopes that the roles have. Undefined where none are configured. */
  readonly scopes?: readonly string[] | undefined;
  /** The protected resources that a route can name. Undefined where they are not known yet. */
  readonly resources?: readonly Resource[] | undefined;
  /** False for a verifier: it has no database, so requirements with `live` throw a TypeError where they are written. */
  readonly live?: false;
  /** Undefined where tokens come in the Authorization header only. */
  readonly cookies?: CookieReader | undefined;
  /** `prefix` of AMPHO_PAGES, the parent path of every page. Undefined without AMPHO_PAGES. */
  readonly pagesPrefix?: string | undefined;
  /** Returns the page in place of the response to an error, in a language of this Accept-Language. */
  readonly errorPage?: ((response: HttpResponse, language: string | null | undefined) => HttpResponse) | undefined;
}

/** `ampho.host`: the members for adapters and servers. */
export interface HttpHost extends GuardHost {
  /** AMPHO_SECURITY_REST_PREFIX, the parent path of every endpoint. */
  readonly prefix: string;
  /** Paths outside of the prefix that `handle` serves too: documents at the root of the site. */
  readonly rootPaths: ReadonlySet<string>;
  /** Renews the session of a request to a page. Undefined without AMPHO_SECURITY_COOKIES. */
  readonly renewPage?: RenewPage | undefined;
  /** The REST API on a plain shape that every framework can provide. Never rejects. */
  handle(request: HttpRequest): Promise<HttpResponse>;
}

/** Returns whether `handle` serves the path. */
export const isServed = ({ prefix, pagesPrefix, rootPaths }: HttpHost, path: string): boolean =>
  isUnder(prefix, path) || (pagesPrefix !== undefined && isUnder(pagesPrefix, path)) || rootPaths.has(path);

/** The host of a verifier, which has no database. */
export interface VerifierHost extends GuardHost {
  readonly live: false;
}

/** A verifier. */
export interface VerifierInstance<S extends string = string> extends GuardInstance<S> {
  /**
   * The members for adapters. Applications do not need it.
   * @example const { errorResponse } = verifier.host;
   */
  readonly host: VerifierHost;
}

/** Keeps `live` and `redirect` out of requirements for a verifier, where the type of the instance is known. */
export type LimitOf<I extends GuardInstance> = I["host"] extends VerifierHost
  ? { readonly live?: never; readonly redirect?: never }
  : unknown;

/** An `Ampho`, or a verifier. */
export interface GuardInstance<S extends string = string> {
  /** The members for adapters. Applications do not need it. */
  readonly host: GuardHost;
  /**
   * The scopes that the roles have. Undefined where none are configured.
   * @example const scopes = ampho.scopes ?? [];
   */
  readonly scopes?: readonly S[] | undefined;
}

/** An `Ampho`. */
export interface HttpInstance {
  /** The members for adapters and servers. Applications do not need it. */
  readonly host: HttpHost;
}

export function isInstance(value: unknown): value is GuardInstance {
  if (typeof value !== "object" || value === null || !("host" in value)) return false;
  const { host } = value;
  return typeof host === "object" && host !== null && "guard" in host && typeof host.guard === "function";
}

/** Returns the instance's `host`. Throws a TypeError for anything else, such as that of `app.use(mount)`. */
export function hostOf<H extends GuardHost>(instance: { readonly host: H }): H {
  if (!isInstance(instance))
    throw new TypeError(
      "The first argument must be the instance that createAmpho resolves to, as in mount(ampho) or authorize(ampho).",
    );
  return instance.host;
}
