// The work of each statement of every operation among a thousand, a hundred thousand and a million rows of each table.
// It can grow with the logarithm, and until its page is full. PostgreSQL reports rows and buffers of each statement. For
// SQLite the steps of its virtual machine are counted.
//
// The sample, on both databases: a thousand and a hundred thousand rows. A million rows are for a whole run, because most of the
// time is needed to write them.
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sqliteDialect } from "../../dist/store/dialect.js";
import { migrateUp } from "../../dist/store/migrations/migrate.js";
import { type OperationName, startOperation } from "../../dist/store/operations.js";
import type { Row, SqlValues } from "../../dist/store/rows.js";
import { openConnection } from "../../dist/store/sqlite/connection.js";
import { loadDriver } from "../../dist/store/sqlite/driver.js";
import type { Statement } from "../../dist/store/transaction.js";
import { freshFolder } from "../world/folder.js";
import { startOwnPostgres } from "../world/postgres.js";
import { useDatabase, usePostgres } from "../world/use-postgres.js";
import { isWhole } from "../world/whole.js";
import { runEveryOperation } from "./every-operation.js";
import { start } from "./fixtures.js";
import { filledTables, filling, postgresSeries, singleTables, sqliteSeries } from "./many-rows.js";

const sizes: readonly number[] = isWhole ? [1_000, 100_000, 1_000_000] : [1_000, 100_000];

/** The rows of a page that is longer than the smallest table. */
const pages: Partial<Readonly<Record<OperationName, number>>> = {
  readRevocations: 5000,
  findSessionUsers: 5000,
  countSessions: 5000,
  // It runs twice, and looks for each session and each connection.
  writeApplicationOwnsUsers: 12_000,
  listAgingApiKeys: 10_000,
  countLockedOut: 10_000,
  countSecretsByKey: 1000,
  readOutbox: 1000,
};

/**
 * They change very many rows, or look at a table that is held to a size. The others are measured as if they had not run,
 * because PostgreSQL would pass over each row that is gone.
 */
const exceptions: Partial<Readonly<Record<OperationName, string>>> = {
  listLockouts: "the tables of attempts are held to 50 000 rows",
  clearLockouts: "the tables of attempts are held to 50 000 rows",
  pruneAttempts: "the tables of attempts are held to 50 000 rows",
  removeAccount: "takes the login out of every row about the user in the log",
  removeAllApiKeys: "deletes every key",
  endAllSessions: "deletes every key, if asked to",
};

interface Subject {
  fill(from: number, to: number): Promise<void>;
  exec(sql: string): Promise<unknown>;
  /** Runs the statement. `work`: its counters. */
  run(
    statement: Statement,
  ): Promise<{ readonly rows: readonly Row[]; readonly work: Readonly<Record<string, number>> }>;
}

/** The sums of each statement of each operation, by counter. */
type Works = Map<string, number>;

async function measure({ exec, run }: Subject): Promise<Works> {
  const works: Works = new Map();
  await exec("begin");
  await runEveryOperation(async (operation, input) => {
    const ahead = new Map<Statement, readonly Row[]>();
    const isUndone = exceptions[operation] !== undefined && operation !== "removeAccount";
    if (isUndone) await exec("savepoint undone");
    const work = startOperation(operation, input);
    let step = work.next([]);
    while (!step.done) {
      const { value } = step;
      let rows: readonly Row[] = [];
      if ("resultOf" in value) rows = ahead.get(value.resultOf) ?? [];
      if ("sql" in value) {
        const done = await run(value);
        rows = done.rows;
        ahead.set(value, rows);
        for (const [counter, count] of Object.entries(done.work)) {
          const name = `${operation}, ${counter}: ${value.sql.replace(/\s+/g, " ")}`;
          works.set(name, (works.get(name) ?? 0) + count);
        }
      }
      step = work.next(rows);
    }
    if (isUndone) await exec("rollback to savepoint undone");
    return step.value;
  });
  await exec("rollback");
  return works;
}

/** The work for a row of a page, of which another row or two are looked up. */
const ofRow = { steps: 40, rows: 4, buffers: 5 };

/** It is too little to matter. An index gets another level. */
const slack = 200;

/** The statements whose work grows too fast, with the work at each size. */
function growing(all: readonly Works[]): readonly string[] {
  expect(all).toHaveLength(sizes.length);
  const names = new Set(all.flatMap((works) => [...works.keys()]));
  return [...names].flatMap((name) => {
    const operation = name.slice(0, name.indexOf(",")) as OperationName;
    if (exceptions[operation] !== undefined) return [];
    const [small = 0, ...larger] = all.map((works) => works.get(name) ?? 0);
    const counter = name.slice(operation.length + 2, name.indexOf(":")) as keyof typeof ofRow;
    const page = (pages[operation] ?? 0) * ofRow[counter];
    const [middle = 0, large = 0] = larger;
    const isGrowing = middle > Math.max(2 * small, page) + slack || large > Math.max(1.5 * middle, page) + slack;
    return isGrowing ? [`${[small, ...larger].join(", ")} ${name}`] : [];
  });
}

async function measureAll(subject: Subject): Promise<readonly Works[]> {
  const all: Works[] = [];
  let from = 1;
  for (const to of sizes) {
    await subject.fill(from, to);
    from = to + 1;
    all.push(await measure(subject));
  }
  return all;
}

const nextNumber = 1_000_000_000;
const counted = ["sessions", "audit", "mail", "user_events", "api_keys"];

describe("on SQLite", () => {
  let child: ChildProcessWithoutNullStreams;
  let lines: AsyncIterator<string>;
  async function send(sql: string, parameters: SqlValues, counts: boolean) {
    child.stdin.write(`${JSON.stringify([sql, parameters, counts])}\n`);
    const { value, done } = await lines.next();
    const reply = done ? { error: "the process ended" } : JSON.parse(value);
    if (reply.error !== undefined) throw new Error(`${reply.error}: ${sql}`);
    return reply as { readonly rows: readonly Row[]; readonly steps: number };
  }
  beforeAll(async () => {
    const file = path.join(freshFolder(), "ampho.db");
    const connection = openConnection(loadDriver(undefined), file, true);
    while (connection.run(migrateUp(sqliteDialect, start)) !== undefined);
    connection.close();
    child = spawn("/usr/bin/python3", [path.join(import.meta.dirname, "counted-sqlite.py"), file]);
    child.stderr.pipe(process.stderr);
    lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    for (const pragma of ["synchronous = off", "cache_size = -200000", "temp_store = memory"])
      await send(`pragma ${pragma}`, [], false);
    for (const name of counted)
      await send("insert into sqlite_sequence (name, seq) values (?, ?)", [`ampho_${name}`, nextNumber], false);
  });
  afterAll(() => child.kill());

  it("no statement's work grows faster than the logarithm or its page", { timeout: 600_000 }, async () => {
    const all = await measureAll({
      fill: async (from, to) => {
        for (const statement of filling(sqliteSeries, from, to)) await send(statement, [], false);
      },
      exec: (sql) => send(sql, [], false),
      run: async ({ sql, parameters }) => {
        const { rows, steps } = await send(sql, parameters, true);
        return { rows, work: { steps } };
      },
    });
    expect(growing(all)).toEqual([]);
  });
});

interface Plan {
  readonly [name: string]: unknown;
  readonly Plans?: readonly Plan[];
}

/** All rows that the plan has read or made, those included that it has dropped. */
function rowsOf(plan: Plan): number {
  const number = (name: string) => Number(plan[name] ?? 0);
  const own = number("Actual Rows") + number("Rows Removed by Filter") + number("Rows Removed by Index Recheck");
  return own * number("Actual Loops") + (plan.Plans ?? []).reduce((sum, each) => sum + rowsOf(each), 0);
}

describe("on PostgreSQL", () => {
  // Nothing is to survive a crash, and no statement is to wait for a disk.
  const settings = ["shared_buffers=2GB", "autovacuum=off", "max_wal_size=8GB", "checkpoint_timeout=1h"];
  const database = useDatabase(usePostgres(() => startOwnPostgres(...settings)));
  let client: pg.Client;
  beforeAll(async () => {
    await database.empty();
    client = new pg.Client({ connectionString: database.ownerUrl });
    pg.types.setTypeParser(20, Number);
    await client.connect();
    for (const name of filledTables) await client.query(`alter table ${name} set unlogged`);
    for (const name of counted)
      await client.query(`select setval(pg_get_serial_sequence('ampho_${name}', 'n'), ${nextNumber})`);
  });
  afterAll(() => client.end());

  it("every table is filled", async () => {
    const { rows } = await client.query("select tablename as name from pg_tables where schemaname = 'ampho'");
    const names = rows.map(({ name }) => String(name)).filter((name) => name !== "ampho_migrations");
    expect(names.sort()).toEqual([...filledTables, ...singleTables].sort());
  });

  it("no statement's work grows faster than the logarithm or its page", { timeout: 600_000 }, async () => {
    const locks = { share: " for share", update: " for update", skipLocked: " for update skip locked" };
    const all = await measureAll({
      fill: async (from, to) => {
        for (const statement of filling(postgresSeries, from, to)) await client.query(statement);
        await client.query("vacuum analyze");
      },
      exec: (sql) => client.query(sql),
      run: async ({ sql, parameters, lock }) => {
        let n = 0;
        const text = sql.replace(/\?/g, () => `$${++n}`) + (lock ? locks[lock] : "");
        const writes = /^\s*(?:insert|update|delete)\b/.test(sql);
        // A statement whose rows nothing reads runs once.
        const isRead = !writes || /\breturning\b/.test(sql);
        if (writes && isRead) await client.query("savepoint explained");
        const explained = await client.query(`explain (analyze, buffers, timing off, format json) ${text}`, [
          ...parameters,
        ]);
        if (writes && isRead) await client.query("rollback to savepoint explained");
        const [{ Plan: plan }] = explained.rows[0]["QUERY PLAN"];
        const work = { rows: rowsOf(plan), buffers: plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] };
        return { rows: isRead ? (await client.query(text, [...parameters])).rows : [], work };
      },
    });
    expect(growing(all)).toEqual([]);
  });
});
