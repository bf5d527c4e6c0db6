// A `fetch` that asks the application for more proof when a route requires it, and then repeats the request.
import { AmphoError, type ErrorDetails } from "../errors.js";
import type { ClientSession } from "../wire/login.js";
import type { Fetch } from "./calls.js";
import { sessionEnded } from "./renewal.js";
import { hasText, parse } from "./texts.js";

/**
 * Called with `login_too_weak` or `login_too_old`. `details` states the level and the greatest age that the route requires.
 * @example
 * const onStepUp: OnStepUp = async ({ details }) => {
 *   show(details.acr, details.maxAgeSeconds);
 *   await (await client.stepUp()).finish({ totp: await askForCode() });
 * };
 */
export type OnStepUp = (error: AmphoError) => unknown;

export function createStepUpFetch(
  fetch: Fetch,
  onStepUp: OnStepUp,
  session: () => Promise<ClientSession | undefined>,
  root: string,
): Fetch {
  const { origin } = new URL(root);
  /** One call of `onStepUp` for all requests that need its result. */
  let asking: Promise<unknown> | undefined;
  /** Counts the calls of `onStepUp` that resolved. A request that began before the last one is repeated without a call. */
  let raised = 0;

  return async (input, init = {}) => {
    const before = raised;
    const user = (await session().catch(() => undefined))?.id;
    const response = await fetch(input, init);
    // The response of another origin asks for nothing.
    const error = response.url.startsWith(`${origin}/`) && (await stepUpOf(response));
    if (!error) return response;
    if (raised === before) {
      asking ??= Promise.resolve(error)
        .then(onStepUp)
        .then(() => raised++)
        .finally(() => {
          asking = undefined;
        });
      await asking;
    }
    // Another user can have logged in meanwhile. A request of one user is never sent for another.
    if (user && (await session())?.id !== user) throw sessionEnded();
    // The same requests are not sent again after a renewal (fetch.ts).
    const isOnce = response.redirected || (input instanceof Request && input.bodyUsed) || "duplex" in init;
    return isOnce ? response : fetch(input, init);
  };
}

/** The challenge (RFC 9470 §3) can be hidden from pages of other origins, and the body can be the application's own. */
async function stepUpOf(response: Response): Promise<AmphoError | undefined> {
  if (response.status !== 401) return undefined;
  const text = await response
    .clone()
    .text()
    .catch(() => "");
  const all = `${response.headers.get("WWW-Authenticate")} ${text}`;
  if (!/insufficient_user_authentication|login_too_(weak|old)/.test(all)) return undefined;
  const acr = /acr_values="([^"]*)"/.exec(all)?.[1];
  const maxAge = /max_age="(\d+)"/.exec(all)?.[1];
  const details: ErrorDetails = { ...(acr && { acr }), ...(maxAge && { maxAgeSeconds: Number(maxAge) }) };
  const body = parse(text);
  const message = hasText<{ readonly message: string }>(body, "message") ? body.message : "The route requires more.";
  return new AmphoError(acr || text.includes("login_too_weak") ? "login_too_weak" : "login_too_old", message, details);
}
