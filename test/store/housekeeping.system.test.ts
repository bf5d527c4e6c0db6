// Housekeeping over both databases: between processes, beside requests, and what it does to the size of the database.
import { statSync } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { Configuration } from "../../dist/config/configuration.js";
import { runHousekeepingNow } from "../../dist/flows/housekeeping.js";
import { openStore } from "../../dist/store/open.js";
import { loadDriver } from "../../dist/store/sqlite/driver.js";
import type { Store } from "../../dist/store/store.js";
import { freshFolder } from "../world/folder.js";
import { useDatabase } from "../world/use-postgres.js";
import { login, openSession, renewal, start } from "./fixtures.js";
import { type Child, startChild } from "./processes.js";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const later = start + 91 * 86_400;
const settings = { auditKeep: 90 * 86_400, throttleWindow: 900 } as Configuration;
const clock = { now: () => later, monotonicMs: () => performance.now() };

interface Subject {
  readonly store: Store;
  readonly url: string;
  /** So many old audit rows and a twentieth of it old sessions. */
  fill(rows: number): Promise<void>;
  /** So many sessions that were made long ago and are live. */
  fillLive(rows: number): Promise<void>;
  count(table: string): Promise<number>;
  /** Bytes, after what the database does about free space by itself. */
  size(): Promise<number>;
}

function fillings(rows: number, series: string): readonly string[] {
  return [
    `insert into ampho_audit (at, event, actor) select ${start}, 'renew', 'user' from ${series} where i <= ${rows}`,
    `insert into ampho_sessions (amr, acr, proved_at, refreshed_at,
       id, era, user_id, login, gen, proved_gen, created_at, auth_time, renewed_at, expires_at, ends_at,
       access_expires, delete_after)
     select '[]', '1fa', 0, 0, '0.' || i, 0, 'u-' || i, 'u-' || i, 1, 0, 1, 1, 1, ${start}, ${start}, ${start}, ${start}
     from ${series} where i <= ${rows / 20}`,
  ];
}

function liveFilling(rows: number, series: string): string {
  return `insert into ampho_sessions (amr, acr, proved_at, refreshed_at,
       id, era, user_id, login, gen, proved_gen, created_at, auth_time, renewed_at, expires_at, ends_at,
       access_expires, delete_after)
     select '[]', '1fa', 0, 0, '0.' || i, 0, 'u-' || i, 'u-' || i, 0, 0, 1, 1, 1, ${later + 9}, ${later + 99}, ${start}, ${start}
     from ${series} where i <= ${rows}`;
}

async function sqliteSubject(): Promise<Subject> {
  const file = path.join(freshFolder(), "ampho.db");
  const store = await openStore({ url: `sqlite:${file}`, migrate: true, log: () => {} });
  cleanups.push(() => store.close());
  function direct<T>(work: (database: InstanceType<ReturnType<typeof loadDriver>["DatabaseSync"]>) => T): T {
    const database = new (loadDriver(undefined).DatabaseSync)(file);
    database.exec("pragma synchronous = off; pragma busy_timeout = 5000");
    try {
      return work(database);
    } finally {
      database.close();
    }
  }
  const insert = (rows: number, statements: readonly string[]) =>
    direct((database) => {
      for (const statement of statements)
        database.exec(
          `with recursive series(i) as (select 1 union all select i + 1 from series where i < ${rows})
            ${statement}`.replace(/(with[\s\S]*?\))\s+(insert into \w+ \([^)]*\))\s+select/, "$2 $1 select"),
        );
    });
  return {
    store,
    url: `sqlite:${file}`,
    fill: async (rows) => insert(rows, fillings(rows, "series")),
    fillLive: async (rows) => insert(rows, [liveFilling(rows, "series")]),
    count: async (table) =>
      direct((database) => Number(database.prepare(`select count(*) as rows from ${table}`).all()[0]?.["rows"])),
    size: async () => {
      direct((database) => database.exec("pragma wal_checkpoint(passive)"));
      return statSync(file).size;
    },
  };
}

const database = useDatabase();

async function postgresSubject(): Promise<Subject> {
  await database.empty();
  const store = await openStore({ url: database.runtimeUrl, migrate: false, log: () => {} });
  cleanups.push(() => store.close());
  const query = (sql: string) => database.query(`set search_path = ampho; ${sql}`);
  return {
    store,
    url: database.runtimeUrl,
    fill: async (rows) => {
      for (const statement of fillings(rows, `generate_series(1, ${rows}) as i`)) await query(statement);
      await database.query("analyze");
    },
    fillLive: async (rows) => {
      await query(liveFilling(rows, `generate_series(1, ${rows}) as i`));
    },
    count: async (table) =>
      Number((await database.query(`select count(*)::integer as rows from ampho.${table}`))[0]?.["rows"]),
    size: async () => {
      // Autovacuum does the same within a minute.
      await database.query("vacuum");
      const [row] = await database.query(
        "select (pg_total_relation_size('ampho.ampho_audit') + pg_total_relation_size('ampho.ampho_sessions'))::integer as bytes",
      );
      return Number(row?.["bytes"]);
    },
  };
}

describe.each([
  ["SQLite", sqliteSubject],
  ["PostgreSQL", postgresSubject],
])("housekeeping on %s", (_, open) => {
  function child(url: string, holder: string, leaseSeconds: number): Child {
    const started = startChild("clean", url, holder, String(leaseSeconds), String(later));
    cleanups.push(() => started.process.kill("SIGKILL"));
    return started;
  }

  it("a process that is killed while it cleans is replaced, and every old row is deleted", async () => {
    const { store, url, fill, count } = await open();
    await fill(60_000);
    const killed = child(url, "killed", 3);
    expect(await killed.line()).toBe("taken");
    expect(await killed.line()).toBe("deleted 1000");
    killed.process.kill("SIGKILL");
    await killed.ended;
    expect(await count("ampho_audit")).toBeGreaterThan(0);
    const lease = { holder: "next", leaseSeconds: 3, everySeconds: undefined };
    expect(await store.takeHousekeepingLease({ ...lease, now: later })).toBe("elsewhere");
    // Its clock said at most so much when it was killed.
    const now = later + 3600;
    expect(await store.takeHousekeepingLease({ ...lease, now })).toBe("taken");
    await store.releaseHousekeepingLease({ ...lease, now });
    await runHousekeepingNow({ store, clock: { ...clock, now: () => now }, settings }, undefined);
    expect([await count("ampho_audit"), await count("ampho_sessions")]).toEqual([0, 0]);
  }, 60_000);

  it("a process that was stopped for longer than its lease is replaced, and deletes nothing more", async () => {
    const { store, url, fill, count } = await open();
    await fill(60_000);
    const stopped = child(url, "stopped", 3);
    expect(await stopped.line()).toBe("taken");
    expect(await stopped.line()).toBe("deleted 1000");
    stopped.process.kill("SIGSTOP");
    const now = later + 3600;
    const next = { holder: "next", leaseSeconds: 3, now };
    await expect
      .poll(() => store.takeHousekeepingLease({ ...next, everySeconds: undefined }).catch(() => "unavailable"))
      .toBe("taken");
    const left = await count("ampho_audit");
    stopped.process.kill("SIGCONT");
    const said = [];
    for (let line = await stopped.line(); line !== undefined; line = await stopped.line()) said.push(line);
    expect(said.at(-1)).toBe("lost");
    expect(await count("ampho_audit")).toBe(left);
  }, 60_000);

  it("requests are served while a hundred thousand rows are deleted, and two cleaners do the work once", async () => {
    const { store, fill, count } = await open();
    await fill(100_000);
    const session = await openSession(store, { stored: false, now: later });
    let over = false;
    let waited = 0;
    const parts = { store, clock, settings };
    const onWait = () => {
      waited += 1;
    };
    const cleaners = Promise.all([runHousekeepingNow(parts, onWait), runHousekeepingNow(parts, onWait)]).finally(() => {
      over = true;
    });
    let gen = 0;
    for (; gen < 100 && !over; gen++) {
      const input = renewal({ id: session.id, gen }, { ownRoles: [], now: later });
      expect(await store.renewSession(input)).toMatchObject({ outcome: "renewed" });
      expect(await store.grantSession(login({ userId: `v-${gen}`, stored: false, now: later }))).toMatchObject({
        outcome: "granted",
      });
    }
    expect([gen > 10, waited]).toEqual([true, 1]);
    const [one, two] = await cleaners;
    expect([one.audit + two.audit, one.sessions + two.sessions]).toEqual([100_000, 5000]);
    expect([await count("ampho_audit"), await count("ampho_sessions")]).toEqual([2 * gen + 1, gen + 1]);
  }, 180_000);

  it("old sessions that are renewed meanwhile stay, and none of their renewals is rejected", async () => {
    const { store, fillLive, count } = await open();
    await fillLive(1000);
    const cleaning = runHousekeepingNow({ store, clock, settings }, undefined);
    const renew = async (n: number) => {
      for (let gen = 0; gen < 3; gen++)
        expect(
          await store.renewSession(renewal({ id: `0.${n}`, gen }, { ownRoles: [], now: later + gen })),
        ).toMatchObject({ outcome: "renewed" });
    };
    const all = Array.from({ length: 1000 }, (_, index) => index + 1);
    for (let at = 0; at < all.length; at += 50) await Promise.all(all.slice(at, at + 50).map(renew));
    expect((await cleaning).sessions).toBe(0);
    expect((await runHousekeepingNow({ store, clock, settings }, undefined)).sessions).toBe(0);
    expect(await count("ampho_sessions")).toBe(1000);
  }, 60_000);

  it("the database stops growing", async () => {
    const { store, fill, size } = await open();
    const sizes = [];
    for (let round = 0; round < 6; round++) {
      await fill(8000);
      await runHousekeepingNow({ store, clock, settings }, undefined);
      sizes.push(await size());
    }
    expect(Math.max(...sizes.slice(2))).toBeLessThanOrEqual(Math.max(...sizes.slice(0, 2)) * 1.1);
  }, 60_000);
});
