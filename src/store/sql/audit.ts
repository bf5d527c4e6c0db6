// The audit log: one row per decision about a person, in the transaction of what it records.
import { type AuditEntry, type AuditEvent, type AuditRow, auditEvents, type Origin } from "../store.js";
import { first, integer, query, type Row, type Transaction, text, textOrNull, write } from "../transaction.js";
import { visible } from "./import-rows.js";

export function* recordAudit(entry: AuditEntry): Transaction<void> {
  const { origin } = entry;
  yield* write(
    `insert into ampho_audit (at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [
      entry.at,
      entry.event,
      entry.reason ?? null,
      entry.userId ?? null,
      entry.login ?? null,
      entry.sessionId ?? null,
      origin.actor,
      origin.operator ?? null,
      origin.address ?? null,
      origin.agent ?? null,
      entry.detail ? JSON.stringify(entry.detail) : null,
    ],
  );
}

export interface AuditQuery {
  readonly login: string | undefined;
  readonly since: number | undefined;
  readonly limit: number;
}

const columns = "n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail";

export function* listAudit({ login, since, limit }: AuditQuery): Transaction<readonly AuditRow[]> {
  const rows =
    login === undefined ? yield* newest(since, limit) : yield* newestOf(yield* spellings(login), since ?? 0, limit);
  return rows
    .map(rowOf)
    .sort((a, b) => a.n - b.n)
    .slice(-limit);
}

function* newest(since: number | undefined, limit: number): Transaction<readonly Row[]> {
  if (since === undefined)
    return yield* query(`select ${columns} from ampho_audit where n > 0 order by n desc limit ?`, [limit]);
  // By time, not by number: a clock that stepped back must not make this read the whole log.
  return yield* query(`select ${columns} from ampho_audit where at >= ? order by at desc, n desc limit ?`, [
    since,
    limit,
  ]);
}

/** Rows of an index's stretch. A constant of the schema: the index is on this expression. */
const stretch = 16384;

/**
 * The index by login is cut into stretches of the log, so that a row that is written touches the few pages of the last
 * one and not a page anywhere: with a million users that is half of what a renewal costs. Here it costs a look a stretch.
 */
function* newestOf(logins: readonly string[], since: number, limit: number): Transaction<readonly Row[]> {
  const found: Row[] = [];
  const last = yield* first("select max(n) as n from ampho_audit");
  const start = last && last["n"] !== null ? Math.floor(integer(last, "n") / stretch) : -1;
  for (let at = start; at >= 0 && found.length < limit; at--)
    for (const login of logins)
      found.push(
        ...(yield* query(
          `select ${columns} from ampho_audit where (n / ${stretch}) = ? and login = ? and at >= ? order by n desc limit ?`,
          [at, login, since, limit],
        )),
      );
  return found;
}

/** The log says a login as its user spells it; whoever looks may type the form that is compared. */
function* spellings(login: string): Transaction<readonly string[]> {
  const user = yield* first(`select login from ampho_users where canonical = ? and ${visible}`, [login]);
  return [...new Set(user ? [login, text(user, "login")] : [login])];
}

const events: ReadonlySet<string> = new Set(auditEvents);
const isEvent = (value: string): value is AuditEvent => events.has(value);
const isActor = (value: string): value is Origin["actor"] =>
  value === "user" || value === "operator" || value === "application";

function rowOf(row: Row): AuditRow {
  const event = text(row, "event");
  const actor = text(row, "actor");
  const operator = textOrNull(row, "operator");
  const detail = textOrNull(row, "detail");
  if (!isEvent(event) || !isActor(actor)) throw new TypeError("an audit row of a kind that is not known");
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
