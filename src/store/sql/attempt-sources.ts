// Rows of the table ampho_attempt_sources: addresses and networks, with the logins that were attempted from there.
import { emptySource, isUnused, type SourceEntry, type SourceState } from "../../throttle/source-limit.js";
import {
  integer,
  type Row,
  resultOf,
  schemaMismatch,
  send,
  type Transaction,
  text,
  tuplesOf,
  write,
} from "../transaction.js";
import { columnsOf } from "./columns.js";

export interface SourceRow {
  readonly source: string;
  readonly state: SourceState;
  /** A rejection is in the audit log already, and is not recorded again until then. */
  readonly recordedUntil: number;
}

const stateColumns = columnsOf("entries", "level", "next_at");

export const sourceColumns = `source, ${stateColumns.list}, recorded_until`;

export function sourceRowOf(row: Row): SourceRow {
  return {
    source: text(row, "source"),
    state: { entries: entriesOf(text(row, "entries")), level: integer(row, "level"), nextAt: integer(row, "next_at") },
    recordedUntil: integer(row, "recorded_until"),
  };
}

function stateValues({ entries, level, nextAt }: SourceState) {
  const tuples = entries.map(({ subject, failedUntil, pending, pendingUntil }) => [
    ...[subject, failedUntil],
    ...[pending, pendingUntil],
  ]);
  return stateColumns.values({ entries: JSON.stringify(tuples), level, next_at: nextAt });
}

const select = `select ${sourceColumns} from ampho_attempt_sources where source = ?`;

/** Reads a source, or an empty one when there is no row. Deferred. */
export function* sendSource(source: string): Transaction<() => Transaction<SourceRow>> {
  const sent = yield* send(select, [source]);
  return function* read() {
    const row = yield* resultOf(sent);
    return row ? sourceRowOf(row) : { source, state: emptySource, recordedUntil: 0 };
  };
}

const insert = `insert into ampho_attempt_sources (${sourceColumns}, touched_at)
  values (?, ${stateColumns.placeholders}, 0, ?)
  on conflict (source) do update set source = excluded.source returning ${sourceColumns}`;
const emptyValues = stateValues(emptySource);

/** Inserts the row if there is none, and locks it until the transaction ends. Deferred. */
export function* sendSourceLock(source: string, now: number): Transaction<() => Transaction<SourceRow>> {
  const sent = yield* send(insert, [source, ...emptyValues, now]);
  return function* read() {
    const row = yield* resultOf(sent);
    if (!row) throw new TypeError("an inserted row was not returned");
    return sourceRowOf(row);
  };
}

/** Locks the row if there is one. Deferred. */
export function* sendSourceLockIfPresent(source: string): Transaction<() => Transaction<SourceRow | undefined>> {
  const sent = yield* send(select, [source], "update");
  return function* read() {
    const row = yield* resultOf(sent);
    return row && sourceRowOf(row);
  };
}

/** Locks the row if there is one, and waits for it. */
export function* lockSourceIfPresent(source: string): Transaction<SourceRow | undefined> {
  const read = yield* sendSourceLockIfPresent(source);
  return yield* read();
}

const updateState = `update ampho_attempt_sources set ${stateColumns.assignments}, touched_at = ? where source = ?`;

export function* writeSource({ source, state }: SourceRow, now: number): Transaction<void> {
  if (isUnused(state)) yield* write("delete from ampho_attempt_sources where source = ?", [source]);
  else yield* write(updateState, [...stateValues(state), now, source]);
}

export function* writeRecordedUntil({ source, recordedUntil }: SourceRow): Transaction<void> {
  yield* write("update ampho_attempt_sources set recorded_until = ? where source = ?", [recordedUntil, source]);
}

function entriesOf(json: string): readonly SourceEntry[] {
  return tuplesOf(json, "entries").map(([subject, ...numbers]) => {
    const [failedUntil, pending, pendingUntil] = numbers.map((value) =>
      typeof value === "number" && Number.isSafeInteger(value) ? value : undefined,
    );
    if (typeof subject !== "string" || failedUntil === undefined || pending === undefined || pendingUntil === undefined)
      return schemaMismatch("entries");
    return { subject, failedUntil, pending, pendingUntil };
  });
}
