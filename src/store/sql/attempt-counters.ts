// Rows of the table ampho_attempts: counters of tries.
import { type Counter, emptyCounter, type FailureSource, isEmpty } from "../../throttle/attempt-counter.js";
import type { AttemptCounter, AttemptCounterKind } from "../store.js";
import {
  integer,
  type Row,
  resultOf,
  schemaMismatch,
  send,
  type Transaction,
  text,
  textOrNull,
  texts,
  tuplesOf,
  write,
} from "../transaction.js";

export interface AttemptCounterRow {
  readonly key: string;
  readonly kind: AttemptCounterKind;
  /** Of the account, once a wrong password was seen for it. */
  readonly login: string | null;
  readonly counter: Counter;
  /** From where a refusal was recorded already. */
  readonly noted: readonly string[];
  readonly notedUntil: number;
}

export const counterColumns =
  "key, kind, login, failures, pending, pending_until, streak, next_at, forget_at, failure_sources, noted, noted_until";

const kinds: readonly AttemptCounterKind[] = ["login", "device", "devices", "session", "sessions"];

export function counterRowOf(row: Row): AttemptCounterRow {
  const kind = kinds.find((each) => each === row["kind"]);
  if (kind === undefined) throw new TypeError("a counter of a kind that is not known");
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
    noted: texts(row, "noted"),
    notedUntil: integer(row, "noted_until"),
  };
}

const selectOne = `select ${counterColumns} from ampho_attempts where key = ?`;

/** As it is, or empty when there is none. Sent ahead. */
export function* sendCounter({ key, kind }: AttemptCounter): Transaction<() => Transaction<AttemptCounterRow>> {
  const sent = yield* send(selectOne, [key]);
  return function* read() {
    const row = yield* resultOf(sent);
    return row ? counterRowOf(row) : { key, kind, login: null, counter: emptyCounter, noted: [], notedUntil: 0 };
  };
}

type Key = Pick<AttemptCounter, "key" | "kind">;

/** Makes the row if there is none; until the transaction ends no other may change it. Sent ahead. */
export function* sendCounterLock({ key, kind }: Key, now: number): Transaction<() => Transaction<AttemptCounterRow>> {
  const sent = yield* send(
    `insert into ampho_attempts (${counterColumns}, touched_at) values (?, ?, null, 0, 0, 0, 0, 0, 0, '[]', '[]', 0, ?)
     on conflict (key) do update set key = excluded.key returning ${counterColumns}`,
    [key, kind, now],
  );
  return function* read() {
    const row = yield* resultOf(sent);
    if (!row) throw new TypeError("a row that was just made is not there");
    return counterRowOf(row);
  };
}

/** The same without making one. Sent ahead. */
export function* sendCounterLockIfPresent(key: string): Transaction<() => Transaction<AttemptCounterRow | undefined>> {
  const sent = yield* send(selectOne, [key], "update");
  return function* read() {
    const row = yield* resultOf(sent);
    return row && counterRowOf(row);
  };
}

/** The same, and asked for at once. */
export function* lockCounterIfPresent(key: string): Transaction<AttemptCounterRow | undefined> {
  const read = yield* sendCounterLockIfPresent(key);
  return yield* read();
}

export function* writeCounter({ key, login, counter }: AttemptCounterRow, now: number): Transaction<void> {
  if (isEmpty(counter)) {
    yield* write("delete from ampho_attempts where key = ?", [key]);
    return;
  }
  const { failures, pending, pendingUntil, streak, nextAt, forgetAt, sources } = counter;
  yield* write(
    `update ampho_attempts set login = ?, failures = ?, pending = ?, pending_until = ?, streak = ?, next_at = ?,
     forget_at = ?, failure_sources = ?, touched_at = ? where key = ?`,
    [login, failures, pending, pendingUntil, streak, nextAt, forgetAt, JSON.stringify(sources), now, key],
  );
}

/** Not touched by it: being refused keeps nothing alive. */
export function* flagCounterRecorded({ key, login, noted, notedUntil }: AttemptCounterRow): Transaction<void> {
  yield* write("update ampho_attempts set login = ?, noted = ?, noted_until = ? where key = ?", [
    login,
    JSON.stringify(noted),
    notedUntil,
    key,
  ]);
}

function failureSourcesOf(json: string): readonly FailureSource[] {
  return tuplesOf(json, "failure_sources").map(([from, failures]): FailureSource => {
    if (typeof from !== "string" || typeof failures !== "number") return schemaMismatch("failure_sources");
    return [from, failures];
  });
}
