// The bodies of `GET /connect` and `POST /token`, and connections. Times are Unix seconds.

/** A scope, as the user who gives it reads it. */
export interface ScopeView {
  /** The scope. */
  readonly name: string;
  /** Its text from AMPHO_SECURITY_SCOPE_TEXTS. */
  readonly text: string;
  /** The application has it by no other connection of the user. */
  readonly new: boolean;
}

/** The response of `GET /connect`: what a user is asked. */
export interface ConnectView {
  /** The application. */
  readonly client: {
    /** Its `client_id`. */
    readonly id: string;
    /** Its name, from an operator, or its host, or `unknown application`. */
    readonly name: string;
    /** The host of its document, if no operator has registered it. */
    readonly host: string | null;
    /** An operator has registered it. */
    readonly known: boolean;
    /** It calls itself so in its document, which proves nothing. */
    readonly stated_name: string | null;
    /** The host to which the browser goes back. Null: a program on the user's computer. */
    readonly returns: string | null;
  };
  /** The resource that its tokens are for. Null: that of sessions. */
  readonly resource: string | null;
  /** The scopes that it asks for. */
  readonly scopes: readonly ScopeView[];
  /** For `POST /connect`, after at least a second. */
  readonly transaction: string;
  /** The end of the transaction. */
  readonly expires: number;
}

/** The response of `POST /clients` (RFC 7591 §3.2.1). */
export interface ClientRegistration {
  /** The id, which contains the registration. */
  readonly client_id: string;
  /** The time of the registration. */
  readonly client_id_issued_at: number;
  /** As users read it. */
  readonly client_name?: string;
  /** As they were sent. */
  readonly redirect_uris: readonly string[];
  /** The application proves nothing. */
  readonly token_endpoint_auth_method: "none";
  /** The grants that it can use. */
  readonly grant_types: readonly string[];
  /** The text `code`. */
  readonly response_types: readonly string[];
}

/** A connection of the user. */
export interface ConnectionView {
  /** The id, by which it ends. */
  readonly id: string;
  /** The `client_id` of the application. */
  readonly client: string;
  /** Its name. Null: it does not exist any more. */
  readonly name: string | null;
  /** The resource that its tokens are for. Null: that of sessions. */
  readonly resource: string | null;
  /** The scopes that the user has given. */
  readonly scopes: readonly string[];
  /** When the user gave consent. */
  readonly created: number;
  /** The last renewal. */
  readonly renewed: number;
  /** It ends then if it is not renewed. */
  readonly expires: number;
  /** The address of the last renewal. */
  readonly address: string | null;
}
