// The bodies of POST and GET /keys. Times are Unix seconds.

/** An API key as its owner sees one. Times are Unix seconds. */
export interface ApiKeyView {
  /** The id, for `apiKeys.revoke`. It is no secret. */
  readonly id: string;
  /** The first four random characters, by which a user recognizes the key. */
  readonly start: string;
  /** The name that its owner gave it. */
  readonly name: string;
  /** The scopes that it was granted. It has those of them that its owner has too. */
  readonly scopes: readonly string[];
  /** The time of its creation. */
  readonly created: number;
  /** Its end. A key that has expired stays in the list for 30 days. */
  readonly expires: number;
  /** The day of the last use, such as `2026-11-30`, or null. It can be some minutes late. */
  readonly last_used: string | null;
}

/** A new API key. No other response contains it. */
export interface NewApiKey {
  /** The id, for `apiKeys.revoke`. */
  readonly id: string;
  /** The key, for `Authorization: Bearer KEY`. The database has only its hash. */
  readonly key: string;
  /** The name of the key. */
  readonly name: string;
  /** The scopes of the key. */
  readonly scopes: readonly string[];
  /** Its end, in Unix seconds. */
  readonly expires: number;
}
