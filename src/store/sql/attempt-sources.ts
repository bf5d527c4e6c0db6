// Rows of the table ampho_attempt_sources: addresses and networks, with the logins that were tried from there.
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

export interface SourceRow {
  readonly source: string;
  readonly state: SourceState;
  readonly notedUntil: number;
}

export const sourceColumns = "source, entries, level, next_at, noted_until";

export function sourceRowOf(row: Row): SourceRow {
  return {
    source: text(row, "source"),
    state: { entries: entriesOf(text(row, "entries")), level: integer(row, "level"), nextAt: integer(row, "next_at") },
    notedUntil: integer(row, "noted_until"),
  };
}

const selectOne = `select ${sourceColumns} from ampho_attempt_sources where source = ?`;

/** As it is, or empty when there is none. Sent ahead. */
export function* sendSource(source: string): Transaction<() => Transaction<SourceRow>> {
  const sent = yield* send(selectOne, [source]);
  return function* read() {
    const row = yield* resultOf(sent);
    return row ? sourceRowOf(row) : { source, state: emptySource, notedUntil: 0 };
  };
}

/** Makes the row if there is none; until the transaction ends no other may change it. Sent ahead. */
export function* sendSourceLock(source: string, now: number): Transaction<() => Transaction<SourceRow>> {
  const sent = yield* send(
    `insert into ampho_attempt_sources (${sourceColumns}, touched_at) values (?, '[]', 0, 0, 0, ?)
     on conflict (source) do update set source = excluded.source returning ${sourceColumns}`,
    [source, now],
  );
  return function* read() {
    const row = yield* resultOf(sent);
    if (!row) throw new TypeError("a row that was just made is not there");
    return sourceRowOf(row);
  };
}

/** The same without making one. Sent ahead. */
export function* sendSourceLockIfPresent(source: string): Transaction<() => Transaction<SourceRow | undefined>> {
  const sent = yield* send(selectOne, [source], "update");
  return function* read() {
    const row = yield* resultOf(sent);
    return row && sourceRowOf(row);
  };
}

/** The same, and asked for at once. */
export function* lockSourceIfPresent(source: string): Transaction<SourceRow | undefined> {
  const read = yield* sendSourceLockIfPresent(source);
  return yield* read();
}

export function* writeSource({ source, state }: SourceRow, now: number): Transaction<void> {
  if (isUnused(state)) {
    yield* write("delete from ampho_attempt_sources where source = ?", [source]);
    return;
  }
  const { entries, level, nextAt } = state;
  const tuples = entries.map(({ subject, failedUntil, pending, pendingUntil }) => [
    ...[subject, failedUntil],
    ...[pending, pendingUntil],
  ]);
  yield* write(
    "update ampho_attempt_sources set entries = ?, level = ?, next_at = ?, touched_at = ? where source = ?",
    [JSON.stringify(tuples), level, nextAt, now, source],
  );
}

export function* flagSourceRecorded({ source, notedUntil }: SourceRow): Transaction<void> {
  yield* write("update ampho_attempt_sources set noted_until = ? where source = ?", [notedUntil, source]);
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
