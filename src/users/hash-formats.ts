// Counts users per format of password hash (`user-hashes`).

import { currentFormat } from "../passwords/hash.js";
import type { Store } from "../store/store.js";

/** The number of users with one format of password hash. */
export interface HashFormatCount {
  /** Null for users without a password. */
  readonly format: string | null;
  /** New passwords get this format and cost. Another one is replaced at the next successful login. */
  readonly current: boolean;
  /** The number of users. */
  readonly users: number;
}

const pageRows = 2000;

/** Returns the most frequent format first. A user who changes meanwhile counts with the old or the new format. */
export async function countHashFormats({
  store,
}: {
  readonly store: Pick<Store, "countHashKinds">;
}): Promise<readonly HashFormatCount[]> {
  const counts = new Map<string, HashFormatCount>();
  for (let after: string | undefined; ; ) {
    const page = await store.countHashKinds({ after, limit: pageRows });
    for (const { kind, hasHash, users } of page.counts) {
      const format = kind ?? (hasHash ? currentFormat : null);
      const current = kind === null && hasHash;
      const key = `${current} ${format}`;
      counts.set(key, { format, current, users: (counts.get(key)?.users ?? 0) + users });
    }
    if (page.next === undefined) break;
    after = page.next;
  }
  return [...counts.values()].sort((a, b) => b.users - a.users);
}
