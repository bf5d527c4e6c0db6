// The audit log: one row for each decision about a user, in the transaction that makes the decision.
import type { AuditEntry, AuditRow, Origin } from "../../audit/entry.js";
import { noticeOf } from "../../audit/events.js";
import { integer, type Row, text, textOrNull } from "../rows.js";
import { first, query, type Transaction, write } from "../transaction.js";
import { visible } from "./import-rows.js";
import { columnsOf } from "./keyed-rows.js";
import { insertFormerNotice, insertNotice, type Undo } from "./mail-rows.js";
import { recordUserEvent } from "./user-events.js";

const columns = columnsOf("at event reason user_id login session_id actor operator address agent detail");
const insert = `insert into ampho_audit (${columns.list}) values (${columns.placeholders})`;

// The caller knows the id alone. Without a login, neither an export nor a removal of the account would find the row. A
// user of an application's own table has one in the sessions.
const loginOf = `coalesce((select login from ampho_users where id = ?),
  (select login from ampho_sessions where user_id = ? and ended_at is null order by n desc limit 1))`;
const insertWithLogin = `insert into ampho_audit (${columns.list})
  values (${columns.names.map((name) => (name === "login" ? loginOf : "?")).join(", ")})`;

/** `undo`: what the alarm link of the notice undoes. */
export function* recordAudit(entry: AuditEntry, undo?: Undo): Transaction<void> {
  const { at, event, userId, login, origin, detail } = entry;
  const parameters = columns.values({
    at,
    event,
    reason: entry.reason ?? null,
    user_id: userId ?? null,
    login: login ?? null,
    session_id: entry.sessionId ?? null,
    actor: origin.actor,
    operator: origin.operator ?? null,
    address: origin.address ?? null,
    agent: origin.agent ?? null,
    detail: detail ? JSON.stringify(detail) : null,
  });
  const isByIdAlone = userId !== undefined && login === undefined;
  if (isByIdAlone) parameters.splice(columns.names.indexOf("login"), 1, userId, userId);
  yield* write(isByIdAlone ? insertWithLogin : insert, parameters);
  yield* recordUserEvent(entry);
  const kind = noticeOf(event, entry.reason);
  if (kind === undefined) return;
  yield* insertNotice({ kind, at, userId, origin, undo });
  yield* insertFormerNotice({ kind, at, userId, origin, undo });
}

export interface AuditQuery {
  /** As the user spells it, or in its canonical form. */
  readonly login: string | undefined;
  /** Unix seconds. */
  readonly since: number | undefined;
  /** How many of the newest rows are returned at most. */
  readonly limit: number;
}

const select = `select n, ${columns.list} from ampho_audit`;

export function* listAudit({ login, since, limit }: AuditQuery): Transaction<readonly AuditRow[]> {
  const rows =
    login === undefined ? yield* newest(since, limit) : yield* newestOf(yield* spellings(login), { since, limit });
  return rows
    .map(rowOf)
    .sort((a, b) => a.n - b.n)
    .slice(-limit);
}

function* newest(since: number | undefined, limit: number): Transaction<readonly Row[]> {
  if (since === undefined) return yield* query(`${select} where n > 0 order by n desc limit ?`, [limit]);
  // By time, not by number: after a clock that stepped back, a search by number would read the whole log.
  return yield* query(`${select} where at >= ? order by at desc, n desc limit ?`, [since, limit]);
}

/** Rows of the sign in one stretch of the index. The schema contains this number in the expression of the index. */
const stretch = 16384;

/**
 * The index by login is cut into stretches of the log. A new row therefore changes only the few pages of the last
 * stretch, not a page anywhere in the index. With a million users that halves the cost of a renewal. The price is one
 * look for each stretch here.
 */
function* newestOf(
  logins: readonly string[],
  {
    since = 0,
    limit,
    userId,
  }: { readonly since?: number | undefined; readonly limit: number; readonly userId?: string },
): Transaction<readonly Row[]> {
  const ofUser = userId === undefined ? "" : "and user_id = ?";
  const found: Row[] = [];
  const last = yield* first("select max(n) as n from ampho_audit");
  const start = last && last["n"] !== null ? Math.floor(integer(last, "n") / stretch) : -1;
  for (let at = start; at >= 0 && found.length < limit; at--)
    for (const login of logins)
      found.push(
        ...(yield* query(
          `${select} where (n / ${stretch}) = ? and login = ? and at >= ? ${ofUser} order by n desc limit ?`,
          [at, login, since, ...(userId === undefined ? [] : [userId]), limit],
        )),
      );
  return found;
}

/** The log contains a login as its user spells it. The operator can also type its canonical form. */
function* spellings(login: string): Transaction<readonly string[]> {
  const user = yield* first(`select login from ampho_users where canonical = ? and ${visible}`, [login]);
  return [...new Set(user ? [login, text(user, "login")] : [login])];
}

/** How many stretches one statement looks into. */
const stretchesMax = 64;

/** The stretches of the log, in lists for one statement each. */
function* stretchLists(): Transaction<readonly (readonly number[])[]> {
  const last = yield* first("select max(n) as n from ampho_audit");
  const count = last && last["n"] !== null ? Math.floor(integer(last, "n") / stretch) + 1 : 0;
  // The newest first. Each list has the same length, so that the statement has one text. No row is in stretch -1.
  return Array.from({ length: Math.ceil(count / stretchesMax) }, (_, list) =>
    Array.from({ length: stretchesMax }, (_, at) => Math.max(count - 1 - list * stretchesMax - at, -1)),
  );
}

const inStretches = `(n / ${stretch}) in (${Array.from({ length: stretchesMax }, () => "?").join(", ")})`;
const ownRows = `${inStretches} and login = ? and user_id = ?`;

/** The logins that the user had, the present one first. */
function* loginsOf(
  userId: string,
  login: string,
  lists: readonly (readonly number[])[],
): Transaction<readonly string[]> {
  const logins = [login];
  for (let at = 0; at < logins.length && at < loginsMax; at += 1)
    for (const list of lists) {
      const changes = yield* query(
        `select detail from ampho_audit where ${ownRows} and event in ('login_changed', 'email_changed')`,
        [...list, logins[at] ?? "", userId],
      );
      for (const row of changes) {
        const { before } = JSON.parse(textOrNull(row, "detail") ?? "{}") as { readonly before?: unknown };
        if (typeof before === "string" && !logins.includes(before)) logins.push(before);
      }
    }
  return logins;
}

/** Limits the work for a user who changes the login all the time. */
const loginsMax = 100;

/** The newest rows about a user, in the order in which they were written. */
export function* listOwnAudit(userId: string, login: string, limit: number): Transaction<readonly AuditRow[]> {
  const logins = yield* loginsOf(userId, login, yield* stretchLists());
  const rows = yield* newestOf(logins, { limit, userId });
  return rows
    .map(rowOf)
    .sort((a, b) => a.n - b.n)
    .slice(-limit);
}

/** Leaves the id in the rows about a user, and no login, address, agent, detail or text that an operator has typed. */
export function* redactAudit(userId: string, login: string): Transaction<void> {
  const lists = yield* stretchLists();
  const logins = yield* loginsOf(userId, login, lists);
  for (const each of logins)
    for (const list of lists)
      yield* write(
        `update ampho_audit set login = null, address = null, agent = null, detail = null,
           reason = case when actor = 'operator' then null else reason end
         where ${inStretches} and login = ? and (user_id = ? or user_id is null)`,
        [...list, each, userId],
      );
}

const isActor = (value: string): value is Origin["actor"] =>
  value === "user" || value === "operator" || value === "application";

/**
 * A program of a later version can write events that this one does not know. They must not hide the rest of the log.
 */
function rowOf(row: Row): AuditRow {
  const actor = text(row, "actor");
  const operator = textOrNull(row, "operator");
  const detail = textOrNull(row, "detail");
  if (!isActor(actor)) throw new TypeError("an audit row has an unknown actor");
  return {
    n: integer(row, "n"),
    at: integer(row, "at"),
    event: text(row, "event"),
    reason: textOrNull(row, "reason") ?? undefined,
    userId: textOrNull(row, "user_id") ?? undefined,
    login: textOrNull(row, "login") ?? undefined,
    sessionId: textOrNull(row, "session_id") ?? undefined,
    origin: {
      actor,
      ...(operator === null ? {} : { operator }),
      address: textOrNull(row, "address") ?? undefined,
      agent: textOrNull(row, "agent") ?? undefined,
    },
    detail: detail === null ? undefined : (JSON.parse(detail) as AuditEntry["detail"]),
  };
}
