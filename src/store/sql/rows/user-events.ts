// Changes of users that wait for the hooks of the application. `recordAudit` writes each row, in the transaction of the
// change, as long as the database knows of a process with hooks. A row is deleted when its hook has succeeded. Each
// call moves `next_at` first, so that one process of a fleet calls a hook at a time.
import type { AuditEntry, Origin } from "../../../audit/entry.js";
import { type AuditEvent, type UserChange, userChangeOf } from "../../../audit/events.js";
import { integer, type SqlValue, text } from "../../rows.js";
import { count, first, queryLast, type Transaction, write } from "../../transaction.js";
import { asInteger, asText, inOneColumn, type RowOf, tableOf } from "./table.js";

const takenEvents = tableOf("ampho_user_events", {
  n: asInteger,
  at: asInteger,
  userId: asText,
  change: inOneColumn<UserChange>((row, column) => text(row, column) as UserChange, String),
  /** The event of the audit log. */
  reason: asText,
  actor: inOneColumn<Origin["actor"]>((row, column) => text(row, column) as Origin["actor"], String),
  /** How often the hook was called, this time included. */
  tries: asInteger,
});
export type TakenUserEvent = RowOf<typeof takenEvents>;

const columns = "at, user_id, change, reason, actor, import_n, import_line, tries, next_at";
const insert = `insert into ampho_user_events (${columns})
  select cast(? as bigint), cast(? as text), cast(? as text), cast(? as text), cast(? as text), cast(? as bigint), 0, 0, cast(? as bigint)
  from ampho_state where id = 1 and hooks_until > cast(? as bigint)`;

/** `imported`: the number of an import, whose users get their rows later. */
export function* recordUserEvent(entry: AuditEntry, imported?: number): Transaction<void> {
  const { at, event, userId, origin } = entry;
  const change = userChangeOf(event);
  if (change === undefined || (userId === undefined && imported === undefined)) return;
  const about: SqlValue[] = [at, userId ?? null, change, event, origin.actor, imported ?? null];
  yield* write(insert, [...about, imported === undefined ? at : null, at]);
}

/** Notes that a process has hooks. Until then, changes are recorded for it. */
export const noteUserHooks = ({ until }: { readonly until: number }): Transaction<void> =>
  write("update ampho_state set hooks_until = ? where id = 1 and hooks_until < ?", [until, until]);

// Only the oldest row of each user is taken. Rows of an imported user wait until the row of the creation is there. The
// subqueries return a value, so that PostgreSQL looks once for each row and joins no table to another.
const due = `where next_at <= ?
    and n = (select min(own.n) from ampho_user_events as own where own.user_id = ampho_user_events.user_id)
    and coalesce((select 1 from ampho_users as imported, ampho_user_events as run
      where imported.id = ampho_user_events.user_id and run.user_id is null
        and run.import_n = imported.import_n and run.import_line < imported.import_line limit 1), 0) = 0
  order by next_at, n limit ?`;

/** Takes changes whose hooks are due. Another process takes them after `holdSeconds`. `more`: there can be others. */
export function* takeUserEvents(input: {
  readonly now: number;
  readonly holdSeconds: number;
  readonly limit: number;
}): Transaction<{ readonly events: readonly TakenUserEvent[]; readonly more: boolean }> {
  const { now, holdSeconds, limit } = input;
  const taken = yield* takenEvents.all(due, [now, limit], "skipLocked");
  const hold = "update ampho_user_events set tries = tries + 1, next_at = ? where n = ?";
  for (const { n } of taken) yield* write(hold, [now + holdSeconds, n]);
  const events = taken.map((event) => ({ ...event, tries: event.tries + 1 }));
  return { events, more: taken.length === limit || (yield* expandImport(now)) };
}

/** So many rows are written for an import at once, and none while so many rows wait. */
const [importBatch, rowsMax] = [200, 1000];

/**
 * Writes rows for the next users of the oldest import. A user who was changed meanwhile has a row already, which
 * becomes that of the creation: a hook gets the user as of the call. Returns false if there was nothing to write.
 */
function* expandImport(now: number): Transaction<boolean> {
  const run = yield* first(
    "select n, at, actor, import_n, import_line from ampho_user_events where user_id is null order by n limit 1",
    [],
    "skipLocked",
  );
  if (!run) return false;
  const some =
    "select count(*) from (select 1 from ampho_user_events where next_at >= 0 order by next_at limit ?) as limited";
  if ((yield* count(some, [rowsMax])) >= rowsMax) return false;
  const [n, importN, from] = [integer(run, "n"), integer(run, "import_n"), integer(run, "import_line")];
  const batch = yield* first(
    `select max(import_line) as line from
       (select import_line from ampho_users where import_n = ? and import_line > ? order by import_line limit ?) as lines`,
    [importN, from, importBatch],
  );
  if (!batch || batch["line"] === null) {
    yield* write("delete from ampho_user_events where n = ?", [n]);
    return true;
  }
  const line = integer(batch, "line");
  const [change, reason]: [UserChange, AuditEvent] = ["created", "users_imported"];
  const users = "from ampho_users where import_n = ? and import_line > ? and import_line <= ?";
  yield* write(
    `update ampho_user_events set change = ?, reason = ? where change = 'changed' and user_id in (select id ${users})
       and n = (select min(own.n) from ampho_user_events as own where own.user_id = ampho_user_events.user_id)`,
    [change, reason, importN, from, line],
  );
  yield* write(
    `insert into ampho_user_events (${columns})
     select cast(? as bigint), id, cast(? as text), cast(? as text), cast(? as text), null, 0, 0, cast(? as bigint) ${users}
       and not exists (select 1 from ampho_user_events where user_id = ampho_users.id) order by import_line`,
    [integer(run, "at"), change, reason, text(run, "actor"), now, importN, from, line],
  );
  yield* write("update ampho_user_events set import_line = ? where n = ?", [line, n]);
  return true;
}

/** Deletes the row, or with `retryAt` keeps it. Nothing happens if another process has taken it since. */
export function* settleUserEvent(input: {
  readonly event: Pick<TakenUserEvent, "n" | "tries">;
  readonly retryAt: number | undefined;
}): Transaction<void> {
  const { event, retryAt } = input;
  const own = [event.n, event.tries];
  if (retryAt === undefined) yield* write("delete from ampho_user_events where n = ? and tries = ?", own);
  else yield* write("update ampho_user_events set next_at = ? where n = ? and tries = ?", [retryAt, ...own]);
}

const countedMax = 1000;

export interface WaitingUserEvents {
  /** At most 1000 are counted. */
  readonly waiting: number;
  /** Those of them whose hook was called and has not succeeded. */
  readonly tried: number;
  readonly oldestAt: number | undefined;
}

/** Counts the changes that wait for a hook. */
export function* readUserEvents(): Transaction<WaitingUserEvents> {
  const sql = "select tries, at from ampho_user_events where at >= 0 order by at, n limit ?";
  const rows = yield* queryLast(sql, [countedMax]);
  const tried = rows.filter((row) => integer(row, "tries") > 0).length;
  return { waiting: rows.length, tried, oldestAt: rows[0] && integer(rows[0], "at") };
}
