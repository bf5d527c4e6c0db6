// Rows of the table ampho_guess_places: addresses and networks, with the logins that were tried from there.
import { emptyPlace, isUnused, type Place, type PlaceEntry } from "../../throttle/source-limit.js";
import { ahead, answerTo, integer, type Row, text, tuplesOf, type Work, write, wrong } from "../transaction.js";

export interface PlaceRow {
  readonly place: string;
  readonly state: Place;
  readonly notedUntil: number;
}

export const placeColumns = "place, entries, level, next_at, noted_until";

export function placeRowOf(row: Row): PlaceRow {
  return {
    place: text(row, "place"),
    state: { entries: entriesOf(text(row, "entries")), level: integer(row, "level"), nextAt: integer(row, "next_at") },
    notedUntil: integer(row, "noted_until"),
  };
}

const selectOne = `select ${placeColumns} from ampho_guess_places where place = ?`;

/** As it is, or empty when there is none. Sent ahead. */
export function* sendPlace(place: string): Work<() => Work<PlaceRow>> {
  const sent = yield* ahead(selectOne, [place]);
  return function* read() {
    const row = yield* answerTo(sent);
    return row ? placeRowOf(row) : { place, state: emptyPlace, notedUntil: 0 };
  };
}

/** Makes the row if there is none; until the transaction ends no other may change it. Sent ahead. */
export function* sendPlaceHold(place: string, now: number): Work<() => Work<PlaceRow>> {
  const sent = yield* ahead(
    `insert into ampho_guess_places (${placeColumns}, touched_at) values (?, '[]', 0, 0, 0, ?)
     on conflict (place) do update set place = excluded.place returning ${placeColumns}`,
    [place, now],
  );
  return function* read() {
    const row = yield* answerTo(sent);
    if (!row) throw new TypeError("a row that was just made is not there");
    return placeRowOf(row);
  };
}

/** The same without making one. Sent ahead. */
export function* sendPlaceHoldIfThere(place: string): Work<() => Work<PlaceRow | undefined>> {
  const sent = yield* ahead(selectOne, [place], "update");
  return function* read() {
    const row = yield* answerTo(sent);
    return row && placeRowOf(row);
  };
}

/** The same, and asked for at once. */
export function* holdPlaceIfThere(place: string): Work<PlaceRow | undefined> {
  const read = yield* sendPlaceHoldIfThere(place);
  return yield* read();
}

export function* writePlace({ place, state }: PlaceRow, now: number): Work<void> {
  if (isUnused(state)) {
    yield* write("delete from ampho_guess_places where place = ?", [place]);
    return;
  }
  const { entries, level, nextAt } = state;
  const tuples = entries.map(({ subject, failedUntil, pending, pendingUntil }) => [
    ...[subject, failedUntil],
    ...[pending, pendingUntil],
  ]);
  yield* write("update ampho_guess_places set entries = ?, level = ?, next_at = ?, touched_at = ? where place = ?", [
    JSON.stringify(tuples),
    level,
    nextAt,
    now,
    place,
  ]);
}

export function* noteAtPlace({ place, notedUntil }: PlaceRow): Work<void> {
  yield* write("update ampho_guess_places set noted_until = ? where place = ?", [notedUntil, place]);
}

function entriesOf(json: string): readonly PlaceEntry[] {
  return tuplesOf(json, "entries").map(([subject, ...numbers]) => {
    const [failedUntil, pending, pendingUntil] = numbers.map((value) =>
      typeof value === "number" && Number.isSafeInteger(value) ? value : undefined,
    );
    if (typeof subject !== "string" || failedUntil === undefined || pending === undefined || pendingUntil === undefined)
      return wrong("entries");
    return { subject, failedUntil, pending, pendingUntil };
  });
}
