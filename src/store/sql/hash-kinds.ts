// Which kinds of password hashes there are, and how many of each.
import type { HashCount } from "../store.js";
import { first, integer, query, type Transaction, text, textOrNull } from "../transaction.js";
import { visible } from "./import-rows.js";

/** Costs of hashes are rounded before they are stored, so there are a handful; more than these nobody waits for. */
const kindsMax = 256;

/** From kind to kind through the index, however many rows have each; also of imports that are not published yet. */
export function* listHashKinds(): Transaction<readonly string[]> {
  const kinds: string[] = [];
  for (let after = ""; kinds.length < kindsMax; ) {
    const row = yield* first(
      "select hash_kind from ampho_users where hash_kind is not null and hash_kind > ? order by hash_kind limit 1",
      [after],
    );
    if (!row) break;
    after = text(row, "hash_kind");
    kinds.push(after);
  }
  return kinds;
}

export function* countHashKinds(page: {
  readonly after: string | undefined;
  readonly limit: number;
}): Transaction<{ readonly counts: readonly HashCount[]; readonly next: string | undefined }> {
  const rows = yield* query(
    `select canonical, hash_kind, case when password_hash is null then 0 else 1 end as has_hash,
     case when ${visible} then 1 else 0 end as there
     from ampho_users where canonical > ? order by canonical limit ?`,
    [page.after ?? "", page.limit],
  );
  const counts = new Map<string, HashCount>();
  for (const row of rows) {
    if (integer(row, "there") === 0) continue;
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
