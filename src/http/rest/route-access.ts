// The token that a route requires.
import { AmphoError } from "../../errors.js";
import type { Auth } from "../../tokens/auth.js";
import { requireCredential } from "../../tokens/credential.js";

export interface RouteAccess<A> {
  readonly name: "none" | "optional" | "session" | "feed" | "client" | "holder";
  /** True if the guard checks the token before the endpoint runs. */
  readonly guarded: boolean;
  readonly check: (auth: Auth | undefined) => A;
}

/** No token. A token that is sent is not checked. */
export const none: RouteAccess<undefined> = { name: "none", guarded: false, check: () => undefined };

/** The flow checks the token, if there is one. */
export const optional: RouteAccess<undefined> = { name: "optional", guarded: false, check: () => undefined };

/** The requirements of a route that checks a token. Only a login opens it, and no machine does. */
export const onlySessions = { credentials: ["session"] } as const;

export const session: RouteAccess<Auth> = {
  name: "session",
  guarded: true,
  check: (auth) => {
    if (auth === undefined) throw new AmphoError("missing_token", "This route requires a bearer token.");
    requireCredential(auth.credential, onlySessions.credentials);
    return auth;
  },
};

/** A service account, which the endpoint authenticates. */
export const client: RouteAccess<undefined> = { name: "client", guarded: false, check: () => undefined };

/** The holder of the token that the body contains. */
export const holder: RouteAccess<undefined> = { name: "holder", guarded: false, check: () => undefined };

/** The routes of OAuth: forms and no cookies, from programs and not from pages. */
export const isOAuth = ({ name }: RouteAccess<unknown>): boolean => name === "client" || name === "holder";

/** The bearer token of the revocation feed. It is no user's token, and the feed compares it itself. */
export const feed: RouteAccess<undefined> = { name: "feed", guarded: false, check: () => undefined };
