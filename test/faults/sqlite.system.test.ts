// Applications on one SQLite file while the file, its lock or its disk is unavailable. Each fault goes through the same trial.
import { once } from "node:events";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { loadDriver } from "../../dist/store/sqlite/driver.js";
import { openSqliteMigrations } from "../../dist/store/sqlite/store.js";
import { type Child, mayMount, mountSmall, startChild } from "../store/processes.js";
import { type Application, ask, startApplication } from "./application.js";
import { keyOfAll, people, tableOf, unthrottled } from "./ground.js";
import { type Fault, type Ground, type Outcome, tryFault } from "./trial.js";

interface SqliteGround extends Ground {
  readonly file: string;
  close(): Promise<void>;
}

const outcomes: Outcome[] = [];
afterAll(() => void process.stdout.write(tableOf(outcomes)));

async function openSqliteGround(folder: string): Promise<SqliteGround> {
  const file = path.join(folder, "ampho.db");
  const databaseUrl = `sqlite:${file}`;
  const migrations = openSqliteMigrations({ path: file });
  await migrations.up();
  await migrations.close();
  const about = await people(databaseUrl, 9);
  const apps: Application[] = [];
  for (let count = 0; count < 2; count++)
    apps.push(await startApplication({ key: keyOfAll, databaseUrl, ...unthrottled }));
  return {
    ...about,
    file,
    apps,
    rows: async (sql) => {
      const { DatabaseSync } = loadDriver(undefined);
      const database = new DatabaseSync(file);
      const rows = database.prepare(sql).all();
      database.close();
      return rows;
    },
    connections: async () => 0,
    close: async () => expect(await Promise.all(apps.map((app) => app.end()))).toEqual([0, 0]),
  };
}

let locker: Child;
const faults: readonly Fault<SqliteGround>[] = [
  {
    name: "the file is gone",
    seen: "away",
    holdMs: 500,
    begin: async ({ file, apps }) => {
      move(file, `${file}-elsewhere`);
      // Writes until they notice are in the file that comes back.
      for (const { root } of apps)
        await vi.waitFor(async () => expect((await ask(`${root}/readyz`)).status).toBe(503), {
          timeout: 60_000,
          interval: 20,
        });
      return apps;
    },
    end: async ({ file }) => move(`${file}-elsewhere`, file),
  },
  {
    name: "another process that holds the write lock is stopped",
    seen: "unwritable",
    holdMs: 0,
    begin: async ({ file, apps }) => {
      locker = startChild("lock", file);
      expect(await locker.line()).toBe("locked");
      locker.process.kill("SIGSTOP");
      return apps;
    },
    end: async () => {
      const ended = once(locker.process, "close");
      locker.process.kill("SIGKILL");
      await ended;
    },
  },
];

function move(from: string, to: string): void {
  for (const suffix of ["", "-wal", "-shm"]) renameSync(`${from}${suffix}`, `${to}${suffix}`);
}

// With space for the write-ahead log, which can grow to 16 MiB. Only root can mount a small disk.
const diskKiB = 40_960;
const onSmallDisk: Fault<SqliteGround> = {
  name: "the disk is full",
  seen: "unwritable",
  holdMs: 500,
  begin: async (ground) => {
    await fillDisk(ground);
    return ground.apps;
  },
  end: async ({ file }) => rmSync(`${file}-filler`),
};

describe("faults of SQLite", () => {
  let ground: SqliteGround;
  let folder = "";
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "ampho-faults-"));
    ground = await openSqliteGround(folder);
  });
  afterAll(async () => {
    await ground.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(faults)("applications survive while $name, and recover", { timeout: 120_000 }, async (fault) => {
    outcomes.push(await tryFault(ground, fault));
  });
});

if (mayMount)
  it("applications survive a full disk, and recover", { timeout: 120_000 }, async () => {
    const disk = mountSmall(diskKiB);
    try {
      const ground = await openSqliteGround(disk.folder);
      outcomes.push(await tryFault(ground, onSmallDisk));
      await ground.close();
    } finally {
      disk.end();
    }
  });

/** Writes succeed until the space is used up. */
async function fillDisk({ file, apps: [app], logins, ledger }: SqliteGround): Promise<void> {
  if (app === undefined) throw new Error("there is one");
  expect(() => writeFileSync(`${file}-filler`, Buffer.alloc(diskKiB * 1024))).toThrow(/ENOSPC/);
  const login = logins.at(-1);
  const body = { login, password: ledger.passwords.get(login ?? "") };
  while ((await ask(`${app.url}/login`, { method: "POST", body })).status !== 503);
}
