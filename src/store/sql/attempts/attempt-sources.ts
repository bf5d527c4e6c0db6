// Rows of the table ampho_attempt_sources: addresses and networks, with the logins that were attempted from there.
import { emptySource, isUnused, type SourceEntry } from "../../../throttle/source-limit.js";
import { schemaMismatch, tuplesOf } from "../../rows.js";
import { ask, type Transaction, write } from "../../transaction.js";
import { asInteger, asText, group, inOneColumn, type RowOf, tableOf } from "../rows/table.js";

const asEntries = inOneColumn<readonly SourceEntry[]>(
  (row, column) =>
    tuplesOf(row, column).map(([subject, ...numbers]) => {
      const [failedUntil, pending, pendingUntil] = numbers.map((value) =>
        typeof value === "number" && Number.isSafeInteger(value) ? value : schemaMismatch(column),
      );
      if (
        typeof subject !== "string" ||
        failedUntil === undefined ||
        pending === undefined ||
        pendingUntil === undefined
      )
        return schemaMismatch(column);
      return { subject, failedUntil, pending, pendingUntil };
    }),
  (entries) =>
    JSON.stringify(
      entries.map(({ subject, failedUntil, pending, pendingUntil }) => [subject, failedUntil, pending, pendingUntil]),
    ),
);

const state = { entries: asEntries, level: asInteger, nextAt: asInteger };
const states = tableOf("ampho_attempt_sources", state);

export const attemptSources = tableOf("ampho_attempt_sources", {
  source: asText,
  state: group(state),
  /** A rejection is in the audit log already, and is not recorded again until then. */
  recordedUntil: asInteger,
});
export type SourceRow = RowOf<typeof attemptSources>;

const emptyRow = (source: string): SourceRow => ({ source, state: emptySource, recordedUntil: 0 });

/** Reads a source, or an empty one when there is no row. Deferred. */
export const sendSource = (source: string): Transaction<() => Transaction<SourceRow>> =>
  ask(`${attemptSources.select} where source = ?`, [source], (row) =>
    row ? attemptSources.of(row) : emptyRow(source),
  );

export const sendSourceLock = (source: string, now: number) => attemptSources.sendLock("source", emptyRow(source), now);
export const sendSourceLockIfPresent = (source: string) => attemptSources.send("where source = ?", [source], "update");
export const lockSourceIfPresent = (source: string) => attemptSources.first("where source = ?", [source], "update");

const updateState = `update ampho_attempt_sources set ${states.assignments}, touched_at = ? where source = ?`;

export function* writeSource({ source, state }: SourceRow, now: number): Transaction<void> {
  if (isUnused(state)) yield* write("delete from ampho_attempt_sources where source = ?", [source]);
  else yield* write(updateState, [...states.values(state), now, source]);
}

export const writeRecordedUntil = ({ source, recordedUntil }: SourceRow): Transaction<void> =>
  write("update ampho_attempt_sources set recorded_until = ? where source = ?", [recordedUntil, source]);
