// `ampho.authenticate`: the user of a request, for code that responds itself, such as a page that the server renders.
import type { IncomingMessage } from "node:http";
import { AmphoError } from "../errors.js";
import { checkRequirements, type MandatoryRequirements } from "../guard/requirements.js";
import type { GuardHost } from "../http/rest/host.js";
import type { Auth } from "../tokens/auth.js";
import type { RequestHolder } from "./authorize-types.js";
import { fetchAuthorizationOf, findRequest, type WebRequest } from "./fetch.js";
import { nodeAuthorizationOf } from "./framework.js";

/** A request of the Fetch kind, a message of `node:http`, or the headers of a GET where the host gives no more. */
export type AuthenticatedRequest =
  | RequestHolder
  | IncomingMessage
  | {
      /** The headers, as `headers()` of Next.js returns them. */
      readonly headers: Pick<Headers, "get">;
    };

/**
 * The type of `ampho.authenticate`. `S` are the scopes of the instance.
 * @example
 * const userOf: Authenticate = ampho.authenticate;
 * const auth = await userOf(request, { roles: ["editor"] });
 */
export type Authenticate<S extends string = string> = <R extends AuthenticatedRequest>(
  request: R,
  requirements?: MandatoryRequirements<R, S>,
) => Promise<Auth<S> | undefined>;

const optional = { optional: true } as const;

export function createAuthenticate(host: GuardHost): Authenticate {
  return async (request, requirements) => {
    const checked = requirements === undefined ? optional : { ...checkRequirements(requirements, host), ...optional };
    const authorization = authorizationOf(host, request);
    try {
      return await host.guard(authorization, checked, request);
    } catch (error) {
      // The visitor of a page had a session once. Where that is an error, `authorize` reports it.
      if (error instanceof AmphoError && error.code === "invalid_token") return undefined;
      throw error;
    }
  };
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
  // Next.js gives no method to its components and actions. Browsers send an Origin with every POST, and with no GET of
  // the same site.
  const { headers, method = headers.get("origin") === null ? "GET" : "POST", url } = found;
  return { method, headers, url };
}

/** By shape, because requests of `node:http2` have a class of their own. */
export function isMessage(request: unknown): request is IncomingMessage {
  return typeof request === "object" && request !== null && "rawHeaders" in request;
}
