// The user who is logged in, read from the claims of the access token (docs/contract.md §5). The fields are those of
// `GET {prefix}/session`. The client does not verify the token, which is the server's task.
import { hasText } from "./shape.js";

/** The user who is logged in, and the session. */
export interface ClientSession {
  /** The user's id. */
  readonly id: string | null;
  readonly login: string;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  /** `authenticated` is the time of the login in Unix seconds. */
  readonly session: { readonly id: string; readonly authenticated: number | null } | null;
  /** The `nbf` of the present access token in Unix seconds. */
  readonly starts: number | null;
  /** The `exp` of the present access token in Unix seconds. The client renews it before that. */
  readonly expires: number;
}

interface Claims {
  readonly sub?: string;
  readonly login: string;
  readonly roles?: readonly string[];
  readonly scope?: string;
  readonly sid?: string;
  readonly auth_time?: number;
  readonly nbf?: number;
  readonly exp: number;
}

/** Throws if the text is not a token with a login. */
export function sessionOf(token: string): ClientSession {
  const payload = atob((token.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/"));
  const bytes = Uint8Array.from(payload, (character) => character.charCodeAt(0));
  const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
  if (!hasText<Claims>(claims, "login")) throw new TypeError();
  const { sub = null, login, roles = [], scope, sid, auth_time = null, nbf = null, exp } = claims;
  return {
    id: sub,
    login,
    roles,
    scopes: scope ? scope.split(" ") : [],
    session: sid ? { id: sid, authenticated: auth_time } : null,
    starts: nbf,
    expires: exp,
  };
}

/** Equal for all tokens of one session with the same rights. Listeners are called when it changes. */
export function identityOf(session: ClientSession | undefined): string | null {
  return JSON.stringify(session && { ...session, starts: 0, expires: 0 }) ?? null;
}
