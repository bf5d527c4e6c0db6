// Rows of the table ampho_attempts: counters of attempts.
import type { AttemptCounter } from "../../../throttle/attempt.js";
import { emptyCounter, type FailureSource, isEmpty } from "../../../throttle/attempt-counter.js";
import { type CounterKind, counterKinds } from "../../../throttle/counter-kinds.js";
import { schemaMismatch, tuplesOf } from "../../rows.js";
import { ask, type Transaction, write } from "../../transaction.js";
import type { RowOf } from "../rows/table.js";
import { asInteger, asOneOf, asText, asTexts, group, inOneColumn, named, orNull, tableOf } from "../rows/table.js";

const asSources = inOneColumn<readonly FailureSource[]>(
  (row, column) =>
    tuplesOf(row, column).map(([source, failures]): FailureSource => {
      if (typeof source !== "string" || typeof failures !== "number") return schemaMismatch(column);
      return [source, failures];
    }),
  JSON.stringify,
);

const counts = {
  failures: asInteger,
  pending: asInteger,
  pendingUntil: asInteger,
  streak: asInteger,
  nextAt: asInteger,
  forgetAt: asInteger,
  sources: named("failure_sources", asSources),
};
const states = tableOf("ampho_attempts", counts);

export const attemptCounters = tableOf("ampho_attempts", {
  key: asText,
  kind: asOneOf(Object.keys(counterKinds) as CounterKind[]),
  counter: group(counts),
  /** The login name of the account, once an attempt at it has failed. */
  login: orNull(asText),
  /** The sources whose rejection is in the audit log already. */
  recordedSources: asTexts,
  recordedUntil: asInteger,
});
export type AttemptCounterRow = RowOf<typeof attemptCounters>;

type CounterKey = Pick<AttemptCounter, "key" | "kind">;

function emptyRow({ key, kind }: CounterKey): AttemptCounterRow {
  return { key, kind, counter: emptyCounter, login: null, recordedSources: [], recordedUntil: 0 };
}

/** Reads a counter, or an empty one when there is no row. Deferred. */
export const sendCounter = (counter: CounterKey): Transaction<() => Transaction<AttemptCounterRow>> =>
  ask(`${attemptCounters.select} where key = ?`, [counter.key], (row) =>
    row ? attemptCounters.of(row) : emptyRow(counter),
  );

export const sendCounterLock = (counter: CounterKey, now: number) =>
  attemptCounters.sendLock("key", emptyRow(counter), now);
export const sendCounterLockIfPresent = (key: string) => attemptCounters.send("where key = ?", [key], "update");
export const lockCounterIfPresent = (key: string) => attemptCounters.first("where key = ?", [key], "update");

const updateState = `update ampho_attempts set ${states.assignments}, login = ?, touched_at = ? where key = ?`;

export function* writeCounter({ key, login, counter }: AttemptCounterRow, now: number): Transaction<void> {
  if (isEmpty(counter)) yield* write("delete from ampho_attempts where key = ?", [key]);
  else yield* write(updateState, [...states.values(counter), login, now, key]);
}

/** Does not change `touched_at`, because a rejection must not keep a counter alive. */
export function* writeRecordedSources(row: AttemptCounterRow): Transaction<void> {
  const sql = "update ampho_attempts set login = ?, recorded_sources = ?, recorded_until = ? where key = ?";
  yield* write(sql, [row.login, JSON.stringify(row.recordedSources), row.recordedUntil, row.key]);
}
