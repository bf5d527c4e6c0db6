// Tokens in cookies (docs/cookies.md): what comes in them, what is set, and whose pages may speak with them.

import { AmphoError } from "../../../errors.js";
import { proofTtlSeconds } from "../../../factors/device-proofs.js";
import type { Grant } from "../../../sessions/session-tokens.js";
import { bearerOf } from "../../../tokens/bearer.js";
import { createSiteOf, isSafe } from "../browser/cross-site.js";
import type { CookieReader } from "../host.js";
import type { RequestHead } from "../message.js";
import { onlyAuthorization } from "../request/authorization.js";
import { cookieOf, setCookie } from "./cookie-header.js";

export const cookieNames = {
  token: "__Host-ampho-token",
  refreshToken: "__Host-ampho-refresh",
  device: "__Host-ampho-device",
} as const;

/** What a request brings to one of our endpoints. */
export interface Credentials {
  /** The one Authorization value: the header's, or one that is made of the cookie. */
  readonly authorization: string | undefined;
  /** Of cookies. */
  readonly token: string | undefined;
  readonly refreshToken: string | undefined;
  readonly device: string | undefined;
}

/** What is left of a grant for the body: no token. */
export type CookieGrant = Omit<Grant, "token" | "token_type" | "refresh_token" | "device">;

export interface CookieMode extends CookieReader {
  /** The same for our endpoints; with `grants` also for a request without a token: nobody logs a browser in for its user. */
  credentialsOf(head: RequestHead, grants: boolean): Credentials;
  /** The Set-Cookie values that carry a grant. */
  cookiesOf(grant: Grant): readonly string[];
  /** An endpoint's grant: no token of it is in the body. */
  moveToCookies(output: unknown): { readonly body: CookieGrant; readonly cookies: readonly string[] };
  /** The Set-Cookie values that remove both tokens. The device's proof stays: the next login is at the same place. */
  readonly removeTokens: readonly string[];
}

export function createCookieMode(listedOrigins: readonly string[]): CookieMode {
  const siteOf = createSiteOf(listedOrigins);

  /** `ambient`: whether the browser has added what the request is judged by. */
  function requireOwnSite(head: RequestHead, ambient: boolean): void {
    if (isSafe(head)) return;
    const site = siteOf(head);
    if (site === "foreign") throw new AmphoError("cross_site", "This came from a page of another site.");
    if (site === "unknown" && ambient)
      throw new AmphoError("cross_site", "A request with cookies has to say its Origin.");
  }

  return {
    authorizationOf(head) {
      const given = tokenOf(head);
      if (given.byCookie) requireOwnSite(head, true);
      return given.authorization;
    },
    credentialsOf(head, grants) {
      const cookie = head.header("cookie");
      const { authorization, byHeader, token } = tokenOf(head);
      const refreshToken = cookieOf(cookie, cookieNames.refreshToken);
      const device = cookieOf(cookie, cookieNames.device);
      const ambient = (token ?? refreshToken ?? device) !== undefined;
      if (grants || !byHeader) requireOwnSite(head, ambient);
      return { authorization, token, refreshToken, device };
    },
    cookiesOf,
    moveToCookies(output) {
      if (!isGrant(output)) throw new TypeError("what was to be put into cookies is no grant");
      const { token: _, token_type: _type, refresh_token: _refresh, device: _device, ...body } = output;
      return { body, cookies: cookiesOf(output) };
    },
    removeTokens: [setCookie(cookieNames.token, "", 0), setCookie(cookieNames.refreshToken, "", 0)],
  };
}

function cookiesOf(grant: Grant): readonly string[] {
  const { token, starts, ttl, leeway, refresh_token: refresh, refresh_expires: end, device } = grant;
  const cookies = [setCookie(cookieNames.token, token, ttl + leeway)];
  // A renewal by access token uses up the refresh token: sent later, it would end the session.
  if (refresh === undefined) cookies.push(setCookie(cookieNames.refreshToken, "", 0));
  else cookies.push(setCookie(cookieNames.refreshToken, refresh, (end ?? starts) - starts));
  if (device !== undefined) cookies.push(setCookie(cookieNames.device, device, proofTtlSeconds));
  return cookies;
}

const isGrant = (value: unknown): value is Grant =>
  typeof value === "object" && value !== null && "token" in value && "expires" in value;

/** The header wins. Another scheme than Bearer is somebody else's, such as a gate in front of the application. */
function tokenOf(head: RequestHead) {
  const header = onlyAuthorization(head.authorization);
  const token = cookieOf(head.header("cookie"), cookieNames.token);
  const bearer = bearerOf(header);
  if (bearer !== undefined && token !== undefined && bearer !== token)
    throw new AmphoError("invalid_request", "The token in the Authorization header and the one in the cookie differ.");
  const byHeader = bearer !== undefined;
  const byCookie = !byHeader && token !== undefined;
  return { authorization: byCookie ? `Bearer ${token}` : header, token, byHeader, byCookie };
}
