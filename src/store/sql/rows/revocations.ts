// Revocations: numbered rows. Every process reads the rows behind the last number that it has seen, and keeps each
// until `until`.
import { leewayMaxSeconds, numericDateMax, recoveryDelaySeconds, transactionTtlSeconds } from "../../../clock.js";
import type { Revocation } from "../../revocation.js";
import { integer, type Row, text } from "../../rows.js";
import { ask, end, queryLast, type Transaction, write } from "../../transaction.js";
import { recordAudit } from "./audit.js";
import type { Ending, Session } from "./session-rows.js";
import { sendNumbers, sendState } from "./state.js";
import { asInteger, asOneOf, asText, asTexts, orUndefined, type Table, tableOf } from "./table.js";

/**
 * When a revocation of tokens that expire at `expires` has no effect any more. It also rejects the login transactions
 * that were issued before it, however soon access tokens expire.
 */
export const untilOf = (now: number, ...expires: readonly number[]): number =>
  Math.max(now + transactionTtlSeconds, ...expires) + leewayMaxSeconds;

/** When the last recovery that was begun until `now` is over. Its link begins to work a day later. */
export const recoveryUntil = (now: number): number => now + recoveryDelaySeconds + transactionTtlSeconds;

type WithoutNumber<T> = T extends unknown ? Omit<T, "n"> : never;
/** A revocation that has no number yet. */
export type NewRevocation = WithoutNumber<Revocation>;
export type NewRevocations = readonly NewRevocation[];

/** The outcome of a change. */
export interface ChangeOutcome<O extends string> {
  readonly outcome: O;
  /** The session that made the change, whose older tokens have ended. */
  readonly session?: Session | undefined;
}

export const failed = <O extends string>(outcome: O): ChangeOutcome<O> => ({ outcome });

/** Writes the revocations as the end of its transaction. The driver reports them after the commit. */
export function* writeRevocations(revoked: NewRevocations): Transaction<void> {
  if (revoked.length > 0) yield { revoked: yield* writeUnreported(revoked) };
}

/**
 * Writes revocations with the next numbers, at the end of a transaction (see state.ts). Numbers, rows and commit travel
 * together, so that all other writers of the state row wait for no round trip to the database.
 */
export function* writeUnreported(revoked: NewRevocations): Transaction<readonly Revocation[]> {
  const readNumbers = yield* sendNumbers(revoked.length);
  for (const [index, row] of revoked.entries()) yield* insertRevocation(row, revoked.length - 1 - index);
  yield* end("write");
  const start = yield* readNumbers();
  return revoked.map((each, index): Revocation => ({ ...each, n: start + index }));
}

const common = <K extends string>(kind: K) => ({ at: asInteger, until: asInteger, kind: asOneOf([kind]) });
const ofUser = { userId: asText, login: asText };
/** The columns of each kind. The others are null. */
const kinds = {
  session: tableOf("ampho_revocations", { ...common("session"), sessionId: asText, gen: orUndefined(asInteger) }),
  user: tableOf("ampho_revocations", { ...common("user"), ...ofUser, exactLogin: orUndefined(asText) }),
  roles: tableOf("ampho_revocations", { ...common("roles"), ...ofUser, rolesVersion: asInteger, roles: asTexts }),
  signing_key: tableOf("ampho_revocations", { ...common("signing_key"), kid: asText }),
  all: tableOf("ampho_revocations", { ...common("all"), era: asInteger }),
};

/** Inserts it with the number that lies `beforeLast` below the last number, which this transaction has reserved. */
export function* insertRevocation(row: NewRevocation, beforeLast: number): Transaction<void> {
  // TypeScript does not follow that the row and the table are of the same kind.
  const { list, placeholders, values } = kinds[row.kind] as unknown as Table<NewRevocation>;
  const n = "(select last_revocation from ampho_state where id = 1) - ?";
  const insert = `insert into ampho_revocations (n, ${list}) values (${n}, ${placeholders})`;
  yield* write(insert, [beforeLast, ...values(row)]);
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
  /**
   * The rows up to this number were read, so the next page begins behind it. If it is smaller than before, all rows
   * must be read again. Without `more`, it is the number of the last row, or 0 when there is none.
   */
  readonly last: number;
  /** There are more rows than one page contains. */
  readonly more: boolean;
  readonly rows: readonly Revocation[];
  /** The row with the number `after`, while it exists. If it is another one, all rows must be read again. */
  readonly reached?: Revocation;
  /** The clock of the database, Unix milliseconds, where it has one that all processes share. */
  readonly storeNowMs?: number;
}

/** The outcome of a change that was carried out. The end of its transaction. */
export function* endChange(changed: {
  readonly revoked: NewRevocations;
  readonly session?: Session | undefined;
}): Transaction<ChangeOutcome<"done">> {
  yield* writeRevocations(changed.revoked);
  return { outcome: "done", session: changed.session };
}

const columns = [...new Set(Object.values(kinds).flatMap((table) => table.columns))].join(", ");
const select = `select n, ${columns} from ampho_revocations where n`;

/**
 * How many numbers a page covers, whether their rows are in force or not. So a process that starts beside a million of
 * them reads many short statements: none exceeds its time, and no other work waits long for the thread of SQLite.
 */
const pageSize = 5000;

/** A page begins with the first row that exists, because the rows before it can have been deleted. */
const selectFirst = "select min(n) as n from ampho_revocations where n > ?";
/** By number. The index on `until` would read all rows that are in force, each time. */
const selectPage = `${select} > ? and n < (${selectFirst}) + ${pageSize} and until + 0 > ? order by n`;

/** One turn of statements, because each further round trip takes from the second in which a revocation spreads. */
export function* readRevocations({ after, now }: RevocationQuery): Transaction<RevocationPage> {
  const readState = yield* sendState();
  const readReached = yield* ask(`${select} = ?`, [after], (row) => row && { reached: revocationOf(row) });
  const readFirst = yield* ask(selectFirst, [after], (row) => (row?.["n"] == null ? undefined : integer(row, "n")));
  const rows = yield* queryLast(selectPage, [after, after, now]);
  const { epoch, lastRevocation } = yield* readState();
  if (lastRevocation === 0 || after > lastRevocation) return { epoch, last: lastRevocation, more: false, rows: [] };
  const firstNumber = yield* readFirst();
  // Rows can have been committed or deleted between two statements. The next read begins behind `last`.
  const last = Math.min(lastRevocation, (firstNumber ?? lastRevocation) + pageSize - 1);
  const upToLast = rows.filter((row) => integer(row, "n") <= last);
  return { epoch, last, more: last < lastRevocation, rows: upToLast.map(revocationOf), ...(yield* readReached()) };
}

/** A revoked key stays revoked for as long as any token can be valid. */
const signingKeyUntil = numericDateMax;

/** Without the revocations of sessions and users, of which there can be a million. */
export function* listRevokedSigningKeys(): Transaction<readonly Extract<Revocation, { kind: "signing_key" }>[]> {
  const found = yield* queryLast(`${select} > 0 and until = ? and kind = 'signing_key'`, [signingKeyUntil]);
  return found.map((row) => ({ n: integer(row, "n"), ...kinds.signing_key.of(row) }));
}

export function* revokeSigningKey(input: Ending & { readonly kid: string }): Transaction<void> {
  const { now, origin, kid } = input;
  yield* recordAudit({ at: now, event: "signing_key_revoked", origin, detail: { kid } });
  yield* writeRevocations([{ kind: "signing_key", at: now, until: signingKeyUntil, kid }]);
}

function revocationOf(row: Row): Revocation {
  const kind = text(row, "kind");
  if (!isKind(kind)) throw new TypeError("a revocation has an unknown kind");
  return { n: integer(row, "n"), ...kinds[kind].of(row) };
}

const isKind = (kind: string): kind is keyof typeof kinds => Object.hasOwn(kinds, kind);
