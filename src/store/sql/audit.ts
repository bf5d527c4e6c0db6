// The audit log: one row per decision about a person, in the transaction of what it records.
import { type AuditEntry, type AuditEvent, type AuditRow, auditEvents, type Origin } from "../store.js";
import { first, integer, query, type Row, text, textOrNull, type Work } from "../work.js";

export function* recordAudit(entry: AuditEntry): Work<void> {
  const { origin } = entry;
  yield* query(
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

export function* listAudit({ login, since, limit }: AuditQuery): Work<readonly AuditRow[]> {
  const rows: Row[] = [];
  for (const spelling of yield* spellings(login)) {
    const statement = newestOf(spelling, since);
    rows.push(...(yield* query(statement.sql, [...statement.parameters, limit])));
  }
  return rows
    .map(rowOf)
    .sort((a, b) => a.n - b.n)
    .slice(-limit);
}

/** The log says a login as its user spells it; whoever looks may type the form that is compared. */
function* spellings(login: string | undefined): Work<readonly (string | undefined)[]> {
  if (login === undefined) return [undefined];
  const user = yield* first("select login from ampho_users where canonical = ?", [login]);
  return [...new Set(user ? [login, text(user, "login")] : [login])];
}

function newestOf(login: string | undefined, since: number | undefined) {
  const columns = "n, at, event, reason, user_id, login, session_id, actor, operator, address, agent, detail";
  const from = `select ${columns} from ampho_audit where`;
  if (login !== undefined)
    return { sql: `${from} login = ? and at >= ? order by n desc limit ?`, parameters: [login, since ?? 0] };
  // By time, not by number: a clock that stepped back must not make this read the whole log.
  if (since !== undefined) return { sql: `${from} at >= ? order by at desc, n desc limit ?`, parameters: [since] };
  return { sql: `${from} n > ? order by n desc limit ?`, parameters: [0] };
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
