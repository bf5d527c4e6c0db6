// Rows and their values. A value that the schema does not allow is a bug, and no value of a user.

export type SqlValue = string | number | null;
/** The parameters of a statement. */
export type SqlValues = readonly SqlValue[];
export type Row = Readonly<Record<string, SqlValue>>;

export function schemaMismatch(column: string): never {
  throw new TypeError(`the column ${column} has a value that the schema does not allow`);
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

export const integerOrNull = (row: Row, column: string): number | null =>
  row[column] === null ? null : integer(row, column);

/** A JSON array of strings, such as the roles of a user. */
export function texts(row: Row, column: string): readonly string[] {
  const value: unknown = JSON.parse(text(row, column));
  return Array.isArray(value) && value.every((each) => typeof each === "string") ? value : schemaMismatch(column);
}

/** A JSON array of arrays. */
export function tuplesOf(row: Row, column: string): readonly (readonly unknown[])[] {
  const value: unknown = JSON.parse(text(row, column));
  return Array.isArray(value) && value.every((each) => Array.isArray(each)) ? value : schemaMismatch(column);
}
