// Calls the endpoints as the browser that sent the request to a page. So every rule of the endpoints holds for pages.
import { cookieOf, replaceCookies } from "../http/rest/cookies/cookie-header.js";
import { cookieNames } from "../http/rest/cookies/cookie-mode.js";
import type { Handle } from "../http/rest/handler.js";
import type { HttpRequest, HttpResponse } from "../http/rest/message.js";
import type { ProblemBody } from "../wire/problem.js";

/** The response of an endpoint to an error. */
export class Problem extends Error {
  readonly body: ProblemBody;
  readonly status: number;
  /** For the page that shows it. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(body: ProblemBody, { status, headers: { "Retry-After": after } }: HttpResponse) {
    super(body.message);
    this.body = body;
    this.status = status;
    this.headers = after === undefined ? {} : { "Retry-After": after };
  }
}

export type Endpoints = ReturnType<typeof createEndpoints>;

/** Headers that belong to the form, and not to a call. */
const own = new Set(["content-type", "content-length", "transfer-encoding"]);

/** `sent`: the Cookie header of the request, or with the tokens of its renewal. */
export function createEndpoints(handle: Handle, prefix: string, request: HttpRequest, sent?: string) {
  const cookies: string[] = [];
  let jar = sent;
  // After a second click a browser drops the first response, with its cookies. A transaction is secret and used once.
  const key = () => cookieOf(jar, cookieNames.transaction)?.slice(-43);
  const header = (name: string) =>
    name === "cookie" ? jar : name === "idempotency-key" ? key() : own.has(name) ? undefined : request.header(name);
  return {
    /** The Set-Cookie values of all calls so far. */
    cookies: cookies as readonly string[],
    /** Returns the body of the response. Rejects with Problem. */
    async call<T>(method: "GET" | "POST" | "DELETE", path: string, value: object = {}): Promise<T> {
      const body = method === "GET" ? ({ kind: "none" } as const) : ({ kind: "parsed", value } as const);
      const response = await handle({ ...request, method, target: prefix + path, header, body, authorization: [] });
      for (const cookie of response.cookies ?? []) {
        cookies.push(cookie);
        jar = withCookie(jar, cookie);
      }
      const members: unknown = response.body === undefined ? {} : JSON.parse(response.body);
      if (response.status >= 400) throw new Problem(members as ProblemBody, response);
      return members as T;
    },
  };
}

/** Later calls of the same request send the new cookie. */
function withCookie(jar: string | undefined, cookie: string): string {
  const [, name = "", value = ""] = /^([^=]*)=([^;]*)/.exec(cookie) ?? [];
  return replaceCookies(jar, { [name]: value === "" ? undefined : value });
}
