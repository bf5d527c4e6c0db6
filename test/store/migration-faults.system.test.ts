// Migrations that are killed in the middle, and those on large tables in use: real processes, on both stores.
import { spawn } from "node:child_process";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { openPostgres } from "../../dist/store/postgres/store.js";
import { loadDriver } from "../../dist/store/sqlite/driver.js";
import { command, freshPlace, type Place } from "../world/serve.js";
import { useDatabase, usePostgres } from "../world/use-postgres.js";
import { pause, until } from "../world/wait.js";
import { openSession, renewal } from "./fixtures.js";
import { expanding, makeLaterProgram, type OtherProgram, present } from "./later-program.js";
import { startChild } from "./processes.js";
import { type Seen, sqliteKind } from "./schema-fixtures.js";

// Many processes start here, on a machine that can be busy.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** Holds the write lock of SQLite for many seconds, with half of it done. */
const slow = `name: "slow", servesFrom: 1,
  up: () => [
    "create table ampho_slow (n integer)",
    "update ampho_sessions set gen = gen + 1000",
    \`insert into ampho_slow with recursive counted (n) as (
      select 1 union all select n + 1 from counted where n < 1000000000) select max(n) from counted\`],
  down: () => ["drop table ampho_slow"]`;

/** Locks a table and runs for longer than any caller waits. */
const slowest = `name: "sleeping", servesFrom: 1,
  up: ({ text }) => [\`alter table ampho_sessions add column sleeps \${text}\`, "select pg_sleep(20)"],
  down: () => ["alter table ampho_sessions drop column sleeps"]`;

const server = usePostgres();
let later: OtherProgram;
let slowing: OtherProgram;
let sleeping: OtherProgram;
beforeAll(async () => {
  later = makeLaterProgram(expanding);
  slowing = makeLaterProgram(slow);
  sleeping = makeLaterProgram(slowest);
});
afterAll(async () => {
  for (const program of [later, slowing, sleeping]) program.remove();
});

/** `db-up` as a process that can be killed. */
function startUp({ cwd, env, program = "" }: Place) {
  const child = spawn(process.execPath, [program, "db-up"], {
    cwd,
    env: { PATH: process.env["PATH"], ...env },
    stdio: "ignore",
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) =>
    child.once("exit", (code, signal) => resolve(signal ?? code)),
  );
  return {
    ended,
    kill: () => {
      child.kill("SIGKILL");
      return ended;
    },
  };
}

const placeOf = (url: string, { main }: OtherProgram): Place => ({
  ...freshPlace({ AMPHO_DATABASE_URL: url }),
  program: main,
});

describe("on SQLite", () => {
  async function isLocked({ url }: Seen): Promise<boolean> {
    const database = new (loadDriver(undefined).DatabaseSync)(url.slice("sqlite:".length));
    try {
      database.exec("begin immediate; rollback");
      return false;
    } catch {
      return true;
    } finally {
      database.close();
    }
  }

  it("a migration that is killed in the middle leaves nothing, and the next one does all", async () => {
    const seen = await sqliteKind.released(present);
    const [rows, schema] = [await seen.rows(), await seen.schema()];
    for (let round = 0; round < 3; round++) {
      const up = startUp(placeOf(seen.url, slowing));
      await until(() => isLocked(seen));
      expect(await up.kill()).toBe("SIGKILL");
      expect(await seen.schema()).toEqual(schema);
      expect(await seen.rows()).toEqual(rows);
    }
    expect(await command(placeOf(seen.url, later), ["db-up"])).toMatchObject({ code: 0 });
    expect((await seen.schema()).join("\n")).toMatch(/index ampho_sessions_label/i);
  });

  it("one that has to wait for longer than requests do waits, and does it", async () => {
    const seen = await sqliteKind.released(present);
    const locker = startChild("lock", seen.url.slice("sqlite:".length));
    onTestFinished(() => void locker.process.kill("SIGKILL"));
    expect(await locker.line()).toBe("locked");
    const waiting = command(placeOf(seen.url, later), ["db-up"]);
    await pause(7000);
    locker.process.stdin.write("\n");
    expect(await waiting).toMatchObject({ code: 0, stdout: `Applied migration ${present + 1} (expanding).\n` });
  });

  it("one that waits for it meanwhile does it instead", async () => {
    const seen = await sqliteKind.released(present);
    const up = startUp(placeOf(seen.url, slowing));
    await until(() => isLocked(seen));
    const waiting = command(placeOf(seen.url, later), ["db-up"]);
    await up.kill();
    expect(await waiting).toMatchObject({ code: 0, stdout: `Applied migration ${present + 1} (expanding).\n` });
  });
});

describe("on PostgreSQL", () => {
  const database = useDatabase(server);
  beforeAll(() => database.empty());

  async function hold(...statements: readonly string[]): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: database.ownerUrl });
    client.on("error", () => undefined);
    await client.connect();
    onTestFinished(() => client.end());
    for (const statement of statements) await client.query(statement);
    return client;
  }
  const exists = (sql: string) => async () => (await database.query(sql)).length > 0;
  const current = async () => (await command(placeOf(database.ownerUrl, later), ["db-current"])).stdout.trim();
  const down = async () => expect((await command(placeOf(database.ownerUrl, later), ["db-down"])).code).toBe(0);

  const mine = "datname = current_database()";
  const waitsForTable = `select 1 from pg_stat_activity where ${mine} and wait_event_type = 'Lock' and query like 'alter table%'`;
  const buildsIndex = `select 1 from pg_stat_activity where ${mine} and wait_event_type = 'Lock' and query like 'create index concurrently%'`;

  it("a migration that is killed while it waits for a table leaves nothing, and the next one does all", async () => {
    const other = await hold("begin", "select 1 from ampho_sessions limit 1");
    const up = startUp(placeOf(database.ownerUrl, later));
    await until(exists(waitsForTable));
    expect(await up.kill()).toBe("SIGKILL");
    expect(await current()).toBe(String(present));
    await other.query("commit");
    expect(await command(placeOf(database.ownerUrl, later), ["db-up"])).toMatchObject({ code: 0 });
    expect(await current()).toBe(String(present + 1));
    await down();
  });

  it("one that is killed while it builds an index is resumed: the index is whole, and not before", async () => {
    const whole = "select 1 from pg_index where indexrelid = 'ampho.ampho_sessions_label'::regclass and indisvalid";
    // An index is not whole before the last transaction that is older than it is over.
    const other = await hold("begin isolation level repeatable read", "select 1 from ampho_state");
    const up = startUp(placeOf(database.ownerUrl, later));
    await until(exists(buildsIndex));
    expect(await up.kill()).toBe("SIGKILL");
    expect(await database.query(whole)).toEqual([]);
    expect(await current()).toBe(String(present));
    const place = freshPlace({ AMPHO_DATABASE_URL: database.runtimeUrl });
    expect(await command(place, ["user-list"])).toMatchObject({ code: 0 });
    expect(await command({ ...place, program: later.main }, ["user-list"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("Run `ampho db-up`"),
    });
    const next = startUp(placeOf(database.ownerUrl, later));
    // The server goes on building for the one that was killed, and the next one sees that.
    await until(
      exists(`select 1 from pg_stat_activity where ${mine} and query like 'select 1 as found from pg_stat_activity%'`),
    );
    await other.query("commit");
    expect(await next.ended).toBe(0);
    expect(await database.query(whole)).toHaveLength(1);
    expect(await current()).toBe(String(present + 1));
    await down();
  });

  it("a statement that takes too long is undone, before those who wait for its locks give up", async () => {
    expect(await command(placeOf(database.ownerUrl, sleeping), ["db-up"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("requests would have to wait. The migration was rolled back."),
    });
    expect(await current()).toBe(String(present));
    expect(await database.query("select 1 from information_schema.columns where column_name = 'sleeps'")).toEqual([]);
  });

  it("a migration of a table with 300 000 sessions delays no renewal, even while it waits", async () => {
    await database.query(`insert into ampho.ampho_sessions
      (amr, acr, proved_at, refreshed_at,
       id, era, user_id, login, gen, proved_gen, created_at, auth_time, renewed_at, expires_at, ends_at, access_expires, delete_after)
      select '[]', '1fa', 0, 0, 'many-' || n, 0, 'u-' || n, 'ann', 0, 0, 0, 0, 0, 0, 0, 0, 0 from generate_series(1, 300000) as n`);
    // A renewal that waits for a lock for longer than this fails.
    await database.query(`alter role ${new URL(database.runtimeUrl).username} set lock_timeout = '1s'`);
    const store = await openPostgres({ url: database.runtimeUrl, migrate: false, log: () => {} });
    onTestFinished(() => store.close());
    let [renewals, running] = [0, true];
    const renewing = Array.from({ length: 4 }, async () => {
      let session = await openSession(store, { stored: false });
      while (running) {
        const renewed = await store.renewSession(renewal(session, { ownRoles: [] }));
        if (renewed.outcome !== "renewed") throw new Error(`a renewal came out as ${renewed.outcome}`);
        session = renewed.session;
        renewals += 1;
      }
    });
    const all = Promise.all(renewing);
    all.catch(() => undefined);
    const go = async (more: number) => {
      const target = renewals + more;
      await Promise.race([all, until(async () => renewals >= target)]);
    };

    const reader = await hold("begin", "select 1 from ampho_sessions limit 1");
    const older = await hold("begin isolation level repeatable read", "select 1 from ampho_state");
    const up = startUp(placeOf(database.ownerUrl, later));
    await until(exists(waitsForTable));
    // It lets the others go first, and tries again.
    await until(async () => !(await exists(waitsForTable)()));
    await go(10);
    await reader.query("commit");
    await until(exists(buildsIndex));
    await go(100);
    const modes = await database.query(
      `select distinct mode from pg_locks join pg_stat_activity using (pid) where pg_locks.database is not null
        and relation = 'ampho.ampho_sessions'::regclass and (query like 'create index%' or usename like '%_owner')`,
    );
    expect(modes).toEqual([{ mode: "ShareUpdateExclusiveLock" }]);
    await older.query("commit");
    expect(await up.ended).toBe(0);
    await go(20);
    running = false;
    await all;
  });
});
