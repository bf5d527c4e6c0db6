// Migrations on PostgreSQL: many processes at once, one that is killed in the middle, twice the same.
import pg from "pg";
import { expect, it, onTestFinished } from "vitest";
import { openPostgresMigrations } from "../../dist/store/postgres/migrations.js";
import { openPostgres } from "../../dist/store/postgres/store.js";
import type { Database } from "../world/postgres.js";
import { usePostgres } from "../world/use-postgres.js";
import { openSession } from "./fixtures.js";

const server = usePostgres();

const tables = async (database: Database) => {
  const rows = await database.query("select tablename from pg_tables where schemaname = 'ampho' order by 1");
  return rows.map((row) => row["tablename"]);
};

const migrationsOf = async ({ ownerUrl }: Database) => {
  const migrations = await openPostgresMigrations(ownerUrl);
  onTestFinished(() => migrations.close());
  return migrations;
};

it("one of ten concurrent processes migrates an empty database, and the others find it migrated", async () => {
  const database = await server.database();
  const notices: string[] = [];
  const options = { url: database.ownerUrl, migrate: true, log: (line: string) => void notices.push(line) };
  const stores = await Promise.all(Array.from({ length: 10 }, () => openPostgres(options)));
  expect(notices.filter((line) => line.startsWith("applied migration 1 "))).toHaveLength(1);
  await Promise.all(stores.map((store) => openSession(store, { stored: false })));
  for (const store of stores) await store.close();
});

it("a migration that dies in the middle leaves nothing, and the next one does everything", async () => {
  const database = await server.database();
  const other = new pg.Client({ connectionString: database.ownerUrl });
  await other.connect();
  onTestFinished(() => other.end());
  await other.query("begin");
  // The migration stops here: half of its tables are made before this one.
  await other.query("create table ampho_revocations (n bigint)");
  const dying = (await migrationsOf(database)).up();
  const caught = dying.catch((error: Error) => error);
  for (let killed = 0; killed === 0; ) {
    const rows = await database.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where wait_event_type = 'Lock' and query like 'create table ampho_revocations%' and datname = current_database()`,
    );
    killed = rows.length;
  }
  expect(await caught).toMatchObject({ name: "DatabaseError" });
  await other.query("rollback");
  expect(await tables(database)).toEqual([]);
  expect(await (await migrationsOf(database)).up()).not.toEqual([]);
});

it("a migration waits only briefly for a lock, reports it, and can be repeated", async () => {
  const database = await server.database();
  const migrations = await migrationsOf(database);
  await migrations.up();
  const version = await migrations.current();
  const other = new pg.Client({ connectionString: database.runtimeUrl });
  await other.connect();
  onTestFinished(() => other.end());
  await other.query("begin");
  for (const table of await tables(database)) await other.query(`select 1 from ${table} limit 1`);
  await expect(migrations.down()).rejects.toThrow("another session holds a lock in PostgreSQL for too long");
  expect(await migrations.current()).toBe(version);
  await other.query("commit");
  expect(await migrations.down()).toMatchObject({ version });
});

it("a second migration does nothing, all can be reverted, and all can be applied again", async () => {
  const database = await server.database();
  const migrations = await migrationsOf(database);
  const applied = await migrations.up();
  expect(await migrations.up()).toEqual([]);
  const whole = await tables(database);
  for (const _ of applied) await migrations.down();
  expect(await migrations.down()).toBeUndefined();
  expect(await tables(database)).toEqual(["ampho_migrations"]);
  await migrations.up();
  expect(await tables(database)).toEqual(whole);
  expect(await migrations.list()).toHaveLength(applied.length);
});

it("a schema that is newer than the program is not changed", async () => {
  const database = await server.database();
  await (await migrationsOf(database)).up();
  await database.query(
    "insert into ampho.ampho_migrations (version, name, serves_from, applied_at) values (999, 'later', 999, 1)",
  );
  const opening = openPostgres({ url: database.runtimeUrl, migrate: true, log: () => {} });
  await expect(opening).rejects.toThrow(/schema version 999, but this program only knows/);
});
