// Cross-origin calls from browsers (Fetch standard §3.2): off unless origins are listed, then one exact origin at a time.
// No `*`, and no credentials unless tokens travel in cookies: else a page sets the Authorization header by itself.
import type { HttpRequest, HttpResponse } from "../message.js";
import { plainHeaders } from "../responses/problems.js";

export interface Cors {
  /** A browser's question by a listed origin; that of any other stays an OPTIONS like all. */
  isPreflight(request: HttpRequest): boolean;
  /** Its answer, for a path that takes these methods. */
  preflight(methods: readonly string[]): HttpResponse;
  /** The answer as the request's origin may read it. */
  allow(request: HttpRequest, answer: HttpResponse): HttpResponse;
}

/** What our endpoints read, beyond what any page may send. */
const requestHeaders = "Authorization, Content-Type, Idempotency-Key";
/** What our answers say in headers, beyond what any page may read. */
const exposedHeaders = "Retry-After, WWW-Authenticate, X-Request-Id";
const preflightSeconds = 600;

export function createCors(origins: readonly string[], withCookies: boolean): Cors {
  const listed = new Set(origins);
  /** Several Origin fields come joined, and are no listed origin. */
  const originOf = (request: HttpRequest): string | undefined => {
    const origin = request.header("origin");
    return origin !== undefined && listed.has(origin) ? origin : undefined;
  };
  return {
    isPreflight: (request) =>
      request.method === "OPTIONS" &&
      request.header("access-control-request-method") !== undefined &&
      originOf(request) !== undefined,
    preflight: (methods) => ({
      status: 204,
      headers: {
        ...plainHeaders,
        "Access-Control-Allow-Methods": methods.join(", "),
        "Access-Control-Allow-Headers": requestHeaders,
        "Access-Control-Max-Age": String(preflightSeconds),
      },
      body: undefined,
    }),
    allow(request, answer) {
      if (listed.size === 0) return answer;
      const origin = originOf(request);
      // Also without one: a cache must not give one origin's answer to another.
      const headers = { ...answer.headers, Vary: "Origin" };
      if (origin === undefined) return { ...answer, headers };
      const allowed = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": exposedHeaders,
        ...(withCookies && { "Access-Control-Allow-Credentials": "true" }),
      };
      return { ...answer, headers: { ...headers, ...allowed } };
    },
  };
}
