// Who is logged in, read from the access token's claims (contract §5): what `GET {prefix}/session` answers, without a request.
// Nothing is verified here: the server judges the token, the client only shows what it says.
import { hasText } from "./shape.js";

export interface Session {
  /** The user's id. */
  readonly id: string | null;
  readonly login: string;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  /** `authenticated`: when the login was, Unix seconds. */
  readonly session: { readonly id: string; readonly authenticated: number | null } | null;
  /** `nbf` of the present access token, Unix seconds. */
  readonly starts: number | null;
  /** `exp` of the present access token, Unix seconds. The session goes on: it is renewed by then. */
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

/** Throws when the text is no token, or one that names no login. */
export function sessionOf(token: string): Session {
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

/** Equal for all tokens of one session with the same rights: what has to change for a listener to be told. */
export function identityOf(session: Session | undefined): string | null {
  return session ? JSON.stringify({ ...session, starts: 0, expires: 0 }) : null;
}
