// Rows of the table ampho_attempts: counters of attempts.
import type { AttemptCounter } from "../../throttle/attempt.js";
import { type Counter, emptyCounter, type FailureSource, isEmpty } from "../../throttle/attempt-counter.js";
import { type CounterKind, isCounterKind } from "../../throttle/counter-kinds.js";
import { integer, type Row, schemaMismatch, text, textOrNull, texts, tuplesOf } from "../rows.js";
import { type Transaction, write } from "../transaction.js";
import { columnsOf, keyedRows } from "./keyed-rows.js";

export interface AttemptCounterRow {
  readonly key: string;
  readonly kind: CounterKind;
  /** The login name of the account, once an attempt at it has failed. */
  readonly login: string | null;
  readonly counter: Counter;
  /** The sources whose rejection is in the audit log already. */
  readonly recordedSources: readonly string[];
  readonly recordedUntil: number;
}

const stateColumns = columnsOf("failures pending pending_until streak next_at forget_at failure_sources");
const recordColumns = columnsOf("login", "recorded_sources", "recorded_until");
const columns = columnsOf("key", "kind", ...stateColumns.names, ...recordColumns.names, "touched_at");

export const counterColumns = columns.list;

export function counterRowOf(row: Row): AttemptCounterRow {
  const kind = text(row, "kind");
  if (!isCounterKind(kind)) throw new TypeError("a counter of attempts has an unknown kind");
  return {
    key: text(row, "key"),
    kind,
    login: textOrNull(row, "login"),
    counter: {
      failures: integer(row, "failures"),
      pending: integer(row, "pending"),
      pendingUntil: integer(row, "pending_until"),
      streak: integer(row, "streak"),
      nextAt: integer(row, "next_at"),
      forgetAt: integer(row, "forget_at"),
      sources: failureSourcesOf(text(row, "failure_sources")),
    },
    recordedSources: texts(row, "recorded_sources"),
    recordedUntil: integer(row, "recorded_until"),
  };
}

function stateOf({ failures, pending, pendingUntil, streak, nextAt, forgetAt, sources }: Counter) {
  return {
    failures,
    pending,
    pending_until: pendingUntil,
    streak,
    next_at: nextAt,
    forget_at: forgetAt,
    failure_sources: JSON.stringify(sources),
  };
}

function recordOf({ login, recordedSources, recordedUntil }: Omit<AttemptCounterRow, "key" | "kind" | "counter">) {
  return { login, recorded_sources: JSON.stringify(recordedSources), recorded_until: recordedUntil };
}

const rows = keyedRows({ name: "ampho_attempts", key: "key", columns, rowOf: counterRowOf });
const unrecorded = { login: null, recordedSources: [], recordedUntil: 0 };
const emptyRow = { ...stateOf(emptyCounter), ...recordOf(unrecorded) };

/** Reads a counter, or an empty one when there is no row. Deferred. */
export function* sendCounter({ key, kind }: AttemptCounter): Transaction<() => Transaction<AttemptCounterRow>> {
  const read = yield* rows.sendRead(key);
  return function* readOrEmpty() {
    return (yield* read()) ?? { key, kind, counter: emptyCounter, ...unrecorded };
  };
}

export const sendCounterLock = ({ key, kind }: Pick<AttemptCounter, "key" | "kind">, now: number) =>
  rows.sendLock({ key, kind, ...emptyRow, touched_at: now });
export const sendCounterLockIfPresent = rows.sendLockIfPresent;
export const lockCounterIfPresent = rows.lockIfPresent;

const updateState = `update ampho_attempts set ${stateColumns.assignments}, login = ?, touched_at = ? where key = ?`;

export function* writeCounter({ key, login, counter }: AttemptCounterRow, now: number): Transaction<void> {
  if (isEmpty(counter)) yield* write("delete from ampho_attempts where key = ?", [key]);
  else yield* write(updateState, [...stateColumns.values(stateOf(counter)), login, now, key]);
}

const updateRecord = `update ampho_attempts set ${recordColumns.assignments} where key = ?`;

/** Does not change `touched_at`, because a rejection must not keep a counter alive. */
export function* writeRecordedSources(row: AttemptCounterRow): Transaction<void> {
  yield* write(updateRecord, [...recordColumns.values(recordOf(row)), row.key]);
}

function failureSourcesOf(json: string): readonly FailureSource[] {
  return tuplesOf(json, "failure_sources").map(([source, failures]): FailureSource => {
    if (typeof source !== "string" || typeof failures !== "number") return schemaMismatch("failure_sources");
    return [source, failures];
  });
}
