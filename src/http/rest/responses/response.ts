// Builds successful responses.
import type { HttpResponse } from "../message.js";

type Headers = Readonly<Record<string, string>>;

/** The headers of every response. A route can have a `Cache-Control` of its own. */
export const plainHeaders: Headers = {
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
};

export function jsonResponse(value: unknown, more: Headers = {}): HttpResponse {
  return textResponse("application/json", JSON.stringify(value), more);
}

export function textResponse(type: string, body: string, more: Headers = {}): HttpResponse {
  return { status: 200, headers: { ...plainHeaders, "Content-Type": type, ...more }, body };
}

export function emptyResponse(more: Headers = {}): HttpResponse {
  return { status: 204, headers: { ...plainHeaders, ...more }, body: undefined };
}

/** RFC 9110 §15.4.4: the browser goes on with a GET. */
export function redirectResponse(location: string): HttpResponse {
  return { status: 303, headers: { ...plainHeaders, Location: location }, body: undefined };
}

/** Returns the response to HEAD: the same headers without the body (RFC 9110 §9.3.2). */
export function withoutBody(response: HttpResponse): HttpResponse {
  if (response.body === undefined) return response;
  const length = String(new TextEncoder().encode(response.body).byteLength);
  return { ...response, headers: { ...response.headers, "Content-Length": length }, body: undefined };
}

export class Redirect {
  readonly location: string;
  /** A grant or a transaction, which goes into cookies. */
  readonly output: unknown;
  /** The request belonged to no transaction of this browser, so the one in its cookie stays. */
  readonly keepsTransaction: boolean;

  constructor(location: string, output?: unknown, { keepsTransaction = false } = {}) {
    this.location = location;
    this.output = output;
    this.keepsTransaction = keepsTransaction;
  }
}
