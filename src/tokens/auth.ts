// The authenticated user, as a guarded handler gets it: read from the token alone, and deeply frozen.
import type { Role } from "../levels/role.js";
import type { Credential } from "./credential.js";

/** The API key of a request, for the log of an application. */
export interface AuthApiKey {
  /** The id, by which the owner ends it. It is no secret. */
  readonly id: string;
  /** The name that its owner gave it. */
  readonly name: string;
}

/** The application that acts for the user, or the service that it has called and that has exchanged its token. */
export interface AuthActor {
  /** The `client_id` of the application. */
  readonly id: string;
  /** The name that an operator gave it. */
  readonly name: string;
  /** The kind of the actor: an application to which the user has connected the account. */
  readonly credential: "client";
}

/** The user of a verified token. It is frozen. `S` are the scopes of the instance. */
export interface Auth<S extends string = string> {
  /**
   * The kind of the token or API key. Routes take `session` and `foreign`, unless they name others as `credentials`.
   */
  readonly credential: Credential;
  /** The user's id. Undefined for a token of other software that names only a login. */
  readonly id: string | undefined;
  /** The login name of the user. */
  readonly login: string;
  /** The roles, as the token carries them. With `live` the present ones. Empty for `service` and `delegated`. */
  readonly roles: readonly Role[];
  /** The scopes of those roles. */
  readonly scopes: readonly S[];
  /** The API key of the request. Undefined for any other credential. */
  readonly apiKey: AuthApiKey | undefined;
  /** The application that acts for the user with a `delegated` token of a connection. Undefined for any other. */
  readonly actor: AuthActor | undefined;
  /**
   * The session's id, or that of the connection. Undefined for a token that belongs to no session, and for `api_key`
   * and `service`.
   */
  readonly session: string | undefined;
  /** The methods that the login proved (RFC 8176), such as `pwd` and `otp`. Empty for a token without the claim. */
  readonly amr: readonly string[];
  /** The level of the login: `1fa`, `2fa` or `phr`. Tokens of other software can have none, or another text. */
  readonly acr: string | undefined;
  /** `nbf`, Unix seconds. For an API key, the time of its creation. */
  readonly starts: number | undefined;
  /** `exp`, Unix seconds. For an API key, its end. */
  readonly expires: number;
  /** Every claim of the token. Empty for an API key. */
  readonly claims: Readonly<Record<string, unknown>>;
}
