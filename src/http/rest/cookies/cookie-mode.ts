// Tokens in cookies (docs/guides/cookies.md): reads and sets them, and rejects requests of pages of other sites.
import { transactionTtlSeconds } from "../../../clock.js";
import { AmphoError, invalidRequest } from "../../../errors.js";
import { joinProofs, proofTtlSeconds } from "../../../factors/device-proofs.js";
import { authorizationFrom, bearerOf } from "../../../tokens/bearer.js";
import type { Grant } from "../../../wire/login.js";
import { createSiteOf, isNavigation, isSafe } from "../browser/origins.js";
import type { RequestHead } from "../message.js";
import { onlyAuthorization } from "../request/target.js";
import { cookieOf, setCookie } from "./cookie-header.js";

export const cookieNames = {
  token: "__Host-ampho-token",
  refreshToken: "__Host-ampho-refresh",
  device: "__Host-ampho-device",
  transaction: "__Host-ampho-transaction",
} as const;

export interface Credentials {
  /** The one Authorization value: the header's, or `Bearer` and the cookie's token. */
  readonly authorization: string | undefined;
  readonly token: string | undefined;
  readonly refreshToken: string | undefined;
  readonly device: string | undefined;
  /** The login or enrolment that was begun. */
  readonly transaction: string | undefined;
}

const cookiesNeedHttps = "Cookies need https, or a page of localhost.";

export type CookieMode = ReturnType<typeof createCookieMode>;

/** `onPlainHttp` is called once, for the first request that is rejected because its page was opened over http. */
export function createCookieMode(listedOrigins: readonly string[], onPlainHttp?: () => void) {
  const siteOf = createSiteOf(listedOrigins);
  let notePlainHttp = onPlainHttp;

  /** `hasCookie`: whether the request carries one of Ampho's cookies, which a browser adds to foreign requests too. */
  function requireOwnSite(head: RequestHead, hasCookie: boolean): void {
    if (isSafe(head)) return;
    const site = siteOf(head);
    if (site === "plain") {
      notePlainHttp?.();
      notePlainHttp = undefined;
      const message = `The page was opened over http. ${cookiesNeedHttps} Nothing was done.`;
      throw new AmphoError("cross_site", message, { reason: "plain_http" });
    }
    if (site === "foreign")
      throw new AmphoError("cross_site", "The request comes from a page of another site. Nothing was done.");
    if (site === "unknown" && hasCookie)
      throw new AmphoError("cross_site", "A request with cookies must have an Origin header. Nothing was done.");
  }

  return {
    authorizationOf(head: RequestHead): string | undefined {
      const { authorization, byCookie } = tokenOf(head);
      if (byCookie) requireOwnSite(head, true);
      return authorization;
    },
    /** Throws `cross_site`, and for an endpoint that `grants` tokens also without a cookie (login CSRF). */
    credentialsOf(head: RequestHead, grants: boolean): Credentials {
      const cookie = head.header("cookie");
      const { authorization, byHeader, token } = tokenOf(head);
      const refreshToken = cookieOf(cookie, cookieNames.refreshToken);
      const device = cookieOf(cookie, cookieNames.device);
      const transaction = cookieOf(cookie, cookieNames.transaction);
      const hasCookie = (token ?? refreshToken ?? device ?? transaction) !== undefined;
      if (grants || !byHeader) requireOwnSite(head, hasCookie);
      return { authorization, token, refreshToken, device, transaction };
    },
    /**
     * A foreign page can send a GET, also as an image. Only a page that the user opens, or our own, keeps the session.
     */
    canRenew: (head: RequestHead): boolean => !isSafe(head) || siteOf(head) === "own" || isNavigation(head),
    cookiesOf,
    /** Moves tokens and transaction of an output into cookies. `removal`: where there is no new transaction. */
    moveToCookies(
      output: unknown,
      sent: Pick<Credentials, "device">,
      removal: readonly string[],
    ): { readonly body: unknown; readonly cookies: readonly string[] } {
      if (isGrant(output)) {
        const { token: _, token_type: _type, refresh_token: _refresh, device: _device, ...body } = output;
        return { body, cookies: [...cookiesOf(output, sent.device), ...removal] };
      }
      if (!hasTransaction(output)) return { body: output, cookies: removal };
      const { transaction, ...body } = output;
      return { body, cookies: transactionCookie(transaction) };
    },
    /** Moves the transaction of `factor_needed` into a cookie. Without one, removes the cookie. */
    moveTransaction({ code, message, details: { transaction, ...details } }: AmphoError) {
      const cookies = transaction === undefined ? removeTransaction : transactionCookie(transaction);
      return { error: new AmphoError(code, message, details), cookies };
    },
    removeTransaction,
    removeToken,
    /** Both tokens. The device proof stays for the next login on this device. */
    removeTokens: [...removeToken, setCookie(cookieNames.refreshToken, "", 0)],
  };
}

const removeToken = [setCookie(cookieNames.token, "", 0)];
const removeTransaction = [setCookie(cookieNames.transaction, "", 0)];

const transactionCookie = (transaction: string) => [
  setCookie(cookieNames.transaction, transaction, transactionTtlSeconds),
];

const hasTransaction = (value: unknown): value is { readonly transaction: string } =>
  typeof value === "object" && value !== null && "transaction" in value && typeof value.transaction === "string";

/** Returns the Set-Cookie values that carry a grant. `former`: the device proofs of the present cookie. */
function cookiesOf(grant: Grant, former?: string): readonly string[] {
  const { token, starts, ttl, leeway, refresh_token: refresh, refresh_expires: end, device } = grant;
  const cookies = [setCookie(cookieNames.token, token, ttl + leeway)];
  // A renewal by access token uses up the refresh token. Sent later, that refresh token would end the session.
  if (refresh === undefined) cookies.push(setCookie(cookieNames.refreshToken, "", 0));
  else cookies.push(setCookie(cookieNames.refreshToken, refresh, (end ?? starts) - starts));
  if (device !== undefined) cookies.push(setCookie(cookieNames.device, joinProofs(device, former), proofTtlSeconds));
  return cookies;
}

export const isGrant = (value: unknown): value is Grant =>
  typeof value === "object" && value !== null && "token" in value && "expires" in value;

/** Another scheme than Bearer is not for Ampho. It can belong to a gateway in front of the application. */
function tokenOf(head: RequestHead) {
  const header = onlyAuthorization(head.authorization);
  const token = cookieOf(head.header("cookie"), cookieNames.token);
  const bearer = bearerOf(header);
  if (bearer !== undefined && token !== undefined && bearer !== token)
    throw invalidRequest("The Authorization header and the cookie hold different tokens. Send one.");
  const byHeader = bearer !== undefined;
  const byCookie = !byHeader && token !== undefined;
  return { authorization: byCookie ? authorizationFrom(token) : header, token, byHeader, byCookie };
}
