// The user who is logged in, read from the claims of the access token (docs/reference/contract.md §5). The fields are those of
// `GET {prefix}/session`. The client does not verify the token, which is the server's task.
import { toBytes } from "./base64url.js";
import { hasText } from "./shape.js";

/** The user who is logged in, and the session. */
export interface ClientSession {
  /** The user's id. */
  readonly id: string | null;
  /** The login of the user. */
  readonly login: string;
  /** The roles of the user, for what the page shows. The server decides by the token. */
  readonly roles: readonly string[];
  /** The scopes of those roles. */
  readonly scopes: readonly string[];
  /** `authenticated` is the time of the login in Unix seconds. */
  readonly session: {
    /** The id of the session. */
    readonly id: string;
    /** The time of the login, in Unix seconds. */
    readonly authenticated: number | null;
  } | null;
  /** The methods that the user proved at the login (RFC 8176), such as `pwd` and `otp`. */
  readonly amr: readonly string[];
  /** The level of the login: `1fa`, `2fa` or `phr`. */
  readonly acr: string | null;
  /** The `nbf` of the present access token in Unix seconds. */
  readonly starts: number | null;
  /** The `exp` of the present access token in Unix seconds. The client renews it before that. */
  readonly expires: number;
}

/** Claims of a session's access token. The server always sets those that are not optional here. */
interface Claims {
  readonly sub: string;
  readonly login: string;
  readonly roles: readonly string[];
  readonly scope?: string;
  readonly sid: string;
  readonly auth_time: number;
  readonly amr: readonly string[];
  readonly acr: string;
  readonly nbf: number;
  readonly exp: number;
}

/** Throws if the text is not a token with a login. */
export function clientSessionOf(token: string | undefined): ClientSession {
  const claims: unknown = JSON.parse(new TextDecoder().decode(toBytes((token as string).split(".")[1] as string)));
  if (!hasText<Claims>(claims, "login")) throw new TypeError();
  return {
    id: claims.sub,
    login: claims.login,
    roles: claims.roles,
    scopes: claims.scope ? claims.scope.split(" ") : [],
    session: { id: claims.sid, authenticated: claims.auth_time },
    amr: claims.amr,
    acr: claims.acr,
    starts: claims.nbf,
    expires: claims.exp,
  };
}

/** Equal for all tokens of one session with the same rights. Listeners are called when it changes. */
export function identityOf(session: ClientSession | undefined): string | undefined {
  return JSON.stringify(session && { ...session, starts: 0, expires: 0 });
}
