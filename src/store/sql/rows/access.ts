// Everything that can still sign in to an account or act for it, and the client that has added it.
import type { Origin } from "../../../audit/entry.js";
import type { FactorName } from "../../../levels/factors.js";
import { integerOrNull, type Row, type SqlValue, text, textOrNull } from "../../rows.js";
import { query, type Transaction } from "../../transaction.js";
import { identityIdOf } from "./identities.js";
import { type ProvenLevel, sessions } from "./session-rows.js";
import { asInteger, asOneOf, asText, marks, orUndefined, type RowOf, tableOf } from "./table.js";

/** Codes are counted together. Every other factor has a row of its own, and does not compile without a select. */
type FactorAccess = Exclude<FactorName, "recovery_code"> | "recovery_codes";

export type StoredAccess = FactorAccess | "session" | "identity" | "api_key" | "connection";

export interface AccessRow {
  readonly kind: StoredAccess;
  readonly id: string;
  readonly name: string | null;
  readonly at: number | null;
  readonly usedAt: number | null;
  /** Null: a row of this kind is never confirmed. */
  readonly isConfirmed: boolean | null;
  /** It is the session that asks, or what that one has proven itself. */
  readonly isOwn: boolean;
}

const origins = tableOf("ampho_audit", {
  at: asInteger,
  event: asText,
  sessionId: orUndefined(asText),
  actor: asOneOf<Origin["actor"]>(["user", "operator", "application"]),
  address: orUndefined(asText),
  agent: orUndefined(asText),
});
/** The client of an event. */
export type AccessOrigin = RowOf<typeof origins>;

const rowsMax = 200;

// Each reads the rows of one user by an index.
const selects: Readonly<Record<StoredAccess, string>> = {
  session: `select id, agent as name, created_at as at, renewed_at as used_at, null as confirmed from ampho_sessions
    where user_id = ? and ended_at is null and era = (select era from ampho_state where id = 1) and expires_at > ?
    order by n desc limit ${rowsMax}`,
  passkey: `select id, name, created_at as at, used_at, confirmed from ampho_passkeys
    where user_id = ? and created_at <= ? + 86400`,
  totp: `select 'totp' as id, null as name, since as at, last_step * 30 as used_at, confirmed from ampho_totp
    where user_id = ? and since <= ? + 86400`,
  recovery_codes: `select 'recovery_code' as id, cast(count(*) - count(used_at) as text) as name, null as at,
      max(used_at) as used_at, null as confirmed from ampho_recovery
    where user_id = ? and 0 <= ? having count(*) > count(used_at)`,
  identity: `select issuer, subject, provider as name, created_at as at, used_at, confirmed from ampho_identities
    where user_id = ? and created_at <= ? + 86400`,
  api_key: `select id, name, created_at as at, used_day * 86400 as used_at, null as confirmed from ampho_api_keys
    where user_id = ? and expires_at > ? order by n desc limit ${rowsMax}`,
  connection: `select connection.id as id, coalesce(ampho_services.name, client) as name, connection.created_at as at,
      renewed_at as used_at, null as confirmed
    from ampho_connections as connection left join ampho_services on ampho_services.id = client
    where user_id = ? and connection.ended_at is null and gen > 0
      and era = (select era from ampho_state where id = 1) and expires_at > ? order by connection.n desc limit ${rowsMax}`,
};

export interface AccessList {
  readonly items: readonly AccessRow[];
  readonly origins: readonly AccessOrigin[];
}

/** True for what the session has proven itself. So it stays when its user ends everything else. */
export function isProven(
  { amr, provedBy }: Pick<ProvenLevel, "amr" | "provedBy">,
  kind: StoredAccess,
  id = "",
): boolean {
  // Recovery codes come with an app. One of them proves both.
  if (kind === "totp") return amr.includes("otp") || amr.includes("rec");
  if (kind === "recovery_codes") return amr.includes("rec") && !amr.includes("otp");
  return provedBy.includes(id);
}

/** `times`: further moments whose client is asked for. */
export function* listAccess(input: {
  readonly userId: string;
  /** The session that asks. */
  readonly sessionId: string | undefined;
  readonly now: number;
  readonly times: readonly number[];
}): Transaction<AccessList> {
  const { userId, sessionId, now } = input;
  const own = sessionId === undefined ? undefined : yield* sessions.first("where id = ?", [sessionId]);
  const isOwn = ({ kind, id }: Omit<AccessRow, "isOwn">) =>
    own !== undefined && (kind === "session" ? id === sessionId : isProven(own, kind, id));
  const items: AccessRow[] = [];
  for (const [kind, sql] of Object.entries(selects) as readonly [StoredAccess, string][])
    for (const row of yield* query(sql, [userId, now])) {
      const item = toItem(kind, row);
      items.push({ ...item, isOwn: isOwn(item) });
    }
  const times = [...input.times, ...items.flatMap(({ at }) => at ?? [])];
  return { items, origins: yield* originsAt(userId, [...new Set(times)]) };
}

function toItem(kind: StoredAccess, row: Row): Omit<AccessRow, "isOwn"> {
  const confirmed = integerOrNull(row, "confirmed");
  return {
    kind,
    id:
      kind === "identity"
        ? identityIdOf({ issuer: text(row, "issuer"), subject: text(row, "subject") })
        : text(row, "id"),
    name: textOrNull(row, "name"),
    at: integerOrNull(row, "at"),
    usedAt: integerOrNull(row, "used_at"),
    isConfirmed: confirmed === null ? null : confirmed === 1,
  };
}

const timesAtOnce = 64;

/**
 * The rows of the audit log of these seconds. It is found by time, because an index by user would cost every login. So
 * the work grows with the rows of these seconds, and not with the log.
 */
function* originsAt(userId: string, times: readonly number[]): Transaction<readonly AccessOrigin[]> {
  const sql = `where at in (${marks(timesAtOnce)}) and user_id = ?`;
  const found: AccessOrigin[] = [];
  for (let from = 0; from < times.length; from += timesAtOnce) {
    const some: SqlValue[] = Array.from({ length: timesAtOnce }, (_, at) => times[from + at] ?? -1);
    found.push(...(yield* origins.all(sql, [...some, userId])));
  }
  return found;
}
