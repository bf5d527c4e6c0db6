import type { Store } from "../../store/store.js";

export interface KeyRecords {
  readonly revoked: readonly string[];
  readonly totpSecrets: Readonly<Record<string, number>>;
}

export async function readKeyUse(store: Store, now: number): Promise<KeyRecords> {
  const { rows } = await store.readRevocations({ after: 0, now });
  return {
    revoked: rows.flatMap((row) => (row.kind === "key" ? [row.kid] : [])),
    totpSecrets: await store.countSecretsByKey(),
  };
}
