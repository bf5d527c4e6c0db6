// Which rows are old, and how a batch of them is deleted.
import { sourceKeptWindows } from "../../../throttle/source-limit.js";
import { integer, type Row, type SqlValues } from "../../rows.js";
import { query, type Transaction, write } from "../../transaction.js";
import { connectionKeptUntil } from "./connection-rows.js";
import { deleteUnpublishedRows } from "./import-rows.js";
import { keptUntil } from "./session-rows.js";

interface Kept {
  /** AMPHO_SECURITY_THROTTLE_WINDOW, for attempts. */
  readonly windowSeconds: number;
  /** AMPHO_AUDIT_KEEP. 0 keeps the rows for ever. */
  readonly auditKeepSeconds: number;
}

export interface OldRows extends Kept {
  readonly kind: OldRowKind;
  /** The cursor that the previous batch of this kind returned in this turn. */
  readonly next: OldRowsCursor | undefined;
}

/** The progress of a turn. Without it PostgreSQL would pass over all deleted rows again with each batch. */
export interface OldRowsCursor {
  readonly age: number;
  readonly n: number;
}

const day = 86_400;
/** How long a streak of failures is remembered when nothing is added to it. */
const counterKeptSeconds = 30 * day;

interface Retention {
  readonly table: string;
  /** Default: `n`. */
  readonly key?: string;
  /** The column that contains the age. It has an index. */
  readonly age: string;
  /** The real age, for a table whose `age` can lag behind. A row that only seems old gets this value. */
  readonly actualAge?: string;
  /** Rows whose `age` lies further back than this are old. Undefined: none is. */
  readonly keptSeconds: (input: Kept) => number | undefined;
  /** A multiple of `rowsAtOnce`, for about 10 ms of writing. 100 where one row is on many pages. */
  readonly batch?: number;
}

/** The kinds of rows that are deleted when they are so old that nothing can need them. */
const retentions = {
  // `delete_after` lies a week behind the moment at which the last token of the session expires, as known when the
  // session was created or ended.
  sessions: { table: "ampho_sessions", age: "delete_after", actualAge: keptUntil, keptSeconds: () => 0 },
  connections: {
    table: "ampho_connections",
    age: "delete_after",
    actualAge: connectionKeptUntil,
    keptSeconds: () => 0,
  },
  // A day longer than any token needs it. A clock that runs ahead by a time zone must not bring a revoked token back to
  // life.
  revocations: { table: "ampho_revocations", age: "until", keptSeconds: () => day, batch: 500 },
  attempts: { table: "ampho_attempts", key: "key", age: "touched_at", keptSeconds: () => counterKeptSeconds },
  sources: {
    table: "ampho_attempt_sources",
    key: "source",
    age: "touched_at",
    keptSeconds: ({ windowSeconds }) => sourceKeptWindows * windowSeconds,
  },
  // A day longer than any process accepts the transaction, for a clock that runs ahead.
  spent: { table: "ampho_spent", key: "hash", age: "until", keptSeconds: () => day, batch: 500 },
  mail: { table: "ampho_mail", age: "until", keptSeconds: () => day, batch: 500 },
  // No process has taken them, or the hook has failed for so long.
  user_events: { table: "ampho_user_events", age: "at", keptSeconds: () => 30 * day, batch: 500 },
  invites: { table: "ampho_invites", key: "id", age: "until", keptSeconds: () => 30 * day },
  // Its owner sees for a month that the key has expired.
  keys: { table: "ampho_api_keys", age: "expires_at", keptSeconds: () => 30 * day },
  imports: "unpublished",
  audit: { table: "ampho_audit", age: "at", keptSeconds: (input) => input.auditKeepSeconds || undefined, batch: 1000 },
} as const satisfies Readonly<Record<string, Retention | "unpublished">>;

export type OldRowKind = keyof typeof retentions;
export const oldRowKinds = Object.keys(retentions) as readonly OldRowKind[];

export interface Batch {
  readonly rows: number;
  /** Undefined when there are no more. */
  readonly next: OldRowsCursor | undefined;
}

/** A small batch of one kind. */
export function* deleteBatch(input: OldRows & { readonly now: number }): Transaction<Batch> {
  const retention = retentions[input.kind];
  return yield* retention === "unpublished" ? deleteDeadImports(input.now) : deleteAged(retention, input);
}

const start: OldRowsCursor = { age: -1, n: -1 };

function* deleteAged(retention: Retention, input: OldRows & { readonly now: number }): Transaction<Batch> {
  const { table, key = "n", age, actualAge = age, keptSeconds, batch = 100 } = retention;
  const kept = keptSeconds(input);
  if (kept === undefined) return { rows: 0, next: undefined };
  const before = input.now - kept;
  const next = input.next ?? start;
  // The other tables have no key in the index of their age. They have a maximum size, or a turn deletes about as many
  // rows as were written since the one before.
  const numbered = key === "n";
  const rows = yield* query(
    numbered
      ? `select n, ${age} as age, ${actualAge} as truly from ${table} where (${age}, n) > (?, ?) and ${age} < ? order by ${age}, n limit ?`
      : `select ${key}, ${age} as age, ${actualAge} as truly from ${table} where ${age} < ? order by ${age} limit ?`,
    [...(numbered ? [next.age, next.n] : []), before, batch],
    "skipLocked",
  );
  const old = rows.filter((row) => integer(row, "truly") < before);
  const alive = rows.filter((row) => integer(row, "truly") >= before);
  yield* forRows(`delete from ${table}`, key, old);
  yield* forRows(`update ${table} set ${age} = ${actualAge}`, key, alive);
  const last = rows.length < batch ? undefined : rows.at(-1);
  return { rows: old.length, next: last && { age: integer(last, "age"), n: numbered ? integer(last, "n") : 0 } };
}

/** Deletes the rows whose keys the select returns, without those that are locked. Returns their number. */
export function* deleteUnlocked(
  table: string,
  key: string,
  select: string,
  parameters: SqlValues,
): Transaction<number> {
  const rows = yield* query(select, parameters, "skipLocked");
  yield* forRows(`delete from ${table}`, key, rows);
  return rows.length;
}

const rowsAtOnce = 100;

function* forRows(change: string, key: string, rows: readonly Row[]): Transaction<void> {
  for (let at = 0; at < rows.length; at += rowsAtOnce) {
    const keys = rows.slice(at, at + rowsAtOnce).map((row) => row[key] ?? null);
    // Filled up to one length, so that the statement has one text. A repeated key changes nothing.
    const filled = Array.from({ length: rowsAtOnce }, (_, index) => keys[index] ?? keys[0] ?? null);
    yield* write(`${change} where ${key} in (${Array(rowsAtOnce).fill("?").join(", ")})`, filled);
  }
}

const importBatch = 500;

function* deleteDeadImports(now: number): Transaction<Batch> {
  const { rows, found } = yield* deleteUnpublishedRows({ n: undefined, now, limit: importBatch });
  return { rows, next: found ? start : undefined };
}
