// The audit log: one row for each decision about a user, in the transaction that makes the decision.
import type { AuditEntry, AuditRow, Origin } from "../../audit/entry.js";
import { type AuditEvent, auditEvents, noticeOf } from "../../audit/events.js";
import { first, integer, query, type Row, type Transaction, text, textOrNull, write } from "../transaction.js";
import { columnsOf } from "./columns.js";
import { visible } from "./import-rows.js";
import { insertNotice } from "./mail-rows.js";

const columns = columnsOf(
  ...["at", "event", "reason", "user_id", "login", "session_id"],
  ...["actor", "operator", "address", "agent", "detail"],
);
const insert = `insert into ampho_audit (${columns.list}) values (${columns.placeholders})`;

export function* recordAudit(entry: AuditEntry): Transaction<void> {
  const { at, event, origin, detail } = entry;
  const parameters = columns.values({
    at,
    event,
    reason: entry.reason ?? null,
    user_id: entry.userId ?? null,
    login: entry.login ?? null,
    session_id: entry.sessionId ?? null,
    actor: origin.actor,
    operator: origin.operator ?? null,
    address: origin.address ?? null,
    agent: origin.agent ?? null,
    detail: detail ? JSON.stringify(detail) : null,
  });
  yield* write(insert, parameters);
  const kind = noticeOf(event);
  if (kind !== undefined) yield* insertNotice({ kind, at, userId: entry.userId, origin });
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
    login === undefined ? yield* newest(since, limit) : yield* newestOf(yield* spellings(login), since ?? 0, limit);
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

/** Rows of the log in one stretch of the index. The schema contains this number in the expression of the index. */
const stretch = 16384;

/**
 * The index by login is cut into stretches of the log. A new row therefore changes only the few pages of the last stretch,
 * not a page anywhere in the index. With a million users that halves the cost of a renewal. The price is one look for each
 * stretch here.
 */
function* newestOf(logins: readonly string[], since: number, limit: number): Transaction<readonly Row[]> {
  const found: Row[] = [];
  const last = yield* first("select max(n) as n from ampho_audit");
  const start = last && last["n"] !== null ? Math.floor(integer(last, "n") / stretch) : -1;
  for (let at = start; at >= 0 && found.length < limit; at--)
    for (const login of logins)
      found.push(
        ...(yield* query(`${select} where (n / ${stretch}) = ? and login = ? and at >= ? order by n desc limit ?`, [
          ...[at, login, since, limit],
        ])),
      );
  return found;
}

/** The log contains a login as its user spells it. The operator can also type its canonical form. */
function* spellings(login: string): Transaction<readonly string[]> {
  const user = yield* first(`select login from ampho_users where canonical = ? and ${visible}`, [login]);
  return [...new Set(user ? [login, text(user, "login")] : [login])];
}

const isEvent = (value: string): value is AuditEvent => Object.hasOwn(auditEvents, value);
const isActor = (value: string): value is Origin["actor"] =>
  value === "user" || value === "operator" || value === "application";

function rowOf(row: Row): AuditRow {
  const event = text(row, "event");
  const actor = text(row, "actor");
  const operator = textOrNull(row, "operator");
  const detail = textOrNull(row, "detail");
  if (!isEvent(event) || !isActor(actor)) throw new TypeError("an audit row has an unknown event or actor");
  return {
    n: integer(row, "n"),
    at: integer(row, "at"),
    event,
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
