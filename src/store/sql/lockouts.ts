// What keeps the tables of attempts small, and what operators see and clear.
import { sourceAt } from "../../throttle/source-limit.js";
import type { Lockout, LockoutTarget, Origin } from "../store.js";
import { first, integer, query, type SqlValue, type Transaction, text } from "../transaction.js";
import { type AttemptCounterRow, counterColumns, counterRowOf } from "./attempt-counters.js";
import { type SourceRow, sourceColumns, sourceRowOf } from "./attempt-sources.js";
import { recordAudit } from "./audit.js";
import { deleteUnlocked } from "./old-rows.js";

/** None has to wait for many. */
const removedAtOnce = 500;

const tables = [
  { name: "ampho_attempts", key: "key" },
  { name: "ampho_attempt_sources", key: "source" },
] as const;

export function* pruneAttempts({ rowsMax }: { readonly rowsMax: number }): Transaction<{ readonly more: boolean }> {
  let more = false;
  for (const { name, key } of tables) {
    const row = yield* first(`select count(*) as rows from ${name}`);
    const excess = row ? integer(row, "rows") - rowsMax : 0;
    // The oldest, whatever they count: were light ones to go before heavy ones, a table full of heavy ones would make
    // every new count go at once. So it takes `rowsMax` later failures to wipe out one count.
    const oldest = `select ${key} from ${name} order by touched_at limit ?`;
    const removed = yield* deleteUnlocked(name, key, oldest, [Math.min(Math.max(excess, 0), removedAtOnce)]);
    more ||= removed > 0 && removed < excess;
  }
  return { more };
}

export function* listLockouts(input: {
  readonly now: number;
  readonly windowSeconds: number;
  readonly lockAfter: number;
  readonly limit: number;
  readonly origin: Origin;
}): Transaction<readonly Lockout[]> {
  const { now, windowSeconds, lockAfter, limit, origin } = input;
  const counters = yield* query(
    `select ${counterColumns} from ampho_attempts where streak >= ? or next_at > ? order by streak desc, key limit ?`,
    [lockAfter, now, limit],
  );
  const sources = yield* query(
    `select ${sourceColumns} from ampho_attempt_sources where next_at > ? order by next_at desc, source limit ?`,
    [now, limit],
  );
  yield* recordAudit({ at: now, event: "throttle_listed", origin });
  const untilOf = ({ until }: Lockout) => until ?? Number.POSITIVE_INFINITY;
  return [
    ...counters.map((row) => heldCounter(counterRowOf(row), lockAfter)),
    ...sources.map((row) => heldSource(sourceRowOf(row), windowSeconds, now)),
  ]
    .sort((a, b) => (untilOf(a) === untilOf(b) ? 0 : untilOf(b) - untilOf(a)))
    .slice(0, limit);
}

function heldCounter({ kind, login, counter }: AttemptCounterRow, lockAfter: number): Lockout {
  const locked = counter.streak >= lockAfter;
  return { kind, login, source: null, failures: counter.streak, locked, until: locked ? null : counter.nextAt };
}

function heldSource({ source, state }: SourceRow, windowSeconds: number, now: number): Lockout {
  const { entries, nextAt } = sourceAt(state, { logins: 1, windowSeconds }, now);
  return { kind: "source", login: null, source, failures: entries.length, locked: false, until: nextAt };
}

export function* clearLockouts(input: {
  readonly target: LockoutTarget;
  readonly now: number;
  readonly origin: Origin;
}): Transaction<number> {
  const { target, now, origin } = input;
  const audit = { at: now, event: "throttle_cleared", origin } as const;
  if ("canonical" in target) {
    const user = yield* first("select login from ampho_users where canonical = ?", [target.canonical]);
    const login = user && text(user, "login");
    // A counter says the login as its user did, who may be gone, or of an application's table: nothing here knows that spelling.
    const rows = yield* remove("ampho_attempts where login in (?, ?) or lower(login) = ? returning key", [
      target.login,
      login ?? target.canonical,
      target.canonical,
    ]);
    yield* recordAudit({ ...audit, login, reason: "login", detail: { rows } });
    return rows;
  }
  if ("sources" in target) {
    let rows = 0;
    for (const source of target.sources)
      rows += yield* remove("ampho_attempt_sources where source = ? returning source", [source]);
    yield* recordAudit({ ...audit, reason: "source", detail: { rows, sources: target.sources } });
    return rows;
  }
  const sources = yield* remove("ampho_attempt_sources returning source", []);
  const rows = sources + (yield* remove("ampho_attempts returning key", []));
  yield* recordAudit({ ...audit, reason: "all", detail: { rows } });
  return rows;
}

function* remove(what: string, parameters: readonly SqlValue[]): Transaction<number> {
  return (yield* query(`delete from ${what}`, parameters)).length;
}
