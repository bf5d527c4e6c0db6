// `fetch` with the token of the session. It renews the token when it is due, and once when the server rejects it.
import { type Fetch, unavailable } from "./calls.js";
import type { Records, StoredSession } from "./record.js";
import { isOver, type Renewer } from "./renewal.js";
import { reliably } from "./storage.js";

/**
 * `origins` get the token as that of `base` does. `change` sends a request that can get new tokens of the session.
 * `root` is the URL of the prefix.
 */
export function createFetch(
  records: Records,
  renewal: Renewer,
  base: URL,
  root: string,
  origins: readonly string[],
  change: (held: StoredSession, send: (held: StoredSession) => Promise<Response>) => Promise<Response>,
) {
  /** The record whose token was rejected although it was new. The next one would be rejected as well. */
  let futile: string | undefined;
  /** The record whose time by the monotonic clock is known. */
  let seen: string | undefined;
  let receivedMonotonicMs = 0;

  /**
   * Returns the age of a token in seconds, by two clocks. The wall clock can be set. The monotonic clock can stop while
   * a laptop sleeps, and starts again with each page. The one that saw more time pass counts. Of the server's times
   * only `ttl` is used, so a device whose clock is wrong by a day still measures a quarter of an hour. It is negative
   * if the clock was set back.
   */
  function ageOf({ id, receivedMs }: StoredSession): number {
    const ageMs = Date.now() - receivedMs;
    const nowMs = performance.now();
    if (seen !== id) {
      seen = id;
      receivedMonotonicMs = nowMs - ageMs;
    }
    return Math.max(ageMs, nowMs - receivedMonotonicMs) / 1000;
  }

  /** Returns the session, with a token that is not due. */
  async function current(signal?: AbortSignal | null): Promise<StoredSession | undefined> {
    const held = await records.read();
    if (!held) return held;
    const { ttl, leeway } = held;
    const age = ageOf(held);
    // It is due shortly before its end, so that a request still arrives in time, and at an impossible age.
    if (age >= 0 && age <= ttl - Math.min(30, ttl / 5)) return held;
    return renewal.renew(held, signal).catch((error) => {
      // The call goes on while the server still accepts the token, although it cannot be renewed.
      if (isOver(error) || ageOf(held) > ttl + leeway) throw error;
      return held;
    });
  }

  const send: Fetch = async (input, init = {}) => {
    // A string and a URL have none of the members.
    const request = input as Partial<Request>;
    // The platform's own TypeError does not distinguish a wrong URL or header from a network that is down either.
    const [url, headers] = await reliably(() => [
      new URL(request.url ?? (input as string | URL), base),
      new Headers(init.headers ?? request.headers),
    ]);
    const signal = init.signal ?? request.signal;
    const sendWith = (held?: StoredSession): Promise<Response> => {
      if (held?.token) headers.set("Authorization", `Bearer ${held.token}`);
      return fetch(request.url ? input : url, { ...init, headers }).catch((error) => {
        throw signal?.aborted ? error : unavailable(error);
      });
    };
    // The platform removes the header on a redirect to another origin
    // (https://fetch.spec.whatwg.org/#http-redirect-fetch).
    const held =
      !headers.has("Authorization") && [base.origin, ...origins].includes(url.origin) && (await current(signal));
    if (!held) return sendWith();
    // A change of the account replaces the tokens.
    const isChange = /^[dp]/i.test((init.method ?? request.method) as string) && url.href.startsWith(root);
    const attempt = (own: StoredSession) => (isChange ? change(own, sendWith) : sendWith(own));
    const response = await attempt(held);
    // After a redirect to another origin the rejection means nothing, because no token was sent there.
    if (!response.url.startsWith(`${url.origin}/`) || held.id === futile || !(await isExpired(response)))
      return response;
    const renewed = await renewal.renew(held, signal);
    // A route that redirected has handled the request, which would happen again. A stream, which needs `duplex`, is
    // gone once it was sent, and a copy of it would take memory without a limit. The same holds for the body of a
    // Request, which Firefox does not show. So the next call has the new token.
    if (response.redirected || request.bodyUsed || "duplex" in init) return response;
    const again = await attempt(renewed);
    if (await isExpired(again)) futile = renewed.id;
    return again;
  };
  return {
    fetch: send,
    /** Resolves to a token that is not due for a renewal, or to undefined without a session. */
    token: async () => (await current())?.token,
  };
}

/** The text of a response, which can be read again. Empty if it breaks off. */
export const readText = (response: Response): Promise<string> =>
  response
    .clone()
    .text()
    .catch(() => "");

/** The challenge can be hidden from pages of other origins, and the body can be the application's own. */
async function isExpired(response: Response): Promise<boolean> {
  return (
    response.status === 401 &&
    /error"?\s*[:=]\s*"?(invalid|missing)_token/.test(
      response.headers.get("WWW-Authenticate") + (await readText(response)),
    )
  );
}
