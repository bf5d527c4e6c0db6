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
