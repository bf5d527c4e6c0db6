// Finds the site that a request comes from, by headers that browsers set and pages cannot. They are Fetch Metadata
// (`Sec-Fetch-Site`), or the Origin header (RFC 6454 §7) where a browser does not send Fetch Metadata.
import type { HttpRequest, HttpResponse, RequestHead } from "../message.js";
import { isPageAccepted } from "../responses/redirect-to-pages.js";
import { emptyResponse } from "../responses/response.js";

/** `plain`: our own page, over http under a name without Secure cookies. `unknown`: an old browser, or none. */
export type Site = "own" | "plain" | "foreign" | "unknown";

/** Requests with these methods change nothing (RFC 9110 §9.2.1). */
const safeMethods = new Set(["GET", "HEAD", "OPTIONS"]);
const opensSocket = /\bwebsocket\b/i;

/** Changes nothing, and no foreign page reads the response. They can read a WebSocket, even by GET (RFC 6455 §10.2). */
export const isSafe = (head: Pick<RequestHead, "method" | "header">): boolean =>
  head.method !== undefined && safeMethods.has(head.method) && !opensSocket.test(head.header("upgrade") ?? "");

/** `listedOrigins`: origins of the same site whose pages are trusted like the application's own. */
export function createSiteOf(listedOrigins: readonly string[]): (head: RequestHead) => Site {
  const listed = new Set(listedOrigins);
  return (head) => {
    const site = head.header("sec-fetch-site");
    const origin = head.header("origin");
    const isListed = origin !== undefined && listed.has(origin);
    if (site !== undefined) return site === "same-origin" || (site === "same-site" && isListed) ? "own" : "foreign";
    if (origin === undefined) return "unknown";
    const host = head.header("host")?.toLowerCase();
    if (host === undefined) return "foreign";
    if (isOwn(origin, host) || (isListed && canBeOfOneSite(origin, host))) return "own";
    return origin === `http://${host}` ? "plain" : "foreign";
  };
}

/**
 * The browser shows the response as its page. An image, a frame, or a script of another origin has another destination.
 * A browser without Fetch Metadata states what it accepts.
 */
export function isNavigation({ header }: Pick<RequestHead, "header">): boolean {
  const [site, kind] = [header("sec-fetch-site"), header("sec-fetch-dest")];
  if (site === undefined && kind === undefined) return isPageAccepted(header("accept"));
  // A page of a sub-domain can load others ahead, with their cookies, before the user follows a link.
  return kind === "document" && (site === "none" || header("sec-purpose") === undefined);
}

/** Browsers send Secure cookies to these hosts without TLS. */
const loopback = /^(?:(?:[a-z0-9-]+\.)*localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/;

/** Secure cookies only travel over https or to this machine. So the scheme is known, even if a proxy has ended TLS. */
const isOwn = (origin: string, host: string): boolean =>
  origin === `https://${host.replace(/:443$/, "")}` || (loopback.test(host) && origin === `http://${host}`);

/** False if the two cannot have one registrable domain, of two labels. Two sites under `co.uk` count as one. */
function canBeOfOneSite(origin: string, host: string): boolean {
  const scheme = loopback.test(host) ? /^https?:\/\// : /^https:\/\//;
  if (!scheme.test(origin)) return false;
  const [one, other] = [origin.replace(scheme, ""), host].map((authority) => authority.replace(/:\d+$/, ""));
  const labels = lastTwoLabels.exec(`.${one}`)?.[0];
  return one === other || (labels !== undefined && `.${other}`.endsWith(labels));
}

/** An IP address and a name of one label have none. */
const lastTwoLabels = /\.[a-z0-9_-]+\.(?!\d+$)[a-z0-9_-]+$/;

// Cross-origin calls from browsers (Fetch standard §3.2). They are off unless origins are listed. A response names one
// exact origin, never `*`. Credentials are allowed only with tokens in cookies. Else a page sets Authorization.

/** The request headers that the endpoints read, besides those that every page can send. */
const requestHeaders = "Authorization, Content-Type, Idempotency-Key";
/** The response headers that pages need, besides those that every page can read. */
const exposedHeaders = "Retry-After, WWW-Authenticate, X-Request-Id";
const preflightSeconds = 600;

export function createCors(origins: readonly string[], withCookies: boolean) {
  const listed = new Set(origins);
  /** Several Origin headers arrive joined, and the joined text is no listed origin. */
  const listedOriginOf = (request: HttpRequest): string | undefined => {
    const origin = request.header("origin");
    return origin !== undefined && listed.has(origin) ? origin : undefined;
  };
  return {
    /** For a browser's preflight from a listed origin. From another it stays an ordinary OPTIONS request. */
    isPreflight: (request: HttpRequest): boolean =>
      request.method === "OPTIONS" &&
      request.header("access-control-request-method") !== undefined &&
      listedOriginOf(request) !== undefined,
    preflight: (methods: readonly string[]): HttpResponse =>
      emptyResponse({
        "Access-Control-Allow-Methods": methods.join(", "),
        "Access-Control-Allow-Headers": requestHeaders,
        "Access-Control-Max-Age": String(preflightSeconds),
      }),
    withHeaders(request: HttpRequest, response: HttpResponse): HttpResponse {
      if (listed.size === 0) return response;
      const origin = listedOriginOf(request);
      // `Vary` is set without an origin too, or a cache could give one origin's response to another.
      const headers = { ...response.headers, Vary: "Origin" };
      if (origin === undefined) return { ...response, headers };
      const allowed = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": exposedHeaders,
        ...(withCookies && { "Access-Control-Allow-Credentials": "true" }),
      };
      return { ...response, headers: { ...headers, ...allowed } };
    },
  };
}
