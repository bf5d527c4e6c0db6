// Which rows are old, and how a batch of them is removed.
import { sourceKeptWindows } from "../../throttle/source-limit.js";
import type { OldRowKind, OldRows, OldRowsCursor } from "../store.js";
import { integer, query, type Row, type SqlValue, type Transaction, write } from "../transaction.js";
import { deleteSomeUnpublished } from "./imports.js";
import { keptUntil } from "./session-rows.js";

const day = 86_400;
/** How long a run of failures is remembered when nothing is added to it. */
const counterKeptSeconds = 30 * day;

interface Aging {
  readonly table: string;
  readonly key: string;
  /** The column that tells it; there is an index on it. */
  readonly age: string;
  /** What a row says by itself when it seems old by `age`, if that may lag behind: where it does, it is moved on to this. */
  readonly truly?: string;
  /** Rows whose `age` is less than so many seconds ago are old; undefined: none is. */
  readonly keptSeconds: (input: OldRows) => number | undefined;
  /** A multiple of `rowsAtOnce`; the fewer, the more pages one row is on. Some 10 ms of writing. */
  readonly batch: number;
}

const agings: Readonly<Record<Exclude<OldRowKind, "imports">, Aging>> = {
  // `remove_after` is a week behind the last moment at which anything of the session was good, when it was made or ended.
  sessions: {
    table: "ampho_sessions",
    key: "n",
    age: "remove_after",
    truly: keptUntil,
    keptSeconds: () => 0,
    batch: 100,
  },
  // A day more than any token needs it: a clock that runs ahead by a time zone must let nothing come back to life.
  revocations: { table: "ampho_revocations", key: "n", age: "until", keptSeconds: () => day, batch: 500 },
  attempts: {
    table: "ampho_attempts",
    key: "key",
    age: "touched_at",
    keptSeconds: () => counterKeptSeconds,
    batch: 100,
  },
  sources: {
    table: "ampho_attempt_sources",
    key: "source",
    age: "touched_at",
    keptSeconds: ({ windowSeconds }) => sourceKeptWindows * windowSeconds,
    batch: 100,
  },
  audit: {
    table: "ampho_audit",
    key: "n",
    age: "at",
    keptSeconds: ({ auditKeepSeconds }) => (auditKeepSeconds === 0 ? undefined : auditKeepSeconds),
    batch: 1000,
  },
};

export interface Batch {
  readonly rows: number;
  readonly next: OldRowsCursor | undefined;
}

/** A small batch of one kind. */
export function* deleteBatch(input: OldRows & { readonly now: number }): Transaction<Batch> {
  const { kind, now } = input;
  return yield* kind === "imports" ? removeDeadImports(now) : removeAged(agings[kind], input);
}

const start: OldRowsCursor = { age: -1, n: -1 };

function* removeAged(aging: Aging, input: OldRows & { readonly now: number }): Transaction<Batch> {
  const { table, key, age, truly = age, keptSeconds, batch } = aging;
  const kept = keptSeconds(input);
  if (kept === undefined) return { rows: 0, next: undefined };
  const before = input.now - kept;
  const next = input.next ?? start;
  // The tables with other keys are held to a size.
  const numbered = key === "n";
  const rows = yield* query(
    numbered
      ? `select n, ${age} as age, ${truly} as truly from ${table} where (${age}, n) > (?, ?) and ${age} < ? order by ${age}, n limit ?`
      : `select ${key}, ${age} as age, ${truly} as truly from ${table} where ${age} < ? order by ${age} limit ?`,
    [...(numbered ? [next.age, next.n] : []), before, batch],
    "free",
  );
  const old = rows.filter((row) => integer(row, "truly") < before);
  const alive = rows.filter((row) => integer(row, "truly") >= before);
  yield* forRows(`delete from ${table}`, key, old);
  yield* forRows(`update ${table} set ${age} = ${truly}`, key, alive);
  const last = rows.length < batch ? undefined : rows.at(-1);
  return {
    rows: old.length,
    next: last && { age: integer(last, "age"), n: numbered ? integer(last, "n") : 0 },
  };
}

/**
 * Removes the rows whose keys the select tells, without those that somebody works on at this moment: nothing waits for
 * this, and this for nothing. How many they were.
 */
export function* deleteUnlocked(
  table: string,
  key: string,
  select: string,
  parameters: readonly SqlValue[],
): Transaction<number> {
  const rows = yield* query(select, parameters, "free");
  yield* forRows(`delete from ${table}`, key, rows);
  return rows.length;
}

const rowsAtOnce = 100;

function* forRows(change: string, key: string, rows: readonly Row[]): Transaction<void> {
  for (let at = 0; at < rows.length; at += rowsAtOnce) {
    const keys = rows.slice(at, at + rowsAtOnce).map((row) => row[key] ?? null);
    // Always as many, so that there is one text of the statement: the same key again changes nothing.
    const filled = Array.from({ length: rowsAtOnce }, (_, index) => keys[index] ?? keys[0] ?? null);
    yield* write(`${change} where ${key} in (${Array(rowsAtOnce).fill("?").join(", ")})`, filled);
  }
}

const importBatch = 500;

function* removeDeadImports(now: number): Transaction<Batch> {
  const { rows, found } = yield* deleteSomeUnpublished({ n: undefined, now, limit: importBatch });
  return { rows, next: found ? start : undefined };
}
