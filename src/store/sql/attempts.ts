// Guesses: a try is taken from every counter before its password is looked at, and settled afterwards (docs/throttling.md).
// All that a step reads or holds is sent in one turn, in that order: on PostgreSQL each turn is a way there and back.
// Rows are always held in one order, places before counters and those by their keys, so that no two transactions wait for
// each other in a circle. In one file, long as it is: the order of locks is one thing, and is read in one place.
import { skewMaxSeconds } from "../../throttle/clock-skew.js";
import {
  type CounterLimits,
  counterAt,
  failTry,
  type Judgement,
  judgeCounter,
  pardon,
  returnTry,
  succeedTry,
  takeTry,
} from "../../throttle/attempt-counter.js";
import {
  failTryAt,
  judgePlace,
  type PlaceLimits,
  placeAt,
  returnTryAt,
  succeedTryAt,
  takeTryAt,
} from "../../throttle/source-limit.js";
import type { AuditEntry, Guess, GuessCounter, GuessOutcome, GuessPlace, GuessVerdict, Origin } from "../store.js";
import { first, text, type Work } from "../transaction.js";
import { recordAudit } from "./audit.js";
import {
  type CounterRow,
  holdCounterIfThere,
  noteAtCounter,
  sendCounter,
  sendCounterHold,
  sendCounterHoldIfThere,
  writeCounter,
} from "./attempt-counters.js";
import {
  holdPlaceIfThere,
  noteAtPlace,
  type PlaceRow,
  sendPlace,
  sendPlaceHold,
  sendPlaceHoldIfThere,
  writePlace,
} from "./attempt-sources.js";

type Admission = Guess & {
  readonly now: number;
  readonly origin: Origin;
  readonly event: "login_throttled" | "password_throttled";
  readonly canonical: string;
};

interface Judged<D, R> {
  readonly of: D;
  readonly row: R;
  readonly judgement: Judgement;
}

export function* admitGuess(input: Admission): Work<GuessVerdict> {
  const { now, subject } = input;
  // Most guesses of an attack end here, with nothing written.
  const seen = yield* judgeAll(input, sendPlace, sendCounter);
  const refusal = yield* refuse(input, seen);
  if (refusal) return refusal;
  if (isPending(seen)) return { outcome: "pending" };

  const held = yield* judgeAll(
    input,
    (place) => sendPlaceHold(place, now),
    (counter) => sendCounterHold(counter, now),
  );
  // Where transactions run side by side, another may have come between.
  const admitted = [...held.places, ...held.counters].every(({ judgement }) => judgement.outcome === "admitted");
  for (const { row } of held.places)
    yield* writePlace(admitted ? { ...row, state: takeTryAt(row.state, subject, now) } : row, now);
  for (const { row } of held.counters)
    yield* writeCounter(admitted ? { ...row, counter: takeTry(row.counter, now) } : row, now);
  return { outcome: admitted ? "admitted" : "pending" };
}

interface AllJudged {
  readonly places: readonly Judged<GuessPlace, PlaceRow>[];
  readonly counters: readonly Judged<GuessCounter, CounterRow>[];
}

function* judgeAll(
  input: Admission,
  sendOfPlace: (place: string) => Work<() => Work<PlaceRow>>,
  sendOfCounter: (counter: GuessCounter) => Work<() => Work<CounterRow>>,
): Work<AllJudged> {
  const { now, subject } = input;
  const sentPlaces: (readonly [GuessPlace, () => Work<PlaceRow>])[] = [];
  const sentCounters: (readonly [GuessCounter, () => Work<CounterRow>])[] = [];
  for (const of of input.places) sentPlaces.push([of, yield* sendOfPlace(of.place)]);
  for (const of of [...input.counters].sort(byKey)) sentCounters.push([of, yield* sendOfCounter(of)]);

  const places: Judged<GuessPlace, PlaceRow>[] = [];
  for (const [of, read] of sentPlaces) {
    const limits = placeLimits(of, input);
    const found = yield* read();
    const row = { ...found, state: placeAt(found.state, limits, now) };
    places.push({ of, row, judgement: judgePlace(row.state, subject, limits, now) });
  }
  const counters: Judged<GuessCounter, CounterRow>[] = [];
  for (const [of, read] of sentCounters) {
    const limits = counterLimits(of, input);
    const found = yield* read();
    const row = { ...found, counter: counterAt(found.counter, limits, now) };
    counters.push({ of, row, judgement: judgeCounter(row.counter, limits, now) });
  }
  return { places, counters };
}

function isPending({ places, counters }: AllJudged): boolean {
  return [...places, ...counters].some(({ judgement }) => judgement.outcome === "pending");
}

/** The longest of the waits, if there is any, recorded where it was not yet. */
function* refuse(input: Admission, { places, counters }: AllJudged): Work<GuessVerdict | undefined> {
  let longest: Extract<GuessVerdict, { outcome: "refused" }> | undefined;
  for (const { row, judgement } of places) {
    if (judgement.outcome !== "refused") continue;
    if (!longest || judgement.retryAfterSeconds > longest.retryAfterSeconds) longest = { ...judgement, by: "place" };
    yield* notePlace(input, row);
  }
  for (const { of, row, judgement } of counters) {
    if (judgement.outcome !== "refused") continue;
    if (!longest || judgement.retryAfterSeconds > longest.retryAfterSeconds) longest = { ...judgement, by: of.kind };
    yield* noteCounter(input, row, judgement.locked);
  }
  return longest;
}

function* notePlace(input: Admission, row: PlaceRow): Work<void> {
  const { now, windowSeconds } = input;
  if (isNotedAt(row.notedUntil, input)) return;
  // Another refusal at the same moment may have noted it since.
  const held = yield* holdPlaceIfThere(row.place);
  if (!held || isNotedAt(held.notedUntil, input)) return;
  yield* noteAtPlace({ ...row, notedUntil: now + windowSeconds });
  const login = yield* findLogin(input.canonical);
  yield* recordAudit({ ...entry(input), login, reason: "place", detail: { place: row.place } });
}

/** An attack from many addresses is told by its first ones: the log must not grow with it. */
const notedMax = 20;

function* noteCounter(input: Admission, row: CounterRow, locked: boolean): Work<void> {
  const { now, windowSeconds, origin } = input;
  const from = input.places.at(-1)?.place ?? origin.address ?? "";
  const isFull = (noted: readonly string[]) => noted.includes(from) || noted.length >= notedMax;
  if (isFull(notedOf(row, input))) return;
  // Another refusal at the same moment may have noted it since.
  const held = yield* holdCounterIfThere(row.key);
  const before = held ? notedOf(held, input) : [];
  if (!held || isFull(before)) return;
  // Asked in any case: what is known of an account must not shorten a refusal.
  const found = yield* findLogin(input.canonical);
  const login = row.login ?? found;
  yield* noteAtCounter({
    ...row,
    login: login ?? null,
    noted: [...before, from],
    notedUntil: before.length === 0 ? now + windowSeconds : held.notedUntil,
  });
  yield* recordAudit({ ...entry(input), login, reason: locked ? "locked" : row.kind });
}

function notedOf({ noted, notedUntil }: CounterRow, input: Admission): readonly string[] {
  return isNotedAt(notedUntil, input) ? noted : [];
}

function isNotedAt(notedUntil: number, { now, windowSeconds }: Admission): boolean {
  return now < notedUntil && notedUntil <= now + windowSeconds + skewMaxSeconds;
}

function entry({ now, event, origin }: Admission) {
  return { at: now, event, origin } as const;
}

/** As its user spells it; undefined where no account has it: people type passwords there. */
function* findLogin(canonical: string): Work<string | undefined> {
  const row = yield* first("select login from ampho_users where canonical = ?", [canonical]);
  return row && text(row, "login");
}

export type Settlement = Guess & {
  readonly outcome: GuessOutcome;
  readonly now: number;
  readonly login: string | undefined;
  readonly audit: AuditEntry | undefined;
};

export function* settleGuess(input: Settlement): Work<void> {
  const { outcome, now, subject } = input;
  const counted = new Map(input.counters.map((of) => [of.key, of]));
  const pardoned = outcome === "succeeded" ? input.pardons : [];
  const makes = outcome === "failed";
  const places: (readonly [GuessPlace, () => Work<PlaceRow | undefined>])[] = [];
  const counters: (readonly [GuessCounter | undefined, () => Work<CounterRow | undefined>])[] = [];
  for (const of of input.places)
    places.push([of, makes ? yield* sendPlaceHold(of.place, now) : yield* sendPlaceHoldIfThere(of.place)]);
  for (const key of [...new Set([...counted.keys(), ...pardoned])].sort()) {
    const of = counted.get(key);
    counters.push([of, of && makes ? yield* sendCounterHold(of, now) : yield* sendCounterHoldIfThere(key)]);
  }

  for (const [of, read] of places) {
    const limits = placeLimits(of, input);
    const row = yield* read();
    if (!row) continue;
    const state = placeAt(row.state, limits, now);
    const settled = {
      failed: () => failTryAt(state, subject, limits, now),
      succeeded: () => succeedTryAt(state, subject),
      returned: () => returnTryAt(state, subject),
    }[outcome]();
    yield* writePlace({ ...row, state: settled }, now);
  }
  for (const [of, read] of counters) {
    const row = yield* read();
    if (row && of) yield* settleCounter(of, row, input);
    else if (row) yield* pardonCounter(row, now);
  }
  if (input.audit) yield* recordAudit(input.audit);
}

function* settleCounter(of: GuessCounter, row: CounterRow, input: Settlement): Work<void> {
  const { outcome, from, now, login } = input;
  const limits = counterLimits(of, input);
  const counter = counterAt(row.counter, limits, now);
  const settled = {
    failed: () => failTry(counter, from, limits, now),
    succeeded: () => succeedTry(counter, from, limits),
    returned: () => returnTry(counter),
  }[outcome]();
  yield* writeCounter({ ...row, login: login ?? row.login, counter: settled }, now);
}

function* pardonCounter(row: CounterRow, now: number): Work<void> {
  if (row.counter.streak > 0) yield* writeCounter({ ...row, counter: pardon(row.counter) }, now);
}

/** For the purposes that a right guess leads to. */
export function* settleRight(
  guess: Guess | undefined,
  outcome: "succeeded" | "failed",
  now: number,
  login: string | undefined,
): Work<void> {
  if (guess) yield* settleGuess({ ...guess, outcome, now, login, audit: undefined });
}

function byKey(a: GuessCounter, b: GuessCounter): number {
  return a.key < b.key ? -1 : 1;
}

function counterLimits({ tries }: GuessCounter, { windowSeconds, lockAfter }: Guess): CounterLimits {
  return { tries, windowSeconds, lockAfter };
}

function placeLimits({ logins }: GuessPlace, { windowSeconds }: Guess): PlaceLimits {
  return { logins, windowSeconds };
}
