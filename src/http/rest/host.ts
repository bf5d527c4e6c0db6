// What adapters need from an `Ampho`, and guards of every framework from an `Ampho` or a verifier.
import type { Auth, Requirements } from "../../tokens/auth.js";
import type { HttpRequest, HttpResponse, RequestHead } from "./message.js";

/** Reads tokens from cookies as well. Guards have no other way to read a cookie. */
export interface CookieReader {
  /**
   * Returns the one Authorization value of a request: the header's, or `Bearer` and the cookie's token.
   * Throws `cross_site` for an unsafe method with a cookie that a page of another site can have sent, and `invalid_request`
   * for two different tokens.
   */
  authorizationOf(head: RequestHead): string | undefined;
}

export interface GuardHost {
  /** Returns a promise only where the requirements have to wait. */
  guard<R>(
    authorization: string | undefined,
    requirements: Requirements<R> | undefined,
    request: R,
  ): Auth | undefined | Promise<Auth | undefined>;
  /** Returns the response to an error that `guard` throws (docs/errors.md). */
  refusal(error: unknown): HttpResponse;
  /** False for a verifier. It has no database, so requirements with `live` throw a TypeError at definition. */
  readonly live?: false;
  /** Undefined where tokens come in the Authorization header only. */
  readonly cookies?: CookieReader | undefined;
}

/** What adapters need from an `Ampho`. */
export interface HttpHost extends GuardHost {
  readonly prefix: string;
  /** Never rejects. */
  handle(request: HttpRequest): Promise<HttpResponse>;
}

export function isHost(value: unknown): value is GuardHost {
  return typeof value === "object" && value !== null && "guard" in value && typeof value.guard === "function";
}

/** Throws a TypeError for anything else, for example for `app.use(mount)` where `app.use(mount(ampho))` was meant. */
export function requireHost(value: unknown): void {
  if (!isHost(value))
    throw new TypeError(
      "The first argument must be the instance that createAmpho resolves to, as in mount(ampho) or authorize(ampho).",
    );
}
