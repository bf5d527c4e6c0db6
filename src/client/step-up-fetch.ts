// A `fetch` that asks the application for more proof when a route requires it, and then repeats the request.
import { AmphoError, type ErrorDetails } from "../errors.js";
import type { ClientSession } from "../wire/login.js";
import type { ProblemBody } from "../wire/problem.js";
import type { Fetch } from "./calls.js";
import { readText } from "./fetch.js";
import { sessionEnded } from "./renewal.js";
import { parse } from "./texts.js";

/** The error `login_too_weak` or `login_too_old`. Its `details` state the level and the age that the route requires. */
export interface StepUpError extends AmphoError {
  /** `factor`: a second factor of the present session is enough. `login`: the user must sign in again. */
  readonly needs: "factor" | "login";
}

export function createStepUpFetch(
  fetch: Fetch,
  /** Called with the error of a response. */
  onStepUp: (error: StepUpError) => unknown,
  session: () => Promise<ClientSession | undefined>,
  origins: readonly string[],
): Fetch {
  /** One call of `onStepUp` for all requests that need its result. */
  let asking: Promise<unknown> | undefined;
  /** Counts the calls of `onStepUp` that resolved. A request from before the last one is repeated without a call. */
  let raised = 0;

  return async (input, init = {}) => {
    const before = raised;
    const user = await session().catch(() => undefined);
    const response = await fetch(input, init);
    // The response of another origin asks for nothing.
    const isOwn = origins.some((origin) => response.url.startsWith(`${origin}/`));
    const error = isOwn && (await stepUpOf(response, user));
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
    // Another user can have signed in meanwhile. A request of one user is never sent for another.
    if (user?.id && (await session())?.id !== user.id) throw sessionEnded();
    // The same requests are not sent again after a renewal (fetch.ts).
    const isOnce = response.redirected || (input instanceof Request && input.bodyUsed) || "duplex" in init;
    return isOnce ? response : fetch(input, init);
  };
}

/** The challenge (RFC 9470 §3) can be hidden from pages of other origins, and the body can be the application's own. */
async function stepUpOf(response: Response, user: ClientSession | undefined): Promise<StepUpError | undefined> {
  if (response.status !== 401) return undefined;
  const text = await readText(response);
  const all = `${response.headers.get("WWW-Authenticate")} ${text}`;
  if (!/insufficient_user_authentication|login_too_(weak|old)/.test(all)) return undefined;
  const acr = /acr_values="([^"]*)"/.exec(all)?.[1];
  const maxAge = /max_age="(\d+)"/.exec(all)?.[1];
  const details: ErrorDetails = { ...(acr && { acr }), ...(maxAge && { maxAgeSeconds: Number(maxAge) }) };
  const isWeak = acr || text.includes("login_too_weak");
  // The clock of this device can be wrong. The server's time is between both times of its token.
  const now = Math.min(Math.max(Date.now() / 1000, user?.starts ?? 0), user?.expires ?? 0);
  const isOld = maxAge && now - (user?.session?.authenticated ?? 0) >= Number(maxAge);
  const body = parse(text);
  const { message = "The route requires more." } = Object(body) as Partial<ProblemBody>;
  const error = new AmphoError(isWeak ? "login_too_weak" : "login_too_old", message, details);
  return Object.assign(error, { needs: isWeak && !isOld ? "factor" : "login" } as const);
}
