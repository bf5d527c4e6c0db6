// Attempts: a try is taken from every counter before its password is looked at, and settled afterwards (docs/throttling.md).
// All that a step reads or holds is sent in one turn, in that order: on PostgreSQL each turn is a way there and back.
// Rows are always held in one order, sources before counters and those by their keys, so that no two transactions wait for
// each other in a circle. In one file, long as it is: the order of locks is one thing, and is read in one source.

import {
  type CounterLimits,
  counterAt,
  failAttempt,
  type Judgement,
  judgeCounter,
  resetStreak,
  returnAttempt,
  succeedAttempt,
  takeAttempt,
} from "../../throttle/attempt-counter.js";
import { skewMaxSeconds } from "../../throttle/clock-skew.js";
import {
  failAttemptAt,
  judgeSource,
  returnAttemptAt,
  type SourceLimits,
  sourceAt,
  succeedAttemptAt,
  takeAttemptAt,
} from "../../throttle/source-limit.js";
import type {
  Attempt,
  AttemptCounter,
  AttemptOutcome,
  AttemptVerdict,
  AuditEntry,
  Origin,
  SourceLimit,
} from "../store.js";
import { first, type Transaction, text } from "../transaction.js";
import {
  type AttemptCounterRow,
  flagCounterRecorded,
  lockCounterIfPresent,
  sendCounter,
  sendCounterLock,
  sendCounterLockIfPresent,
  writeCounter,
} from "./attempt-counters.js";
import {
  flagSourceRecorded,
  lockSourceIfPresent,
  type SourceRow,
  sendSource,
  sendSourceLock,
  sendSourceLockIfPresent,
  writeSource,
} from "./attempt-sources.js";
import { recordAudit } from "./audit.js";

type Admission = Attempt & {
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

export function* admitAttempt(input: Admission): Transaction<AttemptVerdict> {
  const { now, subject } = input;
  // Most attempts of an attack end here, with nothing written.
  const seen = yield* judgeAll(input, sendSource, sendCounter);
  const refusal = yield* refuse(input, seen);
  if (refusal) return refusal;
  if (isPending(seen)) return { outcome: "pending" };

  const held = yield* judgeAll(
    input,
    (source) => sendSourceLock(source, now),
    (counter) => sendCounterLock(counter, now),
  );
  // Where transactions run side by side, another may have come between.
  const admitted = [...held.sources, ...held.counters].every(({ judgement }) => judgement.outcome === "admitted");
  for (const { row } of held.sources)
    yield* writeSource(admitted ? { ...row, state: takeAttemptAt(row.state, subject, now) } : row, now);
  for (const { row } of held.counters)
    yield* writeCounter(admitted ? { ...row, counter: takeAttempt(row.counter, now) } : row, now);
  return { outcome: admitted ? "admitted" : "pending" };
}

interface AllJudged {
  readonly sources: readonly Judged<SourceLimit, SourceRow>[];
  readonly counters: readonly Judged<AttemptCounter, AttemptCounterRow>[];
}

function* judgeAll(
  input: Admission,
  sendOfSource: (source: string) => Transaction<() => Transaction<SourceRow>>,
  sendOfCounter: (counter: AttemptCounter) => Transaction<() => Transaction<AttemptCounterRow>>,
): Transaction<AllJudged> {
  const { now, subject } = input;
  const sentSources: (readonly [SourceLimit, () => Transaction<SourceRow>])[] = [];
  const sentCounters: (readonly [AttemptCounter, () => Transaction<AttemptCounterRow>])[] = [];
  for (const of of input.sources) sentSources.push([of, yield* sendOfSource(of.source)]);
  for (const of of [...input.counters].sort(byKey)) sentCounters.push([of, yield* sendOfCounter(of)]);

  const sources: Judged<SourceLimit, SourceRow>[] = [];
  for (const [of, read] of sentSources) {
    const limits = sourceLimits(of, input);
    const found = yield* read();
    const row = { ...found, state: sourceAt(found.state, limits, now) };
    sources.push({ of, row, judgement: judgeSource(row.state, subject, limits, now) });
  }
  const counters: Judged<AttemptCounter, AttemptCounterRow>[] = [];
  for (const [of, read] of sentCounters) {
    const limits = counterLimits(of, input);
    const found = yield* read();
    const row = { ...found, counter: counterAt(found.counter, limits, now) };
    counters.push({ of, row, judgement: judgeCounter(row.counter, limits, now) });
  }
  return { sources, counters };
}

function isPending({ sources, counters }: AllJudged): boolean {
  return [...sources, ...counters].some(({ judgement }) => judgement.outcome === "pending");
}

/** The longest of the waits, if there is any, recorded where it was not yet. */
function* refuse(input: Admission, { sources, counters }: AllJudged): Transaction<AttemptVerdict | undefined> {
  let longest: Extract<AttemptVerdict, { outcome: "refused" }> | undefined;
  for (const { row, judgement } of sources) {
    if (judgement.outcome !== "refused") continue;
    if (!longest || judgement.retryAfterSeconds > longest.retryAfterSeconds) longest = { ...judgement, by: "source" };
    yield* noteSource(input, row);
  }
  for (const { of, row, judgement } of counters) {
    if (judgement.outcome !== "refused") continue;
    if (!longest || judgement.retryAfterSeconds > longest.retryAfterSeconds) longest = { ...judgement, by: of.kind };
    yield* noteCounter(input, row, judgement.locked);
  }
  return longest;
}

function* noteSource(input: Admission, row: SourceRow): Transaction<void> {
  const { now, windowSeconds } = input;
  if (isNotedAt(row.notedUntil, input)) return;
  // Another refusal at the same moment may have noted it since.
  const held = yield* lockSourceIfPresent(row.source);
  if (!held || isNotedAt(held.notedUntil, input)) return;
  yield* flagSourceRecorded({ ...row, notedUntil: now + windowSeconds });
  const login = yield* findLogin(input.canonical);
  yield* recordAudit({ ...entry(input), login, reason: "source", detail: { source: row.source } });
}

/** An attack from many addresses is told by its first ones: the log must not grow with it. */
const notedMax = 20;

function* noteCounter(input: Admission, row: AttemptCounterRow, locked: boolean): Transaction<void> {
  const { now, windowSeconds, origin } = input;
  const from = input.sources.at(-1)?.source ?? origin.address ?? "";
  const isFull = (noted: readonly string[]) => noted.includes(from) || noted.length >= notedMax;
  if (isFull(notedOf(row, input))) return;
  // Another refusal at the same moment may have noted it since.
  const held = yield* lockCounterIfPresent(row.key);
  const before = held ? notedOf(held, input) : [];
  if (!held || isFull(before)) return;
  // Asked in any case: what is known of an account must not shorten a refusal.
  const found = yield* findLogin(input.canonical);
  const login = row.login ?? found;
  yield* flagCounterRecorded({
    ...row,
    login: login ?? null,
    noted: [...before, from],
    notedUntil: before.length === 0 ? now + windowSeconds : held.notedUntil,
  });
  yield* recordAudit({ ...entry(input), login, reason: locked ? "locked" : row.kind });
}

function notedOf({ noted, notedUntil }: AttemptCounterRow, input: Admission): readonly string[] {
  return isNotedAt(notedUntil, input) ? noted : [];
}

function isNotedAt(notedUntil: number, { now, windowSeconds }: Admission): boolean {
  return now < notedUntil && notedUntil <= now + windowSeconds + skewMaxSeconds;
}

function entry({ now, event, origin }: Admission) {
  return { at: now, event, origin } as const;
}

/** As its user spells it; undefined where no account has it: people type passwords there. */
function* findLogin(canonical: string): Transaction<string | undefined> {
  const row = yield* first("select login from ampho_users where canonical = ?", [canonical]);
  return row && text(row, "login");
}

export type Settlement = Attempt & {
  readonly outcome: AttemptOutcome;
  readonly now: number;
  readonly login: string | undefined;
  readonly audit: AuditEntry | undefined;
};

export function* settleAttempt(input: Settlement): Transaction<void> {
  const { outcome, now, subject } = input;
  const counted = new Map(input.counters.map((of) => [of.key, of]));
  const pardoned = outcome === "succeeded" ? input.alsoReset : [];
  const makes = outcome === "failed";
  const sources: (readonly [SourceLimit, () => Transaction<SourceRow | undefined>])[] = [];
  const counters: (readonly [AttemptCounter | undefined, () => Transaction<AttemptCounterRow | undefined>])[] = [];
  for (const of of input.sources)
    sources.push([of, makes ? yield* sendSourceLock(of.source, now) : yield* sendSourceLockIfPresent(of.source)]);
  for (const key of [...new Set([...counted.keys(), ...pardoned])].sort()) {
    const of = counted.get(key);
    counters.push([of, of && makes ? yield* sendCounterLock(of, now) : yield* sendCounterLockIfPresent(key)]);
  }

  for (const [of, read] of sources) {
    const limits = sourceLimits(of, input);
    const row = yield* read();
    if (!row) continue;
    const state = sourceAt(row.state, limits, now);
    const settled = {
      failed: () => failAttemptAt(state, subject, limits, now),
      succeeded: () => succeedAttemptAt(state, subject),
      returned: () => returnAttemptAt(state, subject),
    }[outcome]();
    yield* writeSource({ ...row, state: settled }, now);
  }
  for (const [of, read] of counters) {
    const row = yield* read();
    if (row && of) yield* settleCounter(of, row, input);
    else if (row) yield* pardonCounter(row, now);
  }
  if (input.audit) yield* recordAudit(input.audit);
}

function* settleCounter(of: AttemptCounter, row: AttemptCounterRow, input: Settlement): Transaction<void> {
  const { outcome, from, now, login } = input;
  const limits = counterLimits(of, input);
  const counter = counterAt(row.counter, limits, now);
  const settled = {
    failed: () => failAttempt(counter, from, limits, now),
    succeeded: () => succeedAttempt(counter, from, limits),
    returned: () => returnAttempt(counter),
  }[outcome]();
  yield* writeCounter({ ...row, login: login ?? row.login, counter: settled }, now);
}

function* pardonCounter(row: AttemptCounterRow, now: number): Transaction<void> {
  if (row.counter.streak > 0) yield* writeCounter({ ...row, counter: resetStreak(row.counter) }, now);
}

/** For the purposes that a right attempt leads to. */
export function* settleSucceeded(
  attempt: Attempt | undefined,
  outcome: "succeeded" | "failed",
  now: number,
  login: string | undefined,
): Transaction<void> {
  if (attempt) yield* settleAttempt({ ...attempt, outcome, now, login, audit: undefined });
}

function byKey(a: AttemptCounter, b: AttemptCounter): number {
  return a.key < b.key ? -1 : 1;
}

function counterLimits({ freeAttempts }: AttemptCounter, { windowSeconds, lockAfter }: Attempt): CounterLimits {
  return { freeAttempts, windowSeconds, lockAfter };
}

function sourceLimits({ logins }: SourceLimit, { windowSeconds }: Attempt): SourceLimits {
  return { logins, windowSeconds };
}
