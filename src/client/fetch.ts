// `fetch` with the token of the session. It renews the token when it is due, and once when the server rejects it.
import { createAge, isDue } from "./age.js";
import type { Records, StoredSession } from "./record.js";
import { isOver, type Renewer } from "./renewal.js";
import { reliably } from "./storage.js";
import { unavailable } from "./wire.js";

export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** `change` sends a request that can get new tokens of the session. `root` is the URL of the prefix. */
export function createFetch(
  records: Records,
  renewal: Renewer,
  base: URL,
  root: string,
  change: (held: StoredSession, send: (held: StoredSession) => Promise<Response>) => Promise<Response>,
): Fetch {
  const ageOf = createAge();
  /** The record whose token was rejected although it was new. The next one would be rejected as well. */
  let futile: string | undefined;

  return async (input, init = {}) => {
    // A string and a URL have none of the members.
    const request = input as Partial<Request>;
    // The platform's own TypeError does not distinguish a wrong URL or header from a network that is down either.
    const [url, headers] = await reliably(() => [
      new URL(request.url ?? (input as string | URL), base),
      new Headers(init.headers ?? request.headers),
    ]);
    const signal = init.signal ?? request.signal;
    const send = (held?: StoredSession): Promise<Response> => {
      if (held?.token) headers.set("Authorization", `Bearer ${held.token}`);
      return fetch(request.url ? input : url, { ...init, headers }).catch((error) => {
        throw signal?.aborted ? error : unavailable(error);
      });
    };
    // The platform removes the header on a redirect to another origin (https://fetch.spec.whatwg.org/#http-redirect-fetch).
    let held = !headers.has("Authorization") && url.origin === base.origin && (await records.read());
    if (!held) return send();

    if (isDue(ageOf(held), held))
      try {
        held = await renewal.renew(held, signal);
      } catch (error) {
        // The call goes on while the server still accepts the token, although it cannot be renewed.
        if (isOver(error) || ageOf(held) > held.ttl + held.leeway) throw error;
      }
    // A change of the account replaces the tokens.
    const isChange = /^[dp]/i.test((init.method ?? request.method) as string) && url.href.startsWith(root);
    const sendWith = (own: StoredSession) => (isChange ? change(own, send) : send(own));
    const response = await sendWith(held);
    // After a redirect to another origin the rejection means nothing, because no token was sent there.
    const isForeign = !response.url.startsWith(`${base.origin}/`);
    if (isForeign || held.id === futile || !(await isExpired(response))) return response;
    const renewed = await renewal.renew(held, signal);
    // A route that redirected has handled the request, which would happen again. A stream, which needs `duplex`, is gone once
    // it was sent, and a copy of it would take memory without a limit. The same holds for the body of a Request, which
    // Firefox does not show. So the next call has the new token.
    if (response.redirected || request.bodyUsed || "duplex" in init) return response;
    const again = await sendWith(renewed);
    if (await isExpired(again)) futile = renewed.id;
    return again;
  };
}

/** The challenge can be hidden from pages of other origins, and the body can be the application's own. */
async function isExpired(response: Response): Promise<boolean> {
  return (
    response.status === 401 &&
    /error"?\s*[:=]\s*"?(invalid|missing)_token/.test(
      response.headers.get("WWW-Authenticate") +
        (await response
          .clone()
          .text()
          .catch(() => "")),
    )
  );
}
