// Calls where the tokens are in cookies (docs/guides/cookies.md). The browser sends the cookies, and no script can read
// them. So the record has only the times of the tokens, and the session that `GET /session` returns.
import { AmphoError } from "../errors.js";
import type { Fetch } from "./calls.js";
import { type ClientCall, createClientCall } from "./calls.js";
import type { StoredSession } from "./record.js";
import { sessionEnded, unlessOver } from "./renewal.js";

/** The API can have another origin of the same site (AMPHO_SECURITY_CORS_ORIGINS). */
const own: RequestInit = { credentials: "include" };

/** Reads by the cookies. */
export const createCookieGet = (root: string): ClientCall =>
  createClientCall(root, { ...own, method: "GET", body: null });

export function createCookieCall(root: string): ClientCall {
  const post = createClientCall(root, own);
  const get = createCookieGet(root);
  let logouts: Promise<unknown> | undefined;
  return async (path, body, _token, key) => {
    if (path === "/logout") {
      // The server renews by the cookie where it must. Without a session there is nothing to end.
      const mine = post(path, body, undefined, key).catch(
        (error) => error.code === "missing_token" || unlessOver(error),
      );
      logouts = Promise.allSettled([logouts, mine]);
      return mine;
    }
    // A logout that is repeated after a failure must not end the session of the next login.
    await logouts;
    // The body of a renewal would have to contain the refresh token.
    const result = await post(path, path === "/renew" ? undefined : body, undefined, key).catch((error) => {
      // Without cookies there is no session, for example after the user has deleted them.
      throw error.code === "missing_token" ? sessionEnded() : error;
    });
    const { ttl, token } = Object(result) as Partial<StoredSession>;
    if (token) throw new AmphoError("unavailable", "The server returns tokens. Set AMPHO_SECURITY_COOKIES to true.");
    return ttl ? { ...(result as object), session: await get("/session") } : result;
  };
}

/** Adds the cookies to the requests that go to the origin of the server, and to no others. */
export function withCookies(fetch: Fetch, base: URL): Fetch {
  const isOwn = (input: string | URL | Request): boolean => {
    try {
      return new URL(input instanceof Request ? input.url : input, base).origin === base.origin;
    } catch {
      return false; // `fetch` reports a wrong URL.
    }
  };
  return (input, init) => fetch(input, isOwn(input) ? { ...own, ...init } : init);
}
