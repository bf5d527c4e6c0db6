// Renews the session of a request before a page handles it (docs/guides/cookies.md). A browser that returns after a
// while has only the cookie with the refresh token, and a page that the server renders has no script that could renew.
import { AmphoError, unlessRejected } from "../../../errors.js";
import type { Caller } from "../../../flows/deps.js";
import type { Flows } from "../../../flows/flows.js";
import type { Guard } from "../../../guard/guard.js";
import type { Auth } from "../../../tokens/auth.js";
import { hasToken, isSessionOver } from "../handler.js";
import type { PageRequest, RenewPage } from "../host.js";
import { replaceCookies } from "./cookie-header.js";
import { type CookieMode, type Credentials, cookieNames } from "./cookie-mode.js";

export function createRenewPage(deps: {
  readonly mode: CookieMode;
  readonly guard: Guard["guard"];
  readonly renew: Flows["renew"];
  readonly callerOf: (request: PageRequest) => Caller;
  /** The client has received the tokens of this generation. Never throws. */
  readonly received: (sessionId: string, gen: number) => void;
}): RenewPage {
  const { mode, guard, renew, callerOf, received } = deps;
  /** The guard returns the same Auth for the same token, so each token is reported once. */
  const reported = new WeakSet<Auth>();

  async function userOf(authorization: string | undefined, request: PageRequest): Promise<Auth | undefined> {
    try {
      return await guard(authorization, { optional: true }, request);
    } catch (error) {
      // The guards behind report any other rejection.
      if (error instanceof AmphoError && error.code !== "unavailable") return undefined;
      throw error;
    }
  }

  function report(auth: Auth): void {
    const { gen } = auth.claims;
    if (auth.session === undefined || typeof gen !== "number" || gen === 0 || reported.has(auth)) return;
    reported.add(auth);
    received(auth.session, gen);
  }

  return async (request) => {
    const sent = credentialsOf(mode, request);
    const auth = await userOf(sent?.authorization, request);
    const refreshToken = sent === undefined || hasToken(request) ? undefined : sent.refreshToken;
    if (auth !== undefined && refreshToken !== undefined) report(auth);
    if (auth !== undefined || refreshToken === undefined || !mode.canRenew(request))
      return { auth, cookies: [], cookieHeader: undefined };
    const caller = callerOf(request);
    const cookieHeader = request.header("cookie");
    try {
      const grant = await renew({ refreshToken, idempotencyKey: keyOf(refreshToken, caller) }, caller);
      const tokens = { [cookieNames.token]: grant.token, [cookieNames.refreshToken]: grant.refresh_token };
      return {
        auth: await guard(`Bearer ${grant.token}`, undefined, request),
        cookies: mode.cookiesOf(grant),
        cookieHeader: replaceCookies(cookieHeader, tokens),
      };
    } catch (error) {
      if (!isSessionOver(error)) throw error;
      const none = { [cookieNames.token]: undefined, [cookieNames.refreshToken]: undefined };
      return { auth: undefined, cookies: mode.removeTokens, cookieHeader: replaceCookies(cookieHeader, none) };
    }
  };
}

/** Undefined for contradicting credentials, and for a page of another site. The guards behind reject the request. */
const credentialsOf = (mode: CookieMode, request: PageRequest): Credentials | undefined =>
  unlessRejected(() => mode.credentialsOf(request, false));

/** The same after a lost response. Address and agent bind a copied token, and no header holds the line breaks. */
const keyOf = (refreshToken: string, { address, agent }: Caller): string =>
  ["page", refreshToken, address ?? "", agent ?? ""].join("\n");
