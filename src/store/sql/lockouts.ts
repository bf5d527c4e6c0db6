// What keeps the tables of guesses small, and what operators see and clear.
import { placeAt } from "../../throttle/source-limit.js";
import type { HeldBack, HeldBackTarget, Origin } from "../store.js";
import { first, integer, query, type SqlValue, text, type Work } from "../transaction.js";
import { recordAudit } from "./audit.js";
import { type CounterRow, counterColumns, counterRowOf } from "./attempt-counters.js";
import { type PlaceRow, placeColumns, placeRowOf } from "./attempt-sources.js";
import { removeFree } from "./old-rows.js";

/** None has to wait for many. */
const removedAtOnce = 500;

const tables = [
  { name: "ampho_guesses", key: "key" },
  { name: "ampho_guess_places", key: "place" },
] as const;

export function* sweepGuesses({ rowsMax }: { readonly rowsMax: number }): Work<{ readonly more: boolean }> {
  let more = false;
  for (const { name, key } of tables) {
    const row = yield* first(`select count(*) as rows from ${name}`);
    const excess = row ? integer(row, "rows") - rowsMax : 0;
    // The oldest, whatever they count: were light ones to go before heavy ones, a table full of heavy ones would make
    // every new count go at once. So it takes `rowsMax` later failures to wipe out one count.
    const oldest = `select ${key} from ${name} order by touched_at limit ?`;
    const removed = yield* removeFree(name, key, oldest, [Math.min(Math.max(excess, 0), removedAtOnce)]);
    more ||= removed > 0 && removed < excess;
  }
  return { more };
}

export function* listHeldBack(input: {
  readonly now: number;
  readonly windowSeconds: number;
  readonly lockAfter: number;
  readonly limit: number;
  readonly origin: Origin;
}): Work<readonly HeldBack[]> {
  const { now, windowSeconds, lockAfter, limit, origin } = input;
  const counters = yield* query(
    `select ${counterColumns} from ampho_guesses where streak >= ? or next_at > ? order by streak desc, key limit ?`,
    [lockAfter, now, limit],
  );
  const places = yield* query(
    `select ${placeColumns} from ampho_guess_places where next_at > ? order by next_at desc, place limit ?`,
    [now, limit],
  );
  yield* recordAudit({ at: now, event: "throttle_listed", origin });
  const untilOf = ({ until }: HeldBack) => until ?? Number.POSITIVE_INFINITY;
  return [
    ...counters.map((row) => heldCounter(counterRowOf(row), lockAfter)),
    ...places.map((row) => heldPlace(placeRowOf(row), windowSeconds, now)),
  ]
    .sort((a, b) => (untilOf(a) === untilOf(b) ? 0 : untilOf(b) - untilOf(a)))
    .slice(0, limit);
}

function heldCounter({ kind, login, counter }: CounterRow, lockAfter: number): HeldBack {
  const locked = counter.streak >= lockAfter;
  return { kind, login, place: null, failures: counter.streak, locked, until: locked ? null : counter.nextAt };
}

function heldPlace({ place, state }: PlaceRow, windowSeconds: number, now: number): HeldBack {
  const { entries, nextAt } = placeAt(state, { logins: 1, windowSeconds }, now);
  return { kind: "place", login: null, place, failures: entries.length, locked: false, until: nextAt };
}

export function* clearHeldBack(input: {
  readonly target: HeldBackTarget;
  readonly now: number;
  readonly origin: Origin;
}): Work<number> {
  const { target, now, origin } = input;
  const audit = { at: now, event: "throttle_cleared", origin } as const;
  if ("canonical" in target) {
    const user = yield* first("select login from ampho_users where canonical = ?", [target.canonical]);
    const login = user && text(user, "login");
    // A counter says the login as its user did, who may be gone, or of an application's table: nothing here knows that spelling.
    const rows = yield* remove("ampho_guesses where login in (?, ?) or lower(login) = ? returning key", [
      target.login,
      login ?? target.canonical,
      target.canonical,
    ]);
    yield* recordAudit({ ...audit, login, reason: "login", detail: { rows } });
    return rows;
  }
  if ("places" in target) {
    let rows = 0;
    for (const place of target.places)
      rows += yield* remove("ampho_guess_places where place = ? returning place", [place]);
    yield* recordAudit({ ...audit, reason: "place", detail: { rows, places: target.places } });
    return rows;
  }
  const places = yield* remove("ampho_guess_places returning place", []);
  const rows = places + (yield* remove("ampho_guesses returning key", []));
  yield* recordAudit({ ...audit, reason: "all", detail: { rows } });
  return rows;
}

function* remove(what: string, parameters: readonly SqlValue[]): Work<number> {
  return (yield* query(`delete from ${what}`, parameters)).length;
}
