// Keeps the tables of attempts small, lists and clears lockouts for operators, and releases those of a former login.
import type { Lockout, LockoutTarget } from "../../../throttle/attempt.js";
import { type CounterRow, counterKinds, isCounterKind } from "../../../throttle/counter-kinds.js";
import { sourceAt } from "../../../throttle/source-limit.js";
import { type SqlValues, text } from "../../rows.js";
import { count, first, query, type Transaction, write } from "../../transaction.js";
import { recordAudit } from "../rows/audit.js";
import { deleteUnlocked } from "../rows/old-rows.js";
import type { Ending } from "../rows/session-rows.js";
import { type AttemptCounterRow, attemptCounters } from "./attempt-counters.js";
import { attemptSources, type SourceRow } from "./attempt-sources.js";

/** Small, so that no attempt waits for many deletions. */
const deletedAtOnce = 500;

const tables = [
  { name: "ampho_attempts", key: "key" },
  { name: "ampho_attempt_sources", key: "source" },
] as const;

/** `more`: rows beyond `rowsMax` are left. */
export function* pruneAttempts({ rowsMax }: { readonly rowsMax: number }): Transaction<{ readonly more: boolean }> {
  let more = false;
  for (const { name, key } of tables) {
    const excess = (yield* count(`select count(*) from ${name}`)) - rowsMax;
    // The oldest rows, whatever they count. If light rows went before heavy ones, a table full of heavy rows would
    // forget every new attack at once. So an attacker needs `rowsMax` later failures to erase one counter.
    const oldest = `select ${key} from ${name} order by touched_at limit ?`;
    const deleted = yield* deleteUnlocked(name, key, oldest, [Math.min(Math.max(excess, 0), deletedAtOnce)]);
    more ||= deleted > 0 && deleted < excess;
  }
  return { more };
}

/** Lists the counters and sources that reject attempts, the longest wait first. Writes an audit row. */
export function* listLockouts(
  input: Ending & { readonly windowSeconds: number; readonly lockAfter: number; readonly limit: number },
): Transaction<readonly Lockout[]> {
  const { now, windowSeconds, lockAfter, limit, origin } = input;
  const counters = yield* query(
    `${attemptCounters.select} where streak >= ? or next_at > ? order by streak desc, key limit ?`,
    [lockAfter, now, limit],
  );
  const sources = yield* attemptSources.all("where next_at > ? order by next_at desc, source limit ?", [now, limit]);
  yield* recordAudit({ at: now, event: "throttle_listed", origin });
  const untilOf = ({ until }: Lockout) => until ?? Number.POSITIVE_INFINITY;
  return [
    // During an update of a fleet, a newer program can count kinds that this one does not know.
    ...counters
      .filter((row) => isCounterKind(text(row, "kind")))
      .map((row) => attemptCounters.of(row))
      .filter((row) => !isPause(row, now))
      .map((row) => ofCounter(row, lockAfter)),
    ...sources.map((row) => ofSource(row, windowSeconds, now)),
  ]
    .sort((a, b) => (untilOf(a) === untilOf(b) ? 0 : untilOf(b) - untilOf(a)))
    .slice(0, limit);
}

/** The pause after a mail is no lockout. */
function isPause({ kind, counter }: AttemptCounterRow, now: number): boolean {
  const { everySeconds }: CounterRow = counterKinds[kind];
  return everySeconds !== undefined && counter.nextAt <= now + everySeconds;
}

function ofCounter({ kind, login, counter }: AttemptCounterRow, lockAfter: number): Lockout {
  const locked = counter.streak >= lockAfter;
  return { kind, login, source: null, failures: counter.streak, locked, until: locked ? null : counter.nextAt };
}

function ofSource({ source, state }: SourceRow, windowSeconds: number, now: number): Lockout {
  const { entries, nextAt } = sourceAt(state, { logins: 1, windowSeconds }, now);
  return { kind: "source", login: null, source, failures: entries.length, locked: false, until: nextAt };
}

/** Returns how many rows were deleted. */
export function* clearLockouts(input: Ending & { readonly target: LockoutTarget }): Transaction<number> {
  const { target, now, origin } = input;
  const audit = { at: now, event: "throttle_cleared", origin } as const;
  if ("login" in target) {
    const { login: typed, canonical } = target;
    const select = "select login from ampho_users where canonical = ?";
    const user = canonical === undefined ? undefined : yield* first(select, [canonical]);
    const login = user && text(user, "login");
    // A counter contains the login as its user spells it. The user can be deleted, so that this spelling is not known
    // here.
    const spelled = canonical === undefined ? "login = ?" : "login in (?, ?) or lower(login) = ?";
    const names = canonical === undefined ? [typed] : [typed, login ?? canonical, canonical];
    const rows = yield* deleteFrom(`ampho_attempts where ${spelled} returning key`, names);
    yield* recordAudit({ ...audit, login, reason: "login", detail: { rows } });
    return rows;
  }
  if ("sources" in target) {
    let rows = 0;
    for (const source of target.sources)
      rows += yield* deleteFrom("ampho_attempt_sources where source = ? returning source", [source]);
    yield* recordAudit({ ...audit, reason: "source", detail: { rows, sources: target.sources } });
    return rows;
  }
  const sources = yield* deleteFrom("ampho_attempt_sources returning source", []);
  const rows = sources + (yield* deleteFrom("ampho_attempts returning key", []));
  yield* recordAudit({ ...audit, reason: "all", detail: { rows } });
  return rows;
}

function* deleteFrom(rest: string, parameters: SqlValues): Transaction<number> {
  return (yield* query(`delete from ${rest}`, parameters)).length;
}

/** Lockouts of a login that its user has given up are no longer that user's. */
export const releaseLockouts = (login: string): Transaction<void> =>
  write("update ampho_attempts set login = null where login = ?", [login]);
