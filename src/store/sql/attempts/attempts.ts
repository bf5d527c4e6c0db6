// Attempts: one is taken from every counter and source before its password is checked, and settled afterwards
// (docs/operate/throttling.md). Each step sends all its reads or locks in one turn, for one round trip.
//
// Rows are always locked in one order, sources before counters and counters by their keys, so that no two transactions
// wait for each other in a circle. The file is long because the order of locks must be read in one place.
import type { AuditEntry } from "../../../audit/entry.js";
import type {
  Attempt,
  AttemptCounter,
  AttemptOutcome,
  AttemptRequest,
  AttemptVerdict,
  NamedAccount,
  Settlement,
  SourceLimit,
} from "../../../throttle/attempt.js";
import * as counting from "../../../throttle/attempt-counter.js";
import * as limiting from "../../../throttle/source-limit.js";
import { text } from "../../rows.js";
import { first, type Transaction } from "../../transaction.js";
import { recordAudit } from "../rows/audit.js";
import { sendIsSpent, spend } from "../rows/spent.js";
import * as counterRows from "./attempt-counters.js";
import * as sourceRows from "./attempt-sources.js";

interface Judged<L, R> {
  readonly limited: L;
  readonly row: R;
  readonly judgement: counting.Judgement;
}

/** Reads a row that was asked for before. */
type Read<R> = () => Transaction<R>;

interface AllJudged {
  readonly sources: readonly Judged<SourceLimit, sourceRows.SourceRow>[];
  readonly counters: readonly Judged<AttemptCounter, counterRows.AttemptCounterRow>[];
}

/** Takes one attempt from every counter and source, or from none, however many callers ask at once. */
export function* allowAttempt(input: AttemptRequest): Transaction<AttemptVerdict> {
  const { now, subject } = input;
  const readSpent = input.transaction === undefined ? undefined : yield* sendIsSpent(input.transaction);
  // Most attempts of an attack end here, and nothing is written.
  const seen = yield* judgeAll(input, sourceRows.sendSource, counterRows.sendCounter);
  if (readSpent && (yield* readSpent())) return { outcome: "over", by: "transaction" };
  const rejection = yield* findRejection(input, seen);
  if (rejection) return overBy(seen) ?? rejection;
  if (isPending(seen)) return { outcome: "pending" };

  const locked = yield* judgeAll(
    input,
    (source) => sourceRows.sendSourceLock(source, now),
    (counter) => counterRows.sendCounterLock(counter, now),
  );
  // On PostgreSQL another transaction can have come between the read and the lock.
  const allowed = [...locked.sources, ...locked.counters].every(({ judgement }) => judgement.outcome === "allowed");
  const spends = allowed ? input.bought?.spends : undefined;
  if (spends && !(yield* spend({ ...spends, idempotency: undefined }, now))) return { outcome: "captcha_used" };
  for (const { row } of locked.sources)
    yield* sourceRows.writeSource(
      allowed ? { ...row, state: limiting.takeAttemptAt(row.state, subject, now) } : row,
      now,
    );
  for (const { row } of locked.counters)
    yield* counterRows.writeCounter(allowed ? { ...row, counter: counting.takeAttempt(row.counter, now) } : row, now);
  return { outcome: allowed ? "allowed" : "pending" };
}

function* judgeAll(
  input: AttemptRequest,
  sendOfSource: (source: string) => Transaction<Read<sourceRows.SourceRow>>,
  sendOfCounter: (counter: AttemptCounter) => Transaction<Read<counterRows.AttemptCounterRow>>,
): Transaction<AllJudged> {
  const { now, subject } = input;
  const sentSources: (readonly [SourceLimit, Read<sourceRows.SourceRow>])[] = [];
  const sentCounters: (readonly [AttemptCounter, Read<counterRows.AttemptCounterRow>])[] = [];
  for (const limited of input.sources) sentSources.push([limited, yield* sendOfSource(limited.source)]);
  for (const limited of [...input.counters].sort(byKey)) sentCounters.push([limited, yield* sendOfCounter(limited)]);

  const sources: Judged<SourceLimit, sourceRows.SourceRow>[] = [];
  for (const [limited, read] of sentSources) {
    const limits = sourceLimits(limited, input);
    const found = yield* read();
    const row = { ...found, state: limiting.sourceAt(found.state, limits, now) };
    sources.push({ limited, row, judgement: limiting.judgeSource(row.state, subject, limits, now) });
  }
  const counters: Judged<AttemptCounter, counterRows.AttemptCounterRow>[] = [];
  for (const [limited, read] of sentCounters) {
    const limits = { ...counterLimits(limited, input), isBought: input.bought !== undefined };
    const found = yield* read();
    const row = { ...found, counter: counting.counterAt(found.counter, limits, now) };
    counters.push({ limited, row, judgement: counting.judgeCounter(row.counter, limits, now) });
  }
  return { sources, counters };
}

/** The counter of one transaction allows no more. To wait for another counter is of no use then. */
function overBy({ counters }: AllJudged): AttemptVerdict | undefined {
  for (const { limited, judgement } of counters) {
    const { kind: by } = limited;
    if (judgement.outcome === "rejected" && (by === "transaction" || by === "match")) return { outcome: "over", by };
  }
  return undefined;
}

const isPending = ({ sources, counters }: AllJudged): boolean =>
  [...sources, ...counters].some(({ judgement }) => judgement.outcome === "pending");

/** The rejection with the longest wait, if there is one. Each rejection is recorded if it was not recorded before. */
function* findRejection(
  input: AttemptRequest,
  { sources, counters }: AllJudged,
): Transaction<AttemptVerdict | undefined> {
  let longest: Extract<AttemptVerdict, { outcome: "rejected" }> | undefined;
  for (const { row, judgement } of sources) {
    if (judgement.outcome !== "rejected") continue;
    if (!longest || judgement.retryAfterSeconds > longest.retryAfterSeconds) longest = { ...judgement, by: "source" };
    yield* recordSource(input, row);
  }
  for (const { limited, row, judgement } of counters) {
    if (judgement.outcome !== "rejected") continue;
    if (!longest || judgement.retryAfterSeconds > longest.retryAfterSeconds)
      longest = { ...judgement, by: limited.kind };
    yield* recordCounter(input, row, judgement.locked);
  }
  return longest;
}

function* recordSource(input: AttemptRequest, row: sourceRows.SourceRow): Transaction<void> {
  const { now, windowSeconds } = input;
  if (isRecordedAt(row.recordedUntil, input)) return;
  // Another rejection at the same moment can have recorded it since.
  const locked = yield* sourceRows.lockSourceIfPresent(row.source);
  if (!locked || isRecordedAt(locked.recordedUntil, input)) return;
  yield* sourceRows.writeRecordedUntil({ ...row, recordedUntil: now + windowSeconds });
  const login = yield* findLogin(input.account);
  yield* recordAudit({ ...entry(input), login, reason: "source", detail: { source: row.source } });
}

/** An attack from many addresses is recorded by the first ones, so that the log does not grow with it. */
const recordedMax = 20;

function* recordCounter(
  input: AttemptRequest,
  row: counterRows.AttemptCounterRow,
  isLocked: boolean,
): Transaction<void> {
  const { now, windowSeconds, origin } = input;
  const from = input.sources.at(-1)?.source ?? origin.address ?? "";
  const isFull = (recorded: readonly string[]) => recorded.includes(from) || recorded.length >= recordedMax;
  if (isFull(recordedSourcesOf(row, input))) return;
  // Another rejection at the same moment can have recorded it since.
  const locked = yield* counterRows.lockCounterIfPresent(row.key);
  const before = locked ? recordedSourcesOf(locked, input) : [];
  if (!locked || isFull(before)) return;
  // The look-up is made in any case, so that the time of a rejection does not depend on whether the account is known.
  const found = yield* findLogin(input.account);
  const login = row.login ?? found;
  yield* counterRows.writeRecordedSources({
    ...row,
    login: login ?? null,
    recordedSources: [...before, from],
    recordedUntil: before.length === 0 ? now + windowSeconds : locked.recordedUntil,
  });
  yield* recordAudit({ ...entry(input), login, reason: isLocked ? "locked" : row.kind });
}

const recordedSourcesOf = ({ recordedSources, recordedUntil }: counterRows.AttemptCounterRow, input: AttemptRequest) =>
  isRecordedAt(recordedUntil, input) ? recordedSources : [];

const isRecordedAt = (recordedUntil: number, { now, windowSeconds }: AttemptRequest): boolean =>
  now < recordedUntil && recordedUntil <= now + windowSeconds + counting.skewMaxSeconds;

const entry = ({ now, event, origin }: AttemptRequest) => ({ at: now, event, origin }) as const;

/** As the user spells it. Undefined without an account, because users sometimes type their password there. */
function* findLogin({ login, canonical }: NamedAccount): Transaction<string | undefined> {
  if (login !== undefined || canonical === undefined) return login;
  const row = yield* first("select login from ampho_users where canonical = ?", [canonical]);
  return row && text(row, "login");
}

export function* settleAttempt(input: Settlement): Transaction<void> {
  const { outcome, now, subject } = input;
  const counted = new Map(input.counters.map((counter) => [counter.key, counter]));
  const alsoReset = outcome === "succeeded" ? input.alsoReset : [];
  const inserts = outcome === "failed";
  const sources: (readonly [SourceLimit, Read<sourceRows.SourceRow | undefined>])[] = [];
  const counters: (readonly [AttemptCounter | undefined, Read<counterRows.AttemptCounterRow | undefined>])[] = [];
  const { sendSourceLock, sendSourceLockIfPresent } = sourceRows;
  const { sendCounterLock, sendCounterLockIfPresent } = counterRows;
  for (const each of input.sources) {
    const { source } = each;
    sources.push([each, yield* inserts ? sendSourceLock(source, now) : sendSourceLockIfPresent(source)]);
  }
  for (const key of [...new Set([...counted.keys(), ...alsoReset])].sort()) {
    const each = counted.get(key);
    counters.push([each, yield* each && inserts ? sendCounterLock(each, now) : sendCounterLockIfPresent(key)]);
  }

  for (const [limited, read] of sources) {
    const limits = sourceLimits(limited, input);
    const row = yield* read();
    if (!row) continue;
    const state = limiting.sourceAt(row.state, limits, now);
    const settled = {
      failed: () => limiting.failAttemptAt(state, subject, limits, now),
      succeeded: () => limiting.succeedAttemptAt(state, subject),
      returned: () => limiting.returnAttemptAt(state, subject),
    }[outcome]();
    yield* sourceRows.writeSource({ ...row, state: settled }, now);
  }
  let attacked = false;
  for (const [limited, read] of counters) {
    const row = yield* read();
    if (row && limited) attacked = (yield* settleCounter(limited, row, input)) || attacked;
    else if (row) yield* resetCounter(row, now);
  }
  if (input.audit) yield* recordAudit(input.audit);
  // The user gets a notice, because the first factor was right.
  if (input.audit && attacked) yield* recordAudit({ ...input.audit, event: "factor_attacked", reason: undefined });
}

/** True if this failure is a sign of an attack at second factors. */
function* settleCounter(
  limited: AttemptCounter,
  row: counterRows.AttemptCounterRow,
  input: Settlement,
): Transaction<boolean> {
  const { outcome, from, now, login } = input;
  const limits = counterLimits(limited, input);
  const counter = counting.counterAt(row.counter, limits, now);
  const settled = {
    failed: () => counting.failAttempt(counter, from, limits, now),
    succeeded: () => counting.succeedAttempt(counter, from, limits),
    returned: () => counting.returnAttempt(counter),
  }[outcome]();
  yield* counterRows.writeCounter({ ...row, login: login ?? row.login, counter: settled }, now);
  return limited.kind === "factor" && outcome === "failed" && counting.isAttacked(row.counter, settled, limits);
}

function* resetCounter(row: counterRows.AttemptCounterRow, now: number): Transaction<void> {
  if (row.counter.streak > 0)
    yield* counterRows.writeCounter({ ...row, counter: counting.resetStreak(row.counter) }, now);
}

/** For the transactions that settle an attempt in their own. */
export function* settleIfAny(
  attempt: Attempt | undefined,
  outcome: AttemptOutcome,
  now: number,
  login: string | undefined,
): Transaction<void> {
  if (attempt) yield* settleAttempt({ ...attempt, outcome, now, login, audit: undefined });
}

/** The attempts at the first and at the second factor. */
export interface BothAttempts {
  readonly attempt?: Attempt | undefined;
  readonly factorAttempt?: Attempt | undefined;
  readonly now: number;
}

export function* settleBoth(
  { attempt, factorAttempt, now }: BothAttempts,
  outcome: AttemptOutcome,
  factorOutcome: AttemptOutcome,
  login: string | undefined,
): Transaction<void> {
  yield* settleIfAny(attempt, outcome, now, login);
  yield* settleIfAny(factorAttempt, factorOutcome, now, login);
}

/** The first factor was right and the second one wrong. `audit` is recorded, and the user gets a notice of several. */
export function* settleWrongFactor(
  { attempt, factorAttempt, now }: BothAttempts,
  audit: AuditEntry,
): Transaction<void> {
  yield* settleIfAny(attempt, "succeeded", now, audit.login);
  if (factorAttempt) yield* settleAttempt({ ...factorAttempt, outcome: "failed", now, login: audit.login, audit });
  else yield* recordAudit(audit);
}

const byKey = (a: AttemptCounter, b: AttemptCounter): number => (a.key < b.key ? -1 : 1);

function counterLimits(counter: AttemptCounter, attempt: Attempt): counting.CounterLimits {
  const { freeAttempts, lockAfter = attempt.lockAfter, windowSeconds = attempt.windowSeconds, everySeconds } = counter;
  return { freeAttempts, windowSeconds, lockAfter, everySeconds };
}

function sourceLimits({ logins }: SourceLimit, { windowSeconds }: Attempt): limiting.SourceLimits {
  return { logins, windowSeconds };
}
