// The audit log: one row for each decision about a user, in the transaction that makes the decision.
import type { AuditEntry, AuditRow, Origin } from "../../../audit/entry.js";
import { noticeOf } from "../../../audit/events.js";
import { integer, text, textOrNull } from "../../rows.js";
import { first, query, type Transaction, write } from "../../transaction.js";
import { visible } from "./import-rows.js";
import { insertNotice } from "./mail-rows.js";
import { asInteger, asJson, asOneOf, asText, group, orUndefined, tableOf } from "./table.js";
import { recordUserEvent } from "./user-events.js";

const fields = {
  at: asInteger,
  /** A program of a later version can write events that this one does not know. They must not hide the rest. */
  event: asText,
  reason: orUndefined(asText),
  userId: orUndefined(asText),
  login: orUndefined(asText),
  sessionId: orUndefined(asText),
  origin: group({
    actor: asOneOf<Origin["actor"]>(["user", "operator", "application"]),
    operator: orUndefined(asText),
    address: orUndefined(asText),
    agent: orUndefined(asText),
  }),
  detail: orUndefined(asJson<NonNullable<AuditEntry["detail"]>>()),
};
const entries = tableOf("ampho_audit", fields);
const rows = tableOf("ampho_audit", { n: asInteger, ...fields });

// The caller knows the id alone. Without a login, neither an export nor a removal of the account would find the row. A
// user of an application's own table has one in the sessions.
const loginOf = `coalesce((select login from ampho_users where id = ?),
  (select login from ampho_sessions where user_id = ? and ended_at is null order by n desc limit 1))`;
const insertWithLogin = `insert into ampho_audit (${entries.list})
  values (${entries.columns.map((name) => (name === "login" ? loginOf : "?")).join(", ")})`;

export function* recordAudit(entry: AuditEntry): Transaction<void> {
  const { at, event, reason, userId, login, sessionId, origin, detail } = entry;
  const { actor, operator, address, agent } = origin;
  const from = { actor, operator, address, agent };
  const parameters = entries.values({ at, event, reason, userId, login, sessionId, origin: from, detail });
  const isByIdAlone = userId !== undefined && login === undefined;
  if (isByIdAlone) parameters.splice(entries.columns.indexOf("login"), 1, userId, userId);
  yield* write(isByIdAlone ? insertWithLogin : entries.insert, parameters);
  yield* recordUserEvent(entry);
  const kind = noticeOf(event, reason);
  if (kind !== undefined) yield* insertNotice({ kind, at, userId, login, origin });
}

export interface AuditQuery {
  /** As the user spells it, or in its canonical form. */
  readonly login: string | undefined;
  /** Unix seconds. */
  readonly since: number | undefined;
  /** How many of the newest rows are returned at most. */
  readonly limit: number;
}

/** Returns the newest rows, in the order in which they were written. */
export function* listAudit({ login, since, limit }: AuditQuery): Transaction<readonly AuditRow[]> {
  if (login !== undefined) return yield* newestOf(yield* spellings(login), { since, limit });
  // By time, not by number: after a clock that stepped back, a search by number would read the whole log.
  return newest(
    since === undefined
      ? yield* rows.all("where n > 0 order by n desc limit ?", [limit])
      : yield* rows.all("where at >= ? order by at desc, n desc limit ?", [since, limit]),
    limit,
  );
}

/** In the order in which they were written. */
const newest = (found: readonly AuditRow[], limit: number) => [...found].sort((a, b) => a.n - b.n).slice(-limit);

/** Rows of the log in one stretch of the index. The schema contains this number in the expression of the index. */
const stretch = 262_144;

/**
 * The index by login is cut into stretches of the log. A new row therefore changes the pages of the last stretch, which
 * stay in memory, not a page anywhere in the index. With a million users that halves the cost of a renewal. The price
 * is one look for each stretch, in one statement: 4 for a million rows, 4000 for a billion. Numbers whose rows were
 * deleted cost nothing.
 */
const selectStretches = `with recursive stretches (part, lowest) as (
    select (select max(n) from ampho_audit) / ${stretch}, (select min(n) from ampho_audit) / ${stretch}
    union all select part - 1, lowest from stretches where part > lowest
  )
  select part from (
    select part, (select 1 from ampho_audit where (n / ${stretch}) = part and login = ? order by at desc limit 1) as found from stretches
  ) as looked where found = 1`;

/** The stretches that have a row of the login, the newest first. */
function* stretchesOf(login: string): Transaction<readonly number[]> {
  const found = yield* query(selectStretches, [login]);
  return found.map((row) => integer(row, "part")).sort((a, b) => b - a);
}

function* newestOf(
  logins: readonly string[],
  { since = 0, limit, userId }: Partial<AuditQuery> & { readonly limit: number; readonly userId?: string },
): Transaction<readonly AuditRow[]> {
  const ofUser = userId === undefined ? "" : "and user_id = ?";
  const sql = `where (n / ${stretch}) = ? and login = ? and at >= ? ${ofUser} order by at desc, n desc limit ?`;
  const user = userId === undefined ? [] : [userId];
  const places: { readonly part: number; readonly login: string }[] = [];
  for (const login of logins) for (const part of yield* stretchesOf(login)) places.push({ part, login });
  places.sort((a, b) => b.part - a.part);
  const found: AuditRow[] = [];
  let last: number | undefined;
  for (const { part, login } of places) {
    // Rows of another login in the same stretch can be newer.
    if (part !== last && found.length >= limit) break;
    found.push(...(yield* rows.all(sql, [part, login, since, ...user, limit])));
    last = part;
  }
  return newest(found, limit);
}

/** The log contains a login as its user spells it. The operator can also type its canonical form. */
function* spellings(login: string): Transaction<readonly string[]> {
  const user = yield* first(`select login from ampho_users where canonical = ? and ${visible}`, [login]);
  return [...new Set(user ? [login, text(user, "login")] : [login])];
}

/** Limits the work for a user who changes the login all the time. */
const loginsMax = 100;

/** The logins that the user had, the present one first. */
function* loginsOf(userId: string, login: string): Transaction<readonly string[]> {
  const changes = yield* query(
    `select detail from ampho_audit where user_id = ? and event in ('login_changed', 'email_changed')
     order by n desc limit ?`,
    [userId, loginsMax],
  );
  const former = changes.flatMap((row) => {
    const { before } = JSON.parse(textOrNull(row, "detail") ?? "{}") as { readonly before?: unknown };
    return typeof before === "string" ? [before] : [];
  });
  return [...new Set([login, ...former])];
}

/** The newest rows about a user, in the order in which they were written. */
export function* listOwnAudit(userId: string, login: string, limit: number): Transaction<readonly AuditRow[]> {
  return yield* newestOf(yield* loginsOf(userId, login), { limit, userId });
}

/** Leaves the id in the rows about a user, and no login, address, agent, detail or text that an operator has typed. */
export function* redactAudit(userId: string, login: string): Transaction<void> {
  for (const each of yield* loginsOf(userId, login))
    for (const part of yield* stretchesOf(each))
      yield* write(
        `update ampho_audit set login = null, address = null, agent = null, detail = null,
           reason = case when actor = 'operator' then null else reason end
         where (n / ${stretch}) = ? and login = ? and (user_id = ? or user_id is null)`,
        [part, each, userId],
      );
}
