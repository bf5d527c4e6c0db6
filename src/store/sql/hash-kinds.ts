// Counts users per kind of password hash.
import { first, integer, query, type Transaction, text, textOrNull } from "../transaction.js";
import { visible } from "./import-rows.js";
import type { Page } from "./users.js";

export interface HashCount {
  /** Null for a hash with the current parameters, and for a user without a hash. */
  readonly kind: string | null;
  readonly hasHash: boolean;
  readonly users: number;
}

/** Returns whether any hash does not have the current parameters. Unpublished imports are included. */
export function* hasOtherHashes(): Transaction<boolean> {
  return (yield* first("select 1 from ampho_users where hash_kind is not null limit 1")) !== undefined;
}

export interface HashCountPage {
  readonly counts: readonly HashCount[];
  /** Undefined on the last page. */
  readonly next: string | undefined;
}

export function* countHashKinds(page: Page): Transaction<HashCountPage> {
  const rows = yield* query(
    `select canonical, hash_kind, case when password_hash is null then 0 else 1 end as has_hash,
     case when ${visible} then 1 else 0 end as is_visible
     from ampho_users where canonical > ? order by canonical limit ?`,
    [page.after ?? "", page.limit],
  );
  const counts = new Map<string, HashCount>();
  for (const row of rows) {
    if (integer(row, "is_visible") === 0) continue;
    const [kind, hasHash] = [textOrNull(row, "hash_kind"), integer(row, "has_hash") === 1];
    const key = `${hasHash} ${kind}`;
    counts.set(key, { kind, hasHash, users: (counts.get(key)?.users ?? 0) + 1 });
  }
  const last = rows.at(-1);
  return {
    counts: [...counts.values()],
    next: last && rows.length === page.limit ? text(last, "canonical") : undefined,
  };
}
