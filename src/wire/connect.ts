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
    /** Its name. */
    readonly name: string;
    /** The host by which it is known. Null for a registered one, which has its name from an operator. */
    readonly host: string | null;
    /** An operator has registered it. */
    readonly known: boolean;
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
