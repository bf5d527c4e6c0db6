// `fetch` with the session's token: renewed when it is due, and once when the server refuses it as `invalid_token`.
import { createAge, isDue } from "./age.js";
import type { Records, StoredSession } from "./record.js";
import { isOver, type Renewal } from "./renewal.js";
import { bearer, unreachable } from "./wire.js";

export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

export function createFetch(records: Records, renewal: Renewal, base: URL): Fetch {
  const ageOf = createAge();
  /** A token that was refused though it was new: another one would be, too. */
  let futile: string | undefined;

  return async (input, init = {}) => {
    const request = input instanceof Request ? input : undefined;
    let headers: Headers;
    let url: URL;
    try {
      url = new URL(input instanceof Request ? input.url : input, base);
      headers = new Headers(init.headers ?? request?.headers);
    } catch (error) {
      // As when the platform refuses the rest: its TypeError does not tell either from a network that is down.
      throw unreachable(error);
    }
    const signal = init.signal ?? request?.signal;
    const send = async (held?: StoredSession): Promise<Response> => {
      if (held) headers.set("Authorization", bearer(held.token));
      try {
        return await fetch(request ?? url, { ...init, headers });
      } catch (error) {
        throw signal?.aborted ? error : unreachable(error);
      }
    };
    // On a redirect to another origin the platform takes the header away (https://fetch.spec.whatwg.org/#http-redirect-fetch).
    let held = !headers.has("Authorization") && url.origin === base.origin && (await records.read());
    if (!held) return send();

    if (isDue(ageOf(held), held))
      try {
        held = await renewal.renew(held, signal);
      } catch (error) {
        // As long as the server takes the token, what keeps it from renewing keeps nobody from calling.
        if (isOver(error) || ageOf(held) > held.ttl + held.leeway) throw error;
      }
    const response = await send(held);
    // What was redirected was handled before it was refused: sent again, it might be done twice.
    if (response.redirected || held.token === futile || !(await isInvalidToken(response))) return response;
    const renewed = await renewal.renew(held, signal);
    // A stream, which needs `duplex`, is gone once it was sent, and a copy of it would take memory without a limit. So is the
    // body of a Request, which Firefox does not show.
    if (request?.bodyUsed || "duplex" in init) return response;
    const again = await send(renewed);
    if (await isInvalidToken(again)) futile = renewed.token;
    return again;
  };
}

/** The challenge may be hidden from pages of other origins, and the body may be the application's own. */
async function isInvalidToken(response: Response): Promise<boolean> {
  if (response.status !== 401) return false;
  const body = await response
    .clone()
    .text()
    .catch(() => "");
  return /error"?\s*[:=]\s*"?invalid_token/.test(response.headers.get("WWW-Authenticate") + body);
}
