// The user who is signed in, read from the claims of the access token (docs/reference/contract.md §5). The fields are
// those of `GET {prefix}/session`. The client does not verify the token, which is the server's task.
import { AmphoError } from "../errors.js";
import type { ClientSession } from "../wire/login.js";
import { toBytes } from "./texts.js";

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

/** Throws if there is no token with a login. */
export function clientSessionOf({ token, ttl }: { token?: string | undefined; ttl: number }): ClientSession {
  if (!token && ttl) throw new AmphoError("unavailable", "The server uses cookies. Set cookies: true.");
  const claims = JSON.parse(new TextDecoder().decode(toBytes((token as string).split(".")[1] as string))) as Claims;
  if (!claims.login) throw new TypeError();
  return {
    id: claims.sub,
    login: claims.login,
    roles: claims.roles,
    scopes: claims.scope?.split(" ") ?? [],
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
