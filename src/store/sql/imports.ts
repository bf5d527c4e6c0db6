// Imports of users: begun, filled in batches that nobody sees, and published by one row, or dropped.
import type { Origin, PublishOutcome, StagedUser, StageOutcome } from "../store.js";
import { first, integer, query, type SqlValue, type Transaction, text, write } from "../transaction.js";
import { recordAudit } from "./audit.js";
import { holderOf, makeRoom } from "./import-rows.js";
import { userColumns } from "./users.js";

/** Lines count from 1: what has lost this one is a trial. */
const trialLine = 0;

export function* startImport({ now, trial }: { readonly now: number; readonly trial: boolean }): Transaction<number> {
  const row = yield* first(
    "insert into ampho_imports (state, started_at, touched_at, lost_line) values ('open', ?, ?, ?) returning n",
    [now, now, trial ? trialLine : null],
  );
  if (!row) throw new TypeError("an inserted row was not returned");
  return integer(row, "n");
}

export function* stageUsers(input: {
  readonly n: number;
  readonly users: readonly StagedUser[];
  readonly displaces: boolean;
  readonly now: number;
}): Transaction<StageOutcome> {
  const { n, users, now } = input;
  // One import writes at a time: two that hold logins of each other would wait for each other until one is undone.
  yield* query("select n from ampho_imports where state = 'open' order by n", [], "update");
  const open = yield* first("update ampho_imports set touched_at = ? where n = ? and state = 'open' returning n", [
    now,
    n,
  ]);
  if (!open) return { outcome: "dropped" };
  const inserted = new Set<string>();
  for (let at = 0; at < users.length; ) {
    // Two texts of the statement only: whatever is prepared stays prepared.
    const rows = users.length - at >= rowsAtOnce ? rowsAtOnce : 1;
    for (const id of yield* insertRows(users.slice(at, at + rows), n, now)) inserted.add(id);
    at += rows;
  }
  const refused = [];
  for (const user of users) {
    if (inserted.has(user.id)) continue;
    const reason = yield* settle(user, input);
    if (reason !== undefined) refused.push({ line: user.line, ...reason });
  }
  return { outcome: "staged", refused };
}

const rowsAtOnce = 50;
const columns = `${userColumns}, hash_kind, import_n, import_line`;
const insertions = new Map(
  [1, rowsAtOnce].map((rows) => [
    rows,
    `insert into ampho_users (${columns}) values ${Array(rows).fill("(?, ?, ?, ?, 1, ?, 1, 0, ?, ?, ?, ?)").join(", ")}
     on conflict (canonical) do nothing returning id`,
  ]),
);

/** The ids of those whose login was free. */
function* insertRows(users: readonly StagedUser[], n: number, now: number): Transaction<readonly string[]> {
  const parameters: SqlValue[] = [];
  for (const { id, login, canonical, passwordHash, roles, hashKind, line } of users)
    parameters.push(id, login, canonical, passwordHash, JSON.stringify(roles), now, hashKind, n, line);
  const rows = yield* query(insertions.get(users.length) ?? "", parameters);
  return rows.map((row) => text(row, "id"));
}

type Reason = { readonly reason: "exists" | "importing" } | { readonly reason: "repeated"; readonly firstLine: number };

/**
 * What becomes of a login that is held by somebody. Of two imports the one that was begun last gets it, so that of any two
 * with a login in common one can be published, and what a killed one has left behind holds nobody up. Nor does one that
 * cannot be published: a trial, or one that has lost a line.
 */
function* settle(
  user: StagedUser,
  { n, displaces, now }: { readonly n: number; readonly displaces: boolean; readonly now: number },
): Transaction<Reason | undefined> {
  const holder = yield* holderOf(user.canonical);
  if (holder.kind === "user") return { reason: "exists" };
  if (holder.kind === "import") {
    if (holder.n === n) return { reason: "repeated", firstLine: holder.line };
    if (!displaces) return undefined;
    if (holder.n > n && !holder.doomed) return { reason: "importing" };
    yield* makeRoom(user.canonical, holder);
  }
  const [id] = yield* insertRows([user], n, now);
  return id === undefined ? { reason: "exists" } : undefined;
}

export function* publishImport(input: {
  readonly n: number;
  readonly now: number;
  readonly origin: Origin;
  readonly detail: Readonly<Record<string, string | number | readonly string[]>>;
}): Transaction<PublishOutcome> {
  const { n, now, origin, detail } = input;
  const row = yield* first(
    `update ampho_imports set state = 'published', touched_at = ?
     where n = ? and state = 'open' and lost_line is null returning n`,
    [now, n],
  );
  if (row) {
    yield* recordAudit({ at: now, event: "users_imported", origin, detail: { import: n, ...detail } });
    return { outcome: "published" };
  }
  const kept = yield* first("select lost_line from ampho_imports where n = ? and state = 'open'", [n]);
  return kept ? { outcome: "lost", line: integer(kept, "lost_line") } : { outcome: "dropped" };
}

export function* deleteUnpublishedImports(input: {
  readonly n: number | undefined;
  readonly now: number;
  readonly limit: number;
}): Transaction<boolean> {
  return (yield* deleteSomeUnpublished(input)).found;
}

/** `found`: there was an import to remove rows of; `rows`: how many were removed. */
export function* deleteSomeUnpublished(input: {
  readonly n: number | undefined;
  readonly now: number;
  readonly limit: number;
}): Transaction<{ readonly found: boolean; readonly rows: number }> {
  const n = input.n ?? (yield* oldestDead(input.now));
  if (n === undefined) return { found: false, rows: 0 };
  // At 0 the next sweep goes on with it, whoever does that.
  const dropped = yield* first(
    "update ampho_imports set state = 'dropped', touched_at = 0 where n = ? and state <> 'published' returning n",
    [n],
  );
  if (!dropped) return { found: false, rows: 0 };
  const removed = yield* query(
    "delete from ampho_users where id in (select id from ampho_users where import_n = ? limit ?) returning id",
    [n, input.limit],
  );
  if (removed.length < input.limit) yield* write("delete from ampho_imports where n = ?", [n]);
  return { found: true, rows: removed.length };
}

/** An import whose owner was not heard of for so long is dead. */
const deadSeconds = 60;

function* oldestDead(now: number): Transaction<number | undefined> {
  const row = yield* first(
    "select n from ampho_imports where state <> 'published' and touched_at < ? order by touched_at limit 1",
    [now - deadSeconds],
  );
  return row && integer(row, "n");
}
