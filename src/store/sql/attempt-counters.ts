// Rows of the table ampho_guesses: counters of tries.
import { type Counter, emptyCounter, type FailureOrigin, isEmpty } from "../../throttle/attempt-counter.js";
import type { GuessCounter, GuessKind } from "../store.js";
import {
  ahead,
  answerTo,
  integer,
  type Row,
  text,
  textOrNull,
  texts,
  tuplesOf,
  type Work,
  write,
  wrong,
} from "../transaction.js";

export interface CounterRow {
  readonly key: string;
  readonly kind: GuessKind;
  /** Of the account, once a wrong password was seen for it. */
  readonly login: string | null;
  readonly counter: Counter;
  /** From where a refusal was recorded already. */
  readonly noted: readonly string[];
  readonly notedUntil: number;
}

export const counterColumns =
  "key, kind, login, failures, pending, pending_until, streak, next_at, forget_at, origins, noted, noted_until";

const kinds: readonly GuessKind[] = ["login", "device", "devices", "session", "sessions"];

export function counterRowOf(row: Row): CounterRow {
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
      origins: originsOf(text(row, "origins")),
    },
    noted: texts(row, "noted"),
    notedUntil: integer(row, "noted_until"),
  };
}

const selectOne = `select ${counterColumns} from ampho_guesses where key = ?`;

/** As it is, or empty when there is none. Sent ahead. */
export function* sendCounter({ key, kind }: GuessCounter): Work<() => Work<CounterRow>> {
  const sent = yield* ahead(selectOne, [key]);
  return function* read() {
    const row = yield* answerTo(sent);
    return row ? counterRowOf(row) : { key, kind, login: null, counter: emptyCounter, noted: [], notedUntil: 0 };
  };
}

type Key = Pick<GuessCounter, "key" | "kind">;

/** Makes the row if there is none; until the transaction ends no other may change it. Sent ahead. */
export function* sendCounterHold({ key, kind }: Key, now: number): Work<() => Work<CounterRow>> {
  const sent = yield* ahead(
    `insert into ampho_guesses (${counterColumns}, touched_at) values (?, ?, null, 0, 0, 0, 0, 0, 0, '[]', '[]', 0, ?)
     on conflict (key) do update set key = excluded.key returning ${counterColumns}`,
    [key, kind, now],
  );
  return function* read() {
    const row = yield* answerTo(sent);
    if (!row) throw new TypeError("a row that was just made is not there");
    return counterRowOf(row);
  };
}

/** The same without making one. Sent ahead. */
export function* sendCounterHoldIfThere(key: string): Work<() => Work<CounterRow | undefined>> {
  const sent = yield* ahead(selectOne, [key], "update");
  return function* read() {
    const row = yield* answerTo(sent);
    return row && counterRowOf(row);
  };
}

/** The same, and asked for at once. */
export function* holdCounterIfThere(key: string): Work<CounterRow | undefined> {
  const read = yield* sendCounterHoldIfThere(key);
  return yield* read();
}

export function* writeCounter({ key, login, counter }: CounterRow, now: number): Work<void> {
  if (isEmpty(counter)) {
    yield* write("delete from ampho_guesses where key = ?", [key]);
    return;
  }
  const { failures, pending, pendingUntil, streak, nextAt, forgetAt, origins } = counter;
  yield* write(
    `update ampho_guesses set login = ?, failures = ?, pending = ?, pending_until = ?, streak = ?, next_at = ?,
     forget_at = ?, origins = ?, touched_at = ? where key = ?`,
    [login, failures, pending, pendingUntil, streak, nextAt, forgetAt, JSON.stringify(origins), now, key],
  );
}

/** Not touched by it: being refused keeps nothing alive. */
export function* noteAtCounter({ key, login, noted, notedUntil }: CounterRow): Work<void> {
  yield* write("update ampho_guesses set login = ?, noted = ?, noted_until = ? where key = ?", [
    login,
    JSON.stringify(noted),
    notedUntil,
    key,
  ]);
}

function originsOf(json: string): readonly FailureOrigin[] {
  return tuplesOf(json, "origins").map(([from, failures]): FailureOrigin => {
    if (typeof from !== "string" || typeof failures !== "number") return wrong("origins");
    return [from, failures];
  });
}
