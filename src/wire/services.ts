// The bodies of POST /token and POST /introspect, and service accounts. Times are Unix seconds.

/** The response of `POST /token` (RFC 6749 §5.1). */
export interface IssuedToken {
  readonly access_token: string;
  readonly token_type: "Bearer";
  /** Seconds. */
  readonly expires_in: number;
  readonly scope: string;
  /** For the next tokens. Absent for a service account. */
  readonly refresh_token?: string | undefined;
  /** For an exchange alone (RFC 8693 §2.2.1). */
  readonly issued_token_type?: string | undefined;
}

/** A service account. */
export interface ServiceView {
  /** The id, which is its `client_id`, `auth.id` and `sub`. No other service ever gets it. */
  readonly id: string;
  /** Its unique name. */
  readonly name: string;
  /** Its scopes. */
  readonly scopes: readonly string[];
  /** A disabled service gets no tokens, and its keys are rejected. */
  readonly disabled: boolean;
  /** The time of its creation, in Unix seconds. */
  readonly created: number;
  /** The `kid` of each public key that verifies its assertions. */
  readonly kids: readonly string[];
  /** The redirect URIs of a client to which users connect their accounts. Empty: it is none. */
  readonly redirects: readonly string[];
  /** The scopes of those users that it can get. */
  readonly user_scopes: readonly string[];
  /** A client without a key. */
  readonly public: boolean;
}
