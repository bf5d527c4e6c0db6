// Rows of the table ampho_attempt_sources: addresses and networks, with the logins that were attempted from there.
import { emptySource, isUnused, type SourceEntry, type SourceState } from "../../throttle/source-limit.js";
import { integer, type Row, schemaMismatch, text, tuplesOf } from "../rows.js";
import { type Transaction, write } from "../transaction.js";
import { columnsOf, keyedRows } from "./keyed-rows.js";

export interface SourceRow {
  readonly source: string;
  readonly state: SourceState;
  /** A rejection is in the audit log already, and is not recorded again until then. */
  readonly recordedUntil: number;
}

const stateColumns = columnsOf("entries", "level", "next_at");
const columns = columnsOf("source", ...stateColumns.names, "recorded_until", "touched_at");

export const sourceColumns = columns.list;

export function sourceRowOf(row: Row): SourceRow {
  return {
    source: text(row, "source"),
    state: { entries: entriesOf(text(row, "entries")), level: integer(row, "level"), nextAt: integer(row, "next_at") },
    recordedUntil: integer(row, "recorded_until"),
  };
}

function stateOf({ entries, level, nextAt }: SourceState) {
  const tuples = entries.map(({ subject, failedUntil, pending, pendingUntil }) => [
    subject,
    failedUntil,
    pending,
    pendingUntil,
  ]);
  return { entries: JSON.stringify(tuples), level, next_at: nextAt };
}

const rows = keyedRows({ name: "ampho_attempt_sources", key: "source", columns, rowOf: sourceRowOf });
const emptyRow = { ...stateOf(emptySource), recorded_until: 0 };

/** Reads a source, or an empty one when there is no row. Deferred. */
export function* sendSource(source: string): Transaction<() => Transaction<SourceRow>> {
  const read = yield* rows.sendRead(source);
  return function* readOrEmpty() {
    return (yield* read()) ?? { source, state: emptySource, recordedUntil: 0 };
  };
}

export const sendSourceLock = (source: string, now: number) => rows.sendLock({ source, ...emptyRow, touched_at: now });
export const sendSourceLockIfPresent = rows.sendLockIfPresent;
export const lockSourceIfPresent = rows.lockIfPresent;

const updateState = `update ampho_attempt_sources set ${stateColumns.assignments}, touched_at = ? where source = ?`;

export function* writeSource({ source, state }: SourceRow, now: number): Transaction<void> {
  if (isUnused(state)) yield* write("delete from ampho_attempt_sources where source = ?", [source]);
  else yield* write(updateState, [...stateColumns.values(stateOf(state)), now, source]);
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
