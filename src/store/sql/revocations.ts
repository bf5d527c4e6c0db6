// Revocations: numbered rows. Every process reads the rows behind the last number that it has seen, and keeps each
// until `until`.
import { leewayMaxSeconds, numericDateMax, recoveryDelaySeconds, transactionTtlSeconds } from "../../clock.js";
import { integer, type Row, text, textOrNull, texts } from "../rows.js";
import { end, queryLast, resultOf, send, type Transaction, write } from "../transaction.js";
import { recordAudit } from "./audit.js";
import { columnsOf } from "./keyed-rows.js";
import type { Ending } from "./session-rows.js";
import { sendNumbers, sendState } from "./state.js";

/** The members of every revocation, and of every entry of the feed. Times are Unix seconds. */
export interface Numbered {
  readonly n: number;
  /** The time of the revocation. */
  readonly at: number;
  /** From this time on every token that it revokes has expired. */
  readonly until: number;
}

/**
 * Every process keeps it in memory until `until`, and looks at it on each guarded request.
 * With `sessions`, which only verifiers receive, it also covers tokens with `sid` that were issued at `at` or before.
 */
export type Revocation = Numbered &
  /** `gen`: only tokens of older generations. */
  (
    | { readonly kind: "session"; readonly sessionId: string; readonly gen?: number }
    /**
     * Tokens without `sid` that name the user and were issued at `at` or before, or have no `iat`. `exactLogin`: of
     * tokens that name no user by `sub`, only those with the login in this spelling. Another one can be another user of
     * an application's own table.
     */
    | {
        readonly kind: "user";
        readonly userId: string;
        readonly login: string;
        readonly exactLogin?: string | undefined;
        readonly sessions?: true;
      }
    /**
     * Tokens of the user with one of these roles and a `ver` below `rolesVersion`. Tokens without `sid` as for "user".
     */
    | {
        readonly kind: "roles";
        readonly userId: string;
        readonly login: string;
        readonly rolesVersion: number;
        readonly roles: readonly string[];
      }
    | { readonly kind: "key"; readonly kid: string }
    /** Tokens of sessions of an earlier era than this one, and tokens without `sid` as for "user". */
    | { readonly kind: "all"; readonly era: number; readonly sessions?: true }
  );

/**
 * When a revocation of tokens that expire at `expires` has no effect any more. It also rejects the login transactions
 * that were issued before it, however soon access tokens expire.
 */
export function untilOf(now: number, ...expires: readonly number[]): number {
  return Math.max(now + transactionTtlSeconds, ...expires) + leewayMaxSeconds;
}

/**
 * When the last recovery that was begun until `now` is over. Its link begins to work a day later, and is revoked by
 * then.
 */
export const recoveryUntil = (now: number): number => now + recoveryDelaySeconds + transactionTtlSeconds;

type WithoutNumber<T> = T extends unknown ? Omit<T, "n"> : never;
/** A revocation that has no number yet. */
export type NewRevocation = WithoutNumber<Revocation>;

/**
 * Writes the revocations with the next numbers, and is the end of its transaction (see state.ts). Numbers, rows and
 * commit travel together, so that all other writers of the state row wait for no round trip to the database.
 */
export function* writeRevocations(revoked: readonly NewRevocation[]): Transaction<readonly Revocation[]> {
  if (revoked.length === 0) return [];
  const readNumbers = yield* sendNumbers(revoked.length);
  for (const [index, row] of revoked.entries()) yield* insertRevocation(row, revoked.length - 1 - index);
  yield* end("write");
  const start = yield* readNumbers();
  return revoked.map((each, index): Revocation => ({ ...each, n: start + index }));
}

const columns = columnsOf("at until kind session_id gen user_id login exact_login roles_version roles kid era");
const insert = `insert into ampho_revocations (n, ${columns.list})
  values ((select last_revocation from ampho_state where id = 1) - ?, ${columns.placeholders})`;

/** Inserts it with the number that lies `beforeLast` below the last number, which this transaction has reserved. */
export function* insertRevocation(row: NewRevocation, beforeLast: number): Transaction<void> {
  const ofUser = row.kind === "user" || row.kind === "roles" ? row : undefined;
  const values = columns.values({
    at: row.at,
    until: row.until,
    kind: row.kind,
    session_id: row.kind === "session" ? row.sessionId : null,
    gen: row.kind === "session" ? (row.gen ?? null) : null,
    user_id: ofUser?.userId ?? null,
    login: ofUser?.login ?? null,
    exact_login: (row.kind === "user" ? row.exactLogin : undefined) ?? null,
    roles_version: row.kind === "roles" ? row.rolesVersion : null,
    roles: row.kind === "roles" ? JSON.stringify(row.roles) : null,
    kid: row.kind === "key" ? row.kid : null,
    era: row.kind === "all" ? row.era : null,
  });
  yield* write(insert, [beforeLast, ...values]);
}

export interface RevocationQuery {
  /** Only rows with a greater number are returned. */
  readonly after: number;
  /** Only rows that are still in force at this time are returned. */
  readonly now: number;
}

export interface RevocationPage {
  /** Chosen when the database was created. It differs after a restore from elsewhere. */
  readonly epoch: string;
  /** The number of the last row, 0 when there is none. If it is smaller than before, all rows must be read again. */
  readonly last: number;
  readonly rows: readonly Revocation[];
  /**
   * The row with the number `after`, while it exists. If it is another one than before, all rows must be read again.
   */
  readonly reached?: Revocation;
  /** The clock of the database, Unix milliseconds, where it has one that all processes share. */
  readonly storeNowMs?: number;
}

const select = `select n, ${columns.list} from ampho_revocations where n`;
const everyLive = `${select} > ? and until > ? order by n`;
/** By number. The index on `until` would read all rows that are in force, each time. */
const furtherLive = everyLive.replace("until >", "until + 0 >");

/**
 * One turn of statements. On PostgreSQL each further turn is a round trip, out of the second in which a revocation
 * spreads.
 */
export function* readRevocations({ after, now }: RevocationQuery): Transaction<RevocationPage> {
  const readState = yield* sendState();
  const sentReached = yield* send(`${select} = ?`, [after]);
  const rows = yield* queryLast(after === 0 ? everyLive : furtherLive, [after, now]);
  const { epoch, lastRevocation: last } = yield* readState();
  if (last === 0 || after > last) return { epoch, last, rows: [] };
  const same = yield* resultOf(sentReached);
  const reached = same ? { reached: revocationOf(same) } : {};
  // Another row can have been committed between the two statements. The next read returns it.
  const upToLast = rows.filter((row) => integer(row, "n") <= last);
  return { epoch, last, rows: upToLast.map(revocationOf), ...reached };
}

/** A revoked key stays revoked for as long as any token can be valid. */
export function* revokeKey(input: Ending & { readonly kid: string }): Transaction<readonly Revocation[]> {
  const { now, origin, kid } = input;
  yield* recordAudit({ at: now, event: "key_revoked", origin, detail: { kid } });
  return yield* writeRevocations([{ kind: "key", at: now, until: numericDateMax, kid }]);
}

function revocationOf(row: Row): Revocation {
  const common = { n: integer(row, "n"), at: integer(row, "at"), until: integer(row, "until") };
  const read = readers[text(row, "kind")];
  if (!read) throw new TypeError("a revocation has an unknown kind");
  return { ...common, ...read(row) };
}

type Content =
  WithoutNumber<Revocation> extends infer T ? (T extends unknown ? Omit<T, "at" | "until"> : never) : never;
const readers: Readonly<Record<string, (row: Row) => Content>> = {
  session: (row) => ({
    kind: "session",
    sessionId: text(row, "session_id"),
    ...(row["gen"] !== null && { gen: integer(row, "gen") }),
  }),
  user: (row) => {
    const exactLogin = textOrNull(row, "exact_login");
    const user = { kind: "user", userId: text(row, "user_id"), login: text(row, "login") } as const;
    return exactLogin === null ? user : { ...user, exactLogin };
  },
  roles: (row) => ({
    kind: "roles",
    userId: text(row, "user_id"),
    login: text(row, "login"),
    rolesVersion: integer(row, "roles_version"),
    roles: texts(row, "roles"),
  }),
  key: (row) => ({ kind: "key", kid: text(row, "kid") }),
  all: (row) => ({ kind: "all", era: integer(row, "era") }),
};
