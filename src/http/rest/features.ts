// What endpoints use of an instance besides its flows. Apart from route.ts, because types of adapters reach it and must not
// need zod.
import type { Feed } from "../../sessions/feed.js";

export interface Features {
  /** False when the application keeps its own user table. Then there is no `/password`. */
  readonly keepsPasswords: boolean;
  /** Undefined without AMPHO_SECURITY_REVOCATION_FEED_TOKEN. Then there is no `/revocations`. */
  readonly readFeed: Feed["read"] | undefined;
  /** The public JWK Set. */
  publicKeys(): { readonly keys: readonly Readonly<Record<string, unknown>>[] };
}
