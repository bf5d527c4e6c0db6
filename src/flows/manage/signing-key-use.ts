import type { Store } from "../../store/store.js";

/** The use of the signing keys, as the database records it. */
export interface SigningKeyUse {
  /** The `kid` of each revoked key, configured or not. */
  readonly revoked: readonly string[];
  /** The number of TOTP secrets under each key that has any. */
  readonly totpSecrets: Readonly<Record<string, number>>;
}

export async function readSigningKeyUse(store: Store): Promise<SigningKeyUse> {
  return {
    revoked: (await store.listRevokedSigningKeys()).map(({ kid }) => kid),
    totpSecrets: await store.countSecretsByKey(),
  };
}
