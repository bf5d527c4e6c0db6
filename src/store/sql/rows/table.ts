// Tables and their rows as objects. A table is declared once, and the type of its objects, the lists of its columns in
// SQL and the conversion in both directions follow from that. So no statement depends on the position of a column.
import { integer, type Row, type SqlValue, type SqlValues, schemaMismatch, text, texts } from "../../rows.js";
import { ask, first, query, queryLast, type RowLock, type Transaction } from "../../transaction.js";

interface Member<T> {
  readonly columns: readonly string[];
  /** `prefix`: that of the columns in a join. */
  read(row: Row, prefix: string): T;
  write(value: T, into: SqlValue[]): void;
}

/** A member of an object, in one column or several. It gets its own name in snake case. */
export type Field<T> = (name: string) => Member<T>;

export const inOneColumn =
  <T>(read: (row: Row, column: string) => T, write: (value: T) => SqlValue): Field<T> =>
  (name) => ({
    columns: [name],
    read: (row, prefix) => read(row, prefix + name),
    write: (value, into) => void into.push(write(value)),
  });

export const asText = inOneColumn<string>(text, (value) => value);
export const asInteger = inOneColumn<number>(integer, (value) => value);
export const asFlag = inOneColumn<boolean>(
  (row, column) => integer(row, column) === 1,
  (value) => (value ? 1 : 0),
);
/** A JSON array of texts. */
export const asTexts = inOneColumn<readonly string[]>(texts, JSON.stringify);
/** JSON that only Ampho has written. */
export const asJson = <T>() => inOneColumn<T>((row, column) => JSON.parse(text(row, column)) as T, JSON.stringify);
export const asOneOf = <T extends string>(values: readonly T[]) =>
  inOneColumn<T>(
    (row, column) => values.find((each) => each === row[column]) ?? schemaMismatch(column),
    (value) => value,
  );

/** `none` stands for a field whose first column is null. */
function orElse<T, N extends null | undefined>(field: Field<T>, none: N): Field<T | N> {
  return (name) => {
    const { columns, read, write } = field(name);
    return {
      columns,
      read: (row, prefix) => (row[`${prefix}${columns[0]}`] === null ? none : read(row, prefix)),
      write: (value, into) =>
        value === null || value === undefined ? void into.push(...columns.map(() => null)) : write(value, into),
    };
  };
}

export const orNull = <T>(field: Field<T>) => orElse(field, null);
export const orUndefined = <T>(field: Field<T>) => orElse(field, undefined);

/** A column that does not have the name of its member. */
export const named =
  <T>(column: string, field: Field<T>): Field<T> =>
  () =>
    field(column);

type Fields = Readonly<Record<string, Field<unknown>>>;
type ObjectOf<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

/** An object within the object, with columns of the same table. */
export function group<F extends Fields>(fields: F): Field<ObjectOf<F>> {
  const nameOf = (key: string) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const members = Object.entries(fields).map(([key, field]) => [key, field(nameOf(key))] as const);
  return () => ({
    columns: members.flatMap(([, { columns }]) => columns),
    read(row, prefix) {
      const object: Record<string, unknown> = {};
      for (const [key, member] of members) object[key] = member.read(row, prefix);
      return object as ObjectOf<F>;
    },
    write(value, into) {
      for (const [key, member] of members) member.write(value[key], into);
    },
  });
}

export type Table<T> = ReturnType<typeof createTable<T>>;
export type RowOf<T> = T extends { of(row: Row): infer R } ? R : never;

export const tableOf = <F extends Fields>(name: string, fields: F) => createTable(name, group(fields)(""));

function createTable<T>(name: string, { columns, read, write }: Member<T>) {
  const list = columns.join(", ");
  const select = `select ${list} from ${name}`;
  const of = (row: Row, prefix = ""): T => read(row, prefix);
  const values = (object: T): SqlValue[] => {
    const into: SqlValue[] = [];
    write(object, into);
    return into;
  };
  const ofFirst = (row: Row | undefined) => row && read(row, "");
  return {
    name,
    /** `a, b` */
    list,
    columns,
    /** `?, ?` */
    placeholders: marks(columns.length),
    /** `a = ?, b = ?` */
    assignments: columns.map((column) => `${column} = ?`).join(", "),
    select,
    insert: `insert into ${name} (${list}) values (${marks(columns.length)})`,
    /** The columns in a join. With a prefix they get names of their own. */
    joined: (prefix = "") => columns.map((column) => `${name}.${column} as ${prefix}${column}`).join(", "),
    of,
    /** Undefined if the join found no row. */
    joinedOf: (row: Row, prefix = "") => (row[`${prefix}${columns[0]}`] === null ? undefined : read(row, prefix)),
    /** The parameters for `placeholders` and `assignments`. An object with members behind a spread costs 30 µs. */
    values,
    /** `rest`: what follows `select`. */
    *first(rest: string, parameters: SqlValues, lock?: RowLock): Transaction<T | undefined> {
      return ofFirst(yield* first(`${select} ${rest}`, parameters, lock));
    },
    *all(rest: string, parameters: SqlValues, lock?: RowLock): Transaction<readonly T[]> {
      return (yield* query(`${select} ${rest}`, parameters, lock)).map((row) => read(row, ""));
    },
    /** The same for the only or last statement of a transaction that only reads. */
    *firstLast(rest: string, parameters: SqlValues): Transaction<T | undefined> {
      return ofFirst((yield* queryLast(`${select} ${rest}`, parameters))[0]);
    },
    *allLast(rest: string, parameters: SqlValues): Transaction<readonly T[]> {
      return (yield* queryLast(`${select} ${rest}`, parameters)).map((row) => read(row, ""));
    },
    /** The first row, deferred. */
    send: (rest: string, parameters: SqlValues, lock?: RowLock) => ask(`${select} ${rest}`, parameters, ofFirst, lock),
    /** Inserts the row unless there is one of its key, and locks it until the transaction ends. Deferred. */
    sendLock(key: string, object: T, touchedAt: number): Transaction<() => Transaction<T>> {
      const insert = `insert into ${name} (${list}, touched_at) values (${marks(columns.length + 1)})`;
      const sql = `${insert} on conflict (${key}) do update set ${key} = excluded.${key} returning ${list}`;
      return ask(sql, [...values(object), touchedAt], (row) => {
        if (!row) throw new TypeError("an inserted row was not returned");
        return read(row, "");
      });
    },
  };
}

/** `?, ?` */
export const marks = (count: number): string => Array(count).fill("?").join(", ");
