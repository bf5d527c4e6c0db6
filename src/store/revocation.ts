// A revocation: a numbered row of the database, which processes keep in memory and the feed lists.

/** The members of every revocation, and of every entry of the feed. Times are Unix seconds. */
export interface Numbered {
  readonly n: number;
  /** The time of the revocation. */
  readonly at: number;
  /** From this time on every token that it revokes has expired. */
  readonly until: number;
}

/**
 * Every process keeps it in memory until `until`, and looks at it on each guarded request.
 * With `sessions`, which only verifiers receive, it also covers tokens with `sid` that were issued at `at` or before.
 */
export type Revocation = Numbered &
  /** `gen`: only tokens of older generations. */
  (
    | { readonly kind: "session"; readonly sessionId: string; readonly gen?: number | undefined }
    /**
     * Tokens without `sid` that name the user and were issued at `at` or before, or have no `iat`. `exactLogin`: of
     * tokens that name no user by `sub`, only those with the login in this spelling. Another one can be another user of
     * an application's own table.
     */
    | {
        readonly kind: "user";
        readonly userId: string;
        readonly login: string;
        readonly exactLogin?: string | undefined;
        readonly sessions?: true;
      }
    /** Tokens with one of these roles and a `ver` below `rolesVersion`. Tokens without `sid` as for "user". */
    | {
        readonly kind: "roles";
        readonly userId: string;
        readonly login: string;
        readonly rolesVersion: number;
        readonly roles: readonly string[];
      }
    | { readonly kind: "signing_key"; readonly kid: string }
    /** Tokens of sessions of an earlier era than this one, and tokens without `sid` as for "user". */
    | { readonly kind: "all"; readonly era: number; readonly sessions?: true }
  );
