// Each write that an operation makes is rejected in turn by a trigger of the database. Then nothing of the operation is
// left, so no half of an end is reported as a whole one, or goes unnoticed.
import path from "node:path";
import { describe, expect, it } from "vitest";
import { sqliteDialect } from "../../dist/store/dialect.js";
import { migrateUp } from "../../dist/store/migrations/migrate.js";
import { callOf, operations, startOperation } from "../../dist/store/operations.js";
import { openPostgres } from "../../dist/store/postgres/store.js";
import { openConnection, type SqliteConnection } from "../../dist/store/sqlite/connection.js";
import { loadDriver } from "../../dist/store/sqlite/driver.js";
import { openSqlite } from "../../dist/store/sqlite/store.js";
import type { Store } from "../../dist/store/store.js";
import { query, type Transaction } from "../../dist/store/transaction.js";
import { freshFolder } from "../world/folder.js";
import { useDatabase } from "../world/use-postgres.js";
import { runEveryOperation } from "./every-operation.js";
import { start } from "./fixtures.js";

interface Broken {
  readonly verb: string;
  readonly table: string;
}

const create = ({ verb, table }: Broken) =>
  `create trigger broken before ${verb} on ${table} begin select raise(abort, 'broken'); end`;

function migrated(file: string | undefined): SqliteConnection {
  const connection = openConnection(loadDriver(undefined), file, true);
  while (connection.run(migrateUp(sqliteDialect, start)) !== undefined);
  return connection;
}

const tablesOf = (connection: SqliteConnection) =>
  connection
    .run(query("select name from sqlite_master where type = 'table' and name like 'ampho_%' order by name"))
    .map(({ name }) => String(name));

/** The writes of each call of `runEveryOperation`, in their order. */
async function writesOfEach(): Promise<readonly (readonly Broken[])[]> {
  const connection = migrated(undefined);
  const all: Broken[][] = [];
  const isFailing = (broken: Broken, run: () => unknown): boolean => {
    connection.exec("savepoint tried");
    connection.exec(create(broken));
    try {
      run();
      return false;
    } catch (error) {
      expect(String(error)).toContain("broken");
      return true;
    } finally {
      connection.exec("rollback to savepoint tried");
      connection.exec("release savepoint tried");
    }
  };
  await runEveryOperation((operation, input) => {
    const named = new Map<string, Broken>();
    const run = () => connection.run(noting(startOperation(operation, input), named));
    connection.exec("savepoint read");
    run();
    connection.exec("rollback to savepoint read");
    connection.exec("release savepoint read");
    all.push([...named.values()].filter((broken) => isFailing(broken, run)));
    return run();
  });
  connection.close();
  return all;
}

function* noting<T>(work: Transaction<T>, named: Map<string, Broken>): Transaction<T> {
  let step = work.next([]);
  while (!step.done) {
    if ("sql" in step.value)
      for (const [text, verb = "", table = ""] of step.value.sql.matchAll(
        /\b(insert|update|delete)\s+(?:into\s+|from\s+)?(ampho_\w+)/g,
      )) {
        named.set(text, { verb, table });
        // With `on conflict`.
        if (verb === "insert") named.set(`update ${table}`, { verb: "update", table });
      }
    step = work.next(yield step.value);
  }
  return step.value;
}

interface Ground {
  readonly store: Store;
  readonly breaks: (broken: Broken) => Promise<unknown>;
  readonly fixes: (broken: Broken) => Promise<unknown>;
  readonly everything: () => Promise<unknown>;
}

async function breakEach({ store, breaks, fixes, everything }: Ground): Promise<void> {
  const writes = await writesOfEach();
  const call = callOf(store);
  const broken = new Set<string>();
  let at = 0;
  await runEveryOperation(async (operation, input) => {
    for (const each of writes[at++] ?? []) {
      const before = await everything();
      await breaks(each);
      await expect(call(operation, input), `${operation}: ${each.verb} ${each.table}`).rejects.toThrow();
      await fixes(each);
      expect(await everything(), `${operation}: ${each.verb} ${each.table}`).toEqual(before);
      broken.add(operation);
    }
    return call(operation, input);
  });
  // Each of these two is one statement, which finds nothing to write here.
  for (const operation of ["confirmRenewal", "pruneAttempts"]) broken.add(operation);
  const writing = Object.entries(operations).flatMap(([name, { access }]) => (access === "read" ? [] : [name]));
  expect(writing.filter((name) => !broken.has(name))).toEqual([]);
}

describe("an operation that a database breaks off at any of its writes leaves nothing", () => {
  it("each operation on SQLite", async () => {
    const file = path.join(freshFolder(), "ampho.db");
    const store = await openSqlite({ path: file, migrate: true, log: () => {} });
    const beside = openConnection(loadDriver(undefined), file, false);
    const tables = tablesOf(beside);
    await breakEach({
      store,
      breaks: async (broken) => beside.exec(create(broken)),
      fixes: async () => beside.exec("drop trigger broken"),
      everything: async () => tables.map((table) => beside.run(query(`select * from ${table}`))),
    });
    await store.close();
    beside.close();
  });

  const database = useDatabase();
  it("each operation on PostgreSQL", async () => {
    await database.empty();
    await database.query(
      "create or replace function ampho.broken() returns trigger language plpgsql as $$ begin raise 'broken'; end $$",
    );
    const memory = migrated(undefined);
    const sums = tablesOf(memory).map(
      (table) =>
        `select '${table}' as name, md5(string_agg(t::text, '|' order by t::text)) as sum from ampho.${table} t`,
    );
    memory.close();
    const store = await openPostgres({ url: database.runtimeUrl, migrate: false, log: () => {} });
    await breakEach({
      store,
      breaks: ({ verb, table }) =>
        database.query(
          `create trigger broken before ${verb} on ampho.${table} for each row execute function ampho.broken()`,
        ),
      fixes: ({ table }) => database.query(`drop trigger broken on ampho.${table}`),
      everything: () => database.query(sums.join(" union all ")),
    });
    await store.close();
    await database.query("drop function ampho.broken()");
  });
});
