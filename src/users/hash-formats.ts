// How many users sit on which format of password hash (`user-hashes`).

import { currentFormat } from "../passwords/hash.js";
import type { Store } from "../store/store.js";

export interface HashFormatCount {
  /** Null: without a password. */
  readonly format: string | null;
  /** Whether it is what new passwords get; another is replaced at the next right login. */
  readonly current: boolean;
  readonly users: number;
}

const pageRows = 2000;

/** A page at a time; users who change meanwhile may be counted as before or as after. The most frequent first. */
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
