// Who is asking, as a guarded handler sees it: read from the token alone, frozen deeply.

export interface Auth {
  /** The user's id; undefined for a token made by other software that names only a login. */
  readonly id: string | undefined;
  readonly login: string;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  /** The session's id; undefined for a token that belongs to none. */
  readonly session: string | undefined;
  /** `nbf`, Unix seconds. */
  readonly starts: number | undefined;
  /** `exp`, Unix seconds. */
  readonly expires: number;
  /** Every claim of the token. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** What a route asks of whoever calls it. An empty requirements asks for a good token. */
export interface Requirements<R = never> {
  /** Any of these. */
  readonly roles?: readonly string[];
  /** All of these. */
  readonly scopes?: readonly string[];
  /** Seconds since the login at most, else `login_too_old`. */
  readonly maxAge?: number;
  /** Asks the store: session live, user enabled, roles of now. */
  readonly live?: true;
  /** Decides by itself; gets the host's own request. */
  readonly can?: (auth: Auth, request: R) => boolean | Promise<boolean>;
  /** No token gives `undefined`; a bad one is refused all the same. */
  readonly optional?: true;
}

/** What the handler gets under a requirements: somebody for certain only where the type of the requirements rules `optional` out. */
export type AuthOf<N> = N extends unknown
  ? [N["optional" & keyof N]] extends [undefined]
    ? Auth
    : Auth | undefined
  : never;

/** The type of no requirements at all. */
export type NoRequirements = Readonly<Record<never, never>>;
