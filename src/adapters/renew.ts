// `ampho.renew`, and the middleware `renew` of the frameworks: a live session goes on in pages that the server renders.
import type { IncomingMessage, OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { ConfigurationError } from "../errors.js";
import { headOf, targetOf } from "../http/node/request.js";
import { type HttpHost, isServed, type RenewedPage } from "../http/rest/host.js";
import type { RequestHead } from "../http/rest/message.js";
import { parseTarget } from "../http/rest/request/target.js";
import type { Auth } from "../tokens/auth.js";
import { type AuthenticatedRequest, isMessage, webRequestOf } from "./authenticate.js";
import { type FetchOptions, webHeadOf } from "./fetch.js";

/**
 * A request whose session was renewed, if that was needed.
 * @example
 * const { auth, cookies, headers, addCookies }: Renewed = await ampho.renew(request);
 * const response = addCookies(new Response(`Hello ${auth?.login}`));
 */
export interface Renewed {
  /** The user, or undefined without a live session. */
  readonly auth: Auth | undefined;
  /** The values of the `Set-Cookie` headers of the response. Empty unless the session was renewed or has ended. */
  readonly cookies: readonly string[];
  /** The headers for the rest of the request: those of the request, with the new tokens in `Cookie`. */
  readonly headers: Headers;
  /**
   * Adds the cookies to a response, which no cache can then store, and returns it. An immutable `Response` is copied.
   * @example const response = (await ampho.renew(request)).addCookies(new Response("Hello"));
   */
  readonly addCookies: <R extends Pick<Response, "headers">>(response: R) => R;
}

/**
 * The type of `ampho.renew`. `address` is the address of the peer, if the host knows it.
 * @example
 * const renew: Renew = ampho.renew;
 * const { auth } = await renew(request, { address });
 */
export type Renew = (request: AuthenticatedRequest, options?: FetchOptions) => Promise<Renewed>;

export function createRenew(host: HttpHost): Renew {
  return async (request, { address } = {}) => {
    if (isMessage(request)) {
      const page = await renewMessage(host, request);
      return toRenewed(page, new Headers(headerPairs(request)));
    }
    const web = webRequestOf(request, "renew");
    const page = await renewHead(host, webHeadOf(web), web.url, address);
    const headers = new Headers(web.headers as Headers);
    const { cookieHeader } = page;
    if (cookieHeader !== undefined) {
      headers.set("cookie", cookieHeader);
      // For everything that handles the request later. Otherwise the caller passes `headers` on.
      canChange(() => (web.headers as Headers).set("cookie", cookieHeader));
    }
    return toRenewed(page, headers);
  };
}

/** Renews, and puts the new tokens into the message, for everything that handles it later. */
export async function renewMessage(host: HttpHost, message: IncomingMessage): Promise<RenewedPage> {
  const page = await renewHead(host, headOf(message), targetOf(message), message.socket.remoteAddress);
  if (page.cookieHeader !== undefined) message.headers.cookie = page.cookieHeader;
  return page;
}

/** The headers that let a cache store a response: `Cache-Control`, those for one cache (RFC 9213), and older forms. */
const forCaches = /cache-control$|^(?:surrogate|edge)-control$|^x-accel-expires$/i;

type GivenHeaders = OutgoingHttpHeaders | OutgoingHttpHeader[];

/** When the headers are sent, because pages state their own `Cache-Control` after this. No cache can then store it. */
export function addNodeCookies(response: ServerResponse, cookies: readonly string[]): void {
  if (cookies.length === 0) return;
  const writeHead: ServerResponse["writeHead"] = response.writeHead.bind(response);
  response.writeHead = (status: number, first?: string | GivenHeaders, second?: GivenHeaders) => {
    const [message, headers] = typeof first === "string" ? [first, second] : [undefined, first ?? second];
    for (const [name, values] of valuesOf(headers ?? {})) response.setHeader(name, values);
    for (const name of response.getHeaderNames()) if (forCaches.test(name)) response.removeHeader(name);
    response.setHeader("Cache-Control", "no-store");
    response.appendHeader("Set-Cookie", cookies);
    return message === undefined ? writeHead(status) : writeHead(status, message);
  };
}

/** An array has names and values in turn, and can have a name several times. */
function valuesOf(headers: GivenHeaders): Iterable<readonly [string, OutgoingHttpHeader]> {
  if (!Array.isArray(headers)) return Object.entries(headers) as [string, OutgoingHttpHeader][];
  const values = new Map<string, string[]>();
  const flat = headers.every((each) => Array.isArray(each)) ? headers.flat() : headers;
  for (let at = 0; at < flat.length; at += 2) {
    const name = String(flat[at]);
    values.set(name, [...(values.get(name) ?? []), ...[flat[at + 1] ?? ""].flat().map(String)]);
  }
  return values;
}

/** Throws ConfigurationError without tokens in cookies. */
export function requireRenewal(host: HttpHost): NonNullable<HttpHost["renewPage"]> {
  if (host.renewPage !== undefined) return host.renewPage;
  throw new ConfigurationError("renew needs tokens in cookies. Set AMPHO_SECURITY_COOKIES, or the option `cookies`.");
}

/** Ampho's own endpoints read the cookies that the browser has sent. */
async function renewHead(
  host: HttpHost,
  head: RequestHead,
  target: string | undefined,
  peerAddress: string | undefined,
): Promise<RenewedPage> {
  const renewPage = requireRenewal(host);
  if (target !== undefined && isServed(host, parseTarget(target).path))
    return { auth: undefined, cookies: [], cookieHeader: undefined };
  return renewPage({ ...head, peerAddress });
}

function toRenewed({ auth, cookies }: RenewedPage, headers: Headers): Renewed {
  return {
    auth,
    cookies,
    headers,
    addCookies(response) {
      if (cookies.length === 0) return response;
      const added = canChange(() => response.headers.delete("x-ampho")) ? response : copyOf(response);
      for (const cookie of cookies) added.headers.append("Set-Cookie", cookie);
      for (const name of [...added.headers.keys()]) if (forCaches.test(name)) added.headers.delete(name);
      added.headers.set("Cache-Control", "no-store");
      return added;
    },
  };
}

/** The headers of `Response.redirect`, of a fetched response and of requests of some hosts cannot be changed. */
function canChange(change: () => void): boolean {
  try {
    change();
    return true;
  } catch {
    return false;
  }
}

/** Only a `Response` has headers that cannot be changed. */
function copyOf<R extends Pick<Response, "headers">>(response: R): R {
  const immutable = response as unknown as Response;
  return new Response(immutable.body, immutable) as unknown as R;
}

function headerPairs({ headers }: IncomingMessage): [string, string][] {
  return Object.entries(headers).flatMap(([name, value]) =>
    value === undefined || name.startsWith(":") ? [] : [value].flat().map((one): [string, string] => [name, one]),
  );
}
