// Cross-origin calls from browsers (Fetch standard §3.2). They are off unless origins are listed. A response names one exact
// origin, never `*`. Credentials are allowed only where tokens are in
// cookies. Elsewhere a page sets the Authorization header.
import type { HttpRequest, HttpResponse } from "../message.js";
import { emptyResponse } from "../responses/response.js";

export interface Cors {
  /** Returns true for a browser's preflight from a listed origin. From another origin it stays an ordinary OPTIONS request. */
  isPreflight(request: HttpRequest): boolean;
  /** Returns the response to a preflight for a path that has these methods. */
  preflight(methods: readonly string[]): HttpResponse;
  /** Returns the response with the headers that let the request's origin read it. */
  withHeaders(request: HttpRequest, response: HttpResponse): HttpResponse;
}

/** The request headers that the endpoints read, besides those that every page can send. */
const requestHeaders = "Authorization, Content-Type, Idempotency-Key";
/** The response headers that pages need, besides those that every page can read. */
const exposedHeaders = "Retry-After, WWW-Authenticate, X-Request-Id";
const preflightSeconds = 600;

export function createCors(origins: readonly string[], withCookies: boolean): Cors {
  const listed = new Set(origins);
  /** Several Origin headers arrive joined, and the joined text is no listed origin. */
  const listedOriginOf = (request: HttpRequest): string | undefined => {
    const origin = request.header("origin");
    return origin !== undefined && listed.has(origin) ? origin : undefined;
  };
  return {
    isPreflight: (request) =>
      request.method === "OPTIONS" &&
      request.header("access-control-request-method") !== undefined &&
      listedOriginOf(request) !== undefined,
    preflight: (methods) =>
      emptyResponse({
        "Access-Control-Allow-Methods": methods.join(", "),
        "Access-Control-Allow-Headers": requestHeaders,
        "Access-Control-Max-Age": String(preflightSeconds),
      }),
    withHeaders(request, response) {
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
