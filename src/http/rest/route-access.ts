// What a route asks of the Authorization header.

import { AmphoError } from "../../errors.js";
import type { Auth } from "../../tokens/auth.js";

export interface RouteAccess<A> {
  readonly name: "none" | "optional" | "bearer" | "session" | "feed";
  /** Whether the guard judges the token before the endpoint runs. */
  readonly guarded: boolean;
  readonly check: (auth: Auth | undefined) => A;
}

/** Nothing; a token that is sent all the same is not looked at. */
export const none: RouteAccess<undefined> = { name: "none", guarded: false, check: () => undefined };

/** The flow itself looks at the token, if there is one. */
export const optional: RouteAccess<undefined> = { name: "optional", guarded: false, check: () => undefined };

/** A token that authorizes. */
export const bearer: RouteAccess<Auth> = {
  name: "bearer",
  guarded: true,
  check: (auth) => {
    if (auth === undefined) throw new AmphoError("missing_token", "A bearer token is needed.");
    return auth;
  },
};

/** A token that authorizes and belongs to a session. */
export const session: RouteAccess<Auth> = {
  name: "session",
  guarded: true,
  check: (auth) => {
    const present = bearer.check(auth);
    if (present.session !== undefined) return present;
    throw new AmphoError("insufficient_scope", "A token that belongs to a session is needed.");
  },
};

/** The bearer token of the revocation feed, which is nobody's access token; the flow compares it. */
export const feed: RouteAccess<undefined> = { name: "feed", guarded: false, check: () => undefined };
