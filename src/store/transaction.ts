// A transaction as a generator. It yields SQL statements and gets rows back, and it knows no driver. A driver runs one
// generator in one transaction: SQLite synchronously, PostgreSQL by awaiting the rows of each statement.
//
// The SQL is the subset that SQLite 3.40 and PostgreSQL 14 both understand, with `on conflict` and `returning`.
// Parameters are `?`, ids and JSON are text, times are integer seconds, and flags are 0 and 1. dialect.ts names the
// differences.
import type { Revocation } from "./revocation.js";
import type { Row, SqlValues } from "./rows.js";

export interface Statement {
  readonly sql: string;
  readonly parameters: SqlValues;
  /**
   * Locks the rows of this select until the transaction ends. `share`: no transaction can change them. `update`: only
   * this one can. `skipLocked`: as `update`, without the rows that another transaction has locked. SQLite has one
   * writer at a time and needs no lock.
   */
  readonly lock?: RowLock;
  /**
   * The rows are not read, or not yet. A driver does not wait for this statement. It checks that the statement
   * succeeded before it commits, and keeps the rows until then.
   */
  readonly deferred?: true;
  /**
   * The statement can write a mail. The driver replaces its first parameter by the pages of this instance
   * (AMPHO_APP_URL).
   */
  readonly mails?: true;
}

export type RowLock = "share" | "update" | "skipLocked";

/**
 * Until the transaction ends, every other transaction with the same name waits. SQLite needs nothing for it. The lock
 * has no rows, and a driver does not wait for it, because the statements behind it wait in the server.
 */
export interface AdvisoryLock {
  readonly advisoryLock: string;
  readonly isShared: boolean;
}

/**
 * No statement follows this step. The commit travels with the deferred statements, and their rows are read after it.
 * `read`: the transaction only reads, so that it can be repeated whatever happened to its commit.
 */
export interface End {
  readonly end: "read" | "write";
}

/** No statement. The transaction has written these revocations. */
export interface Revoking {
  readonly revoked: readonly Revocation[];
}

/** `resultOf` asks for the rows of a deferred statement. */
export type Step = Statement | AdvisoryLock | { readonly resultOf: Statement } | End | Revoking;

/** A driver reports them after the commit, to the listeners of the store. */
export interface Effects {
  /** The transaction can have written a mail, which then leaves at once. */
  mails: boolean;
  readonly revoked: Revocation[];
}

export const noEffects = (): Effects => ({ mails: false, revoked: [] });

/** The steps of one transaction, which returns a `T`. An exception rolls the transaction back. */
export type Transaction<T> = Generator<Step, T, readonly Row[]>;

export function* advisoryLock(name: string, { isShared = false } = {}): Transaction<void> {
  yield { advisoryLock: name, isShared };
}

export function* query(sql: string, parameters: SqlValues = [], lock?: RowLock): Transaction<readonly Row[]> {
  return yield lock ? { sql, parameters, lock } : { sql, parameters };
}

export function* end(kind: End["end"]): Transaction<void> {
  yield { end: kind };
}

/** The only or last statement of a transaction that only reads. */
export function* queryLast(sql: string, parameters: SqlValues = []): Transaction<readonly Row[]> {
  const statement = yield* send(sql, parameters);
  yield* end("read");
  return yield { resultOf: statement };
}

/** The same, and returns the first row, if there is one. */
export function* queryLastRow(sql: string, parameters: SqlValues = []): Transaction<Row | undefined> {
  return (yield* queryLast(sql, parameters))[0];
}

/** A deferred statement whose rows are not read. */
export function* write(sql: string, parameters: SqlValues = []): Transaction<void> {
  yield { sql, parameters, deferred: true };
}

/** The same as `write`, for a statement that can write a mail. */
export function* writeMail(sql: string, parameters: SqlValues): Transaction<void> {
  yield { sql, parameters, deferred: true, mails: true };
}

/** The parameters of a statement that can write a mail, with the pages of the instance. */
export const withPages = ({ parameters, mails }: Statement, pages: string): SqlValues =>
  mails ? [pages, ...parameters.slice(1)] : parameters;

function* send(sql: string, parameters: SqlValues, lock?: RowLock): Transaction<Statement> {
  const statement: Statement = { sql, parameters, deferred: true, ...(lock && { lock }) };
  yield statement;
  return statement;
}

/** Sends a statement with those behind it. The function that is returned reads its first row, if there is one. */
export function* ask<T>(
  sql: string,
  parameters: SqlValues,
  of: (row: Row | undefined) => T,
  lock?: RowLock,
): Transaction<() => Transaction<T>> {
  const statement = yield* send(sql, parameters, lock);
  return function* read() {
    return of((yield { resultOf: statement })[0]);
  };
}

/** The first row, if there is one. */
export function* first(sql: string, parameters: SqlValues = [], lock?: RowLock): Transaction<Row | undefined> {
  return (yield* query(sql, parameters, lock))[0];
}

/** True if the statement returns a row. */
export function* exists(sql: string, parameters: SqlValues = []): Transaction<boolean> {
  return (yield* first(sql, parameters)) !== undefined;
}

/** The one number that the statement returns. 0 for null, and without a row. */
export function* count(sql: string, parameters: SqlValues = []): Transaction<number> {
  return Number(Object.values((yield* first(sql, parameters)) ?? {})[0] ?? 0);
}
