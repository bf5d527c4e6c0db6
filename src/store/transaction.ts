// A purpose as a generator: it yields SQL statements and gets rows back, and knows no driver.
// A driver runs one generator in one transaction: SQLite synchronously, PostgreSQL by awaiting each statement.
//
// The SQL is what SQLite 3.40 and PostgreSQL 14 both understand: `?` for parameters, ids and JSON as text, times as
// integer seconds, flags as 0 and 1, `on conflict`, `returning`. What differs is named in dialect.ts.

export type SqlValue = string | number | null;
export type Row = Readonly<Record<string, SqlValue>>;

export interface Statement {
  readonly sql: string;
  readonly parameters: readonly SqlValue[];
  /**
   * The rows of this select may not change (`share`: by others, `update`: but by us) until the transaction ends; `free`:
   * as `update`, without the rows that another transaction has locked.
   * SQLite has one writer at a time and so needs nothing; elsewhere the driver appends `for share`, `for update` or
   * `for update skip locked`.
   */
  readonly lock?: RowLock;
  /**
   * Nobody looks at its rows, or not yet: a driver need not wait for it, only see that it has succeeded before it commits,
   * and keep its rows until then.
   */
  readonly deferred?: true;
}

export type RowLock = "share" | "update" | "free";

/**
 * Until the transaction ends no other one with the same name goes on; again nothing to do in SQLite. It has no rows, and a
 * driver need not wait for it: what is sent behind it waits in the server.
 */
export interface AdvisoryLock {
  readonly advisoryLock: string;
}

/** Asks for the rows of a statement that was sent ahead. */
export interface SentResult {
  readonly resultOf: Statement;
}

/**
 * Nothing is asked or written after this: the end of the transaction may travel with what was sent ahead, and only then are
 * its answers asked for. `read`: the whole purpose only reads, and may be done again whatever came of its end.
 */
export interface End {
  readonly end: "read" | "write";
}

export type Step = Statement | AdvisoryLock | SentResult | End;

/** Steps of one transaction that come to a `T`. Whatever it throws takes the transaction back. */
export type Transaction<T> = Generator<Step, T, readonly Row[]>;

export function* advisoryLock(name: string): Transaction<void> {
  yield { advisoryLock: name };
}

export function* query(sql: string, parameters: readonly SqlValue[] = [], lock?: RowLock): Transaction<readonly Row[]> {
  return yield lock ? { sql, parameters, lock } : { sql, parameters };
}

export function* end(kind: End["end"]): Transaction<void> {
  yield { end: kind };
}

/** The only or last statement of a purpose that only reads. */
export function* queryLast(sql: string, parameters: readonly SqlValue[] = []): Transaction<readonly Row[]> {
  const statement = yield* send(sql, parameters);
  yield* end("read");
  return yield { resultOf: statement };
}

/** The first row of the only or last statement of a purpose that only reads, if there is any. */
export function* firstLast(sql: string, parameters: readonly SqlValue[] = []): Transaction<Row | undefined> {
  const rows = yield* queryLast(sql, parameters);
  return rows[0];
}

/** A statement whose rows nobody looks at. */
export function* write(sql: string, parameters: readonly SqlValue[] = []): Transaction<void> {
  yield { sql, parameters, deferred: true };
}

/** A statement that travels with those behind it; what it came to is asked for with `answerTo`, in the same transaction. */
export function* send(sql: string, parameters: readonly SqlValue[] = [], lock?: RowLock): Transaction<Statement> {
  const statement: Statement = { sql, parameters, deferred: true, ...(lock && { lock }) };
  yield statement;
  return statement;
}

/** The first row that a statement sent ahead came to, if there is any. */
export function* resultOf(statement: Statement): Transaction<Row | undefined> {
  const rows = yield { resultOf: statement };
  return rows[0];
}

/** The first row, if there is any. */
export function* first(
  sql: string,
  parameters: readonly SqlValue[] = [],
  lock?: RowLock,
): Transaction<Row | undefined> {
  const rows = yield* query(sql, parameters, lock);
  return rows[0];
}

export function schemaMismatch(column: string): never {
  throw new TypeError(`the column ${column} does not hold what the schema says`);
}

export function text(row: Row, column: string): string {
  const value = row[column];
  return typeof value === "string" ? value : schemaMismatch(column);
}

export function textOrNull(row: Row, column: string): string | null {
  const value = row[column];
  return value === null || typeof value === "string" ? value : schemaMismatch(column);
}

export function integer(row: Row, column: string): number {
  const value = row[column];
  return Number.isSafeInteger(value) ? Number(value) : schemaMismatch(column);
}

/** A JSON array of strings, as roles are kept. */
export function texts(row: Row, column: string): readonly string[] {
  const value: unknown = JSON.parse(text(row, column));
  return Array.isArray(value) && value.every((each) => typeof each === "string") ? value : schemaMismatch(column);
}

/** A JSON array of arrays, of whatever kind. */
export function tuplesOf(json: string, column: string): readonly (readonly unknown[])[] {
  const list: unknown = JSON.parse(json);
  return isListOfLists(list) ? list : schemaMismatch(column);
}

function isListOfLists(value: unknown): value is readonly (readonly unknown[])[] {
  return Array.isArray(value) && value.every((each) => Array.isArray(each));
}
