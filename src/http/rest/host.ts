// What `authorize` of every framework needs: of an `Ampho`, or of a verifier that holds no store.
import type { Auth, Requirements } from "../../tokens/auth.js";
import type { HttpRequest, HttpResponse, RequestHead } from "./message.js";

/** Where tokens may also come in cookies: the one place where a guard looks for a token. */
export interface CookieReader {
  /**
   * The one Authorization value of a request: the header's, else one that is made of the cookie.
   * `cross_site` for an unsafe method by cookie that a page of another site may have sent; `invalid_request` for two tokens.
   */
  authorizationOf(head: RequestHead): string | undefined;
}

export interface GuardHost {
  /** A promise only where there is something to wait for. */
  guard<R>(
    authorization: string | undefined,
    need: Requirements<R> | undefined,
    request: R,
  ): Auth | undefined | Promise<Auth | undefined>;
  /** The answer of contract §4 to what `guard` throws. */
  refusal(error: unknown): HttpResponse;
  /** False: it has no store, and a need with `live` is a TypeError where it is written. */
  readonly live?: false;
  /** Undefined where cookies are not looked at. */
  readonly cookies?: CookieReader | undefined;
}

/** What hosts need of an `Ampho`. */
export interface HttpHost extends GuardHost {
  readonly prefix: string;
  /** Never rejects. */
  handle(request: HttpRequest): Promise<HttpResponse>;
}

export function isHost(value: unknown): value is GuardHost {
  return typeof value === "object" && value !== null && "guard" in value && typeof value.guard === "function";
}

/** Throws a TypeError for what is no instance, as where `mount` or `authorize` was handed over without having been called. */
export function requireHost(value: unknown): void {
  if (!isHost(value))
    throw new TypeError(
      "the first argument is the instance: mount(ampho), authorize(ampho), with what createAmpho resolves to",
    );
}
