// Databases as released programs left them, and what can be seen of a database from outside: its rows and its schema.
import { readFileSync } from "node:fs";
import path from "node:path";
import pg from "pg";
import { openMigrations } from "../../dist/store/open.js";
import { loadDriver } from "../../dist/store/sqlite/driver.js";
import { freshFolder } from "../world/folder.js";
import type { PostgresServer } from "../world/postgres.js";

type Rows = readonly Readonly<Record<string, unknown>>[];

export interface Seen {
  /** For the role that changes the schema. */
  readonly url: string;
  readonly query: (sql: string) => Promise<Rows>;
  /** Each table's rows, in an order of their own. */
  rows(): Promise<Readonly<Record<string, Rows>>>;
  /** Returns the same text for two databases with the same schema. */
  schema(): Promise<readonly string[]>;
}

export interface Kind {
  readonly name: "sqlite" | "postgres";
  empty(): Promise<Seen>;
  /** As a program of that schema version left it. */
  released(version: number): Promise<Seen>;
}

const fixture = (version: number, kind: Kind["name"]) =>
  readFileSync(new URL(`./schemas/${String(version).padStart(4, "0")}.${kind}.sql`, import.meta.url), "utf8");

async function rowsOf(query: Seen["query"], tables: Rows): Promise<Readonly<Record<string, Rows>>> {
  const all: Record<string, Rows> = {};
  for (const { name } of tables) {
    const rows = (await query(`select * from ${name}`)).map((row) => ({ ...row }));
    all[String(name)] = rows.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }
  return all;
}

const oneLine = (text: unknown) =>
  String(text)
    .replace(/\s+/g, " ")
    .replace(/ ?([(),]) ?/g, "$1");

export const sqliteKind: Kind = {
  name: "sqlite",
  empty: async () => openSeen(path.join(freshFolder(), "ampho.db")),
  async released(version) {
    const file = path.join(freshFolder(), "ampho.db");
    const database = new (loadDriver(undefined).DatabaseSync)(file);
    database.exec(fixture(version, "sqlite"));
    database.close();
    return openSeen(file);
  },
};

function openSeen(file: string): Seen {
  const query = async (sql: string) => {
    const database = new (loadDriver(undefined).DatabaseSync)(file);
    try {
      return database.prepare(sql).all();
    } finally {
      database.close();
    }
  };
  const list = "from sqlite_schema where name like 'ampho_%'";
  return {
    url: `sqlite:${file}`,
    query,
    rows: async () => rowsOf(query, await query(`select name ${list} and type = 'table' order by 1`)),
    schema: async () => (await query(`select sql ${list}`)).map((row) => oneLine(row["sql"])).sort(),
  };
}

export function postgresKind(server: () => PostgresServer): Kind {
  async function seen(sql?: string): Promise<Seen> {
    const { ownerUrl, query } = await server().database();
    if (sql !== undefined) {
      const client = new pg.Client({ connectionString: ownerUrl });
      await client.connect();
      await client.query(sql);
      await client.end();
    }
    const tables = "select 'ampho.' || tablename as name from pg_tables where schemaname = 'ampho' order by 1";
    return {
      url: ownerUrl,
      query,
      rows: async () => rowsOf(query, await query(tables)),
      schema: async () => (await query(postgresSchema)).map((row) => oneLine(row["line"])).sort(),
    };
  }
  return {
    name: "postgres",
    empty: () => seen(),
    released: (version) => seen(fixture(version, "postgres")),
  };
}

const postgresSchema = `
  select concat_ws(' ', table_name, column_name, data_type, collation_name, is_nullable, column_default, is_identity) as line
    from information_schema.columns where table_schema = 'ampho'
  union all select indexdef from pg_indexes where schemaname = 'ampho'
  union all select conrelid::regclass || ' ' || pg_get_constraintdef(oid) from pg_constraint
    where connamespace = 'ampho'::regnamespace and contype <> 'n'`;

/** Runs the work on the migrations of this program. */
export async function withMigrations<T>(
  { url }: Seen,
  work: (migrations: Awaited<ReturnType<typeof openMigrations>>) => Promise<T>,
): Promise<T> {
  const migrations = await openMigrations(url);
  try {
    return await work(migrations);
  } finally {
    await migrations.close();
  }
}
