// `ampho.authenticate`: the user of a request, for code that responds itself, such as a page that the server renders.
import type { IncomingMessage } from "node:http";
import { AmphoError, hasCode } from "../errors.js";
import { checkRequirements } from "../guard/requirement-rows.js";
import { type MandatoryRequirements, missingToken } from "../guard/requirements.js";
import type { GuardHost } from "../http/rest/host.js";
import type { HttpResponse } from "../http/rest/message.js";
import { type PageHead, pageHeadersOf, redirectToPages } from "../http/rest/responses/redirect-to-pages.js";
import type { Auth } from "../tokens/auth.js";
import type { RequestHolder } from "./authorize-types.js";
import { fetchAuthorizationOf, findRequest, type WebRequest } from "./fetch.js";
import { nodeAuthorizationOf, nodePageOf } from "./framework.js";

/** A request of the Fetch kind, a message of `node:http`, or the headers of a GET where the host gives no more. */
export type AuthenticatedRequest =
  | RequestHolder
  | IncomingMessage
  | {
      /** The headers, as `headers()` of Next.js returns them. */
      readonly headers: Pick<Headers, "get">;
      /** The path and query of the page, to which the requirement `redirect` leads back. */
      readonly url?: string;
    };

/**
 * The type of `ampho.authenticate`. `S` are the scopes of the instance.
 * @example
 * const userOf: Authenticate = ampho.authenticate;
 * const auth = await userOf(request, { roles: ["editor"] });
 */
export interface Authenticate<S extends string = string> {
  /** With `redirect`, a request without a user rejects too, and `details.location` is where the browser must go. */
  <R extends AuthenticatedRequest>(
    request: R,
    requirements: MandatoryRequirements<R, S> & { readonly redirect: true },
  ): Promise<Auth<S>>;
  <R extends AuthenticatedRequest>(
    request: R,
    requirements?: MandatoryRequirements<R, S>,
  ): Promise<Auth<S> | undefined>;
}

const optional = { optional: true } as const;

export function createAuthenticate(host: GuardHost): Authenticate {
  async function authenticate<R extends AuthenticatedRequest>(
    request: R,
    requirements?: MandatoryRequirements<R>,
  ): Promise<Auth | undefined> {
    const checked = requirements === undefined ? optional : { ...checkRequirements(requirements, host), ...optional };
    const page = requirements?.redirect === true ? pageOf(request) : undefined;
    const authorization = authorizationOf(host, request);
    try {
      const auth = await host.guard(authorization, checked, request);
      if (auth === undefined && page !== undefined) throw missingToken();
      return auth;
    } catch (error) {
      if (page !== undefined) throw withLocation(error, redirectToPages(host.pagesPrefix, error, page));
      // The visitor of a page had a session once. Where that is an error, `authorize` reports it.
      if (hasCode(error, "invalid_token")) return undefined;
      throw error;
    }
  }
  // The overloads state what `redirect` does.
  return authenticate as Authenticate;
}

function withLocation(error: unknown, response: HttpResponse | undefined): unknown {
  const location = response?.headers["Location"];
  if (!(error instanceof AmphoError) || location === undefined) return error;
  return new AmphoError(error.code, error.message, { ...error.details, location }, { cause: error });
}

function pageOf(request: AuthenticatedRequest): PageHead {
  if (isMessage(request)) return nodePageOf(request);
  const { method, headers, url } = webRequestOf(request, "authenticate");
  if (url === undefined) throw new TypeError("`redirect` needs the `url` of the page beside its headers.");
  // Without a method, the caller is a page or an action, which states to where the user comes back.
  if (findRequest(request)?.method === undefined)
    return { method: "GET", target: url, accept: "text/html", language: undefined };
  return { method, target: url, ...pageHeadersOf((name) => headers.get(name)) };
}

function authorizationOf(host: GuardHost, request: AuthenticatedRequest): string | undefined {
  return isMessage(request)
    ? nodeAuthorizationOf(host, request)
    : fetchAuthorizationOf(host, webRequestOf(request, "authenticate"));
}

/** `caller` is the function that the message of the TypeError names. */
export function webRequestOf(request: Exclude<AuthenticatedRequest, IncomingMessage>, caller: string): WebRequest {
  const found = findRequest(request);
  if (found === undefined)
    throw new TypeError(
      `${caller} needs a request, or an object with its headers. In Next.js write { headers: await headers() }.`,
    );
  // Next.js gives its components and actions no method. Browsers send an Origin with every POST, and with no own GET.
  const { headers, method = headers.get("origin") === null ? "GET" : "POST", url } = found;
  return { method, headers, url };
}

/** By shape, because requests of `node:http2` have a class of their own. */
export const isMessage = (request: unknown): request is IncomingMessage =>
  typeof request === "object" && request !== null && "rawHeaders" in request;
