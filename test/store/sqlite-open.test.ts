// Opening SQLite. An error that a person can fix is one line, and migrations go forward and back.
import { chmodSync, existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { known } from "../../dist/store/migrations/known.js";
import { loadDriver } from "../../dist/store/sqlite/driver.js";
import { openSqlite, openSqliteMigrations, type SqliteOptions } from "../../dist/store/sqlite/store.js";
import { freshFolder } from "../world/folder.js";
import { addUser } from "./fixtures.js";
import { mayMount, mountSmall, startChild } from "./processes.js";

const fresh = () => path.join(freshFolder(), "ampho.db");

async function open(file: string, changes: Partial<SqliteOptions> = {}) {
  const notices: string[] = [];
  const log = (line: string) => void notices.push(line);
  const store = await openSqlite({ path: file, migrate: true, log, ...changes });
  return { store, notices };
}

const applied = known.map(({ version, name }) => `applied migration ${version} (${name})`);

const refusal = (message: RegExp) =>
  expect.objectContaining({ name: "DatabaseError", message: expect.stringMatching(message) });

describe("opening a database", () => {
  it("an empty database is migrated, and this is logged once", async () => {
    const file = fresh();
    const first = await open(file);
    await first.store.close();
    const second = await open(file);
    await second.store.close();
    expect([first.notices, second.notices]).toEqual([applied, []]);
  });

  it("only its owner can read the database file", async () => {
    const file = fresh();
    const { store } = await open(file);
    await addUser(store);
    for (const name of [file, `${file}-wal`, `${file}-shm`]) expect(statSync(name).mode & 0o077).toBe(0);
    await store.close();
    expect(existsSync(`${file}-wal`)).toBe(false);
  });

  it("a name of a database is a path, never a URI or a database in memory", async () => {
    const folder = freshFolder();
    const before = process.cwd();
    process.chdir(folder);
    try {
      for (const name of [":memory:", "file:a.db?mode=memory"]) {
        const { store } = await open(name);
        await store.close();
        expect(existsSync(path.join(folder, name))).toBe(true);
      }
    } finally {
      process.chdir(before);
    }
  });

  it("a folder is rejected as a database", async () => {
    await expect(open(freshFolder())).rejects.toEqual(refusal(/is a folder: /));
  });

  it("a database in a missing folder is rejected, and the folder is not created", async () => {
    const folder = path.join(freshFolder(), "missing");
    await expect(open(path.join(folder, "a.db"))).rejects.toEqual(refusal(/folder .* does not exist: /));
    expect(existsSync(folder)).toBe(false);
  });

  it("a path that leads nowhere is rejected", async () => {
    const folder = freshFolder();
    symlinkSync("round.db", path.join(folder, "round.db"));
    symlinkSync("round", path.join(folder, "round"));
    await expect(open(path.join(folder, "round.db"))).rejects.toEqual(refusal(/links .* form a circle: .*round\.db$/));
    await expect(open(path.join(folder, "round", "a.db"))).rejects.toEqual(refusal(/links .* form a circle: /));
    await expect(open(path.join(folder, "a".repeat(300)))).rejects.toEqual(refusal(/is too long: /));
    writeFileSync(path.join(folder, "file"), "");
    await expect(open(path.join(folder, "file", "deep", "a.db"))).rejects.toEqual(
      // Some versions of Node say so, others only that there is nothing.
      refusal(/is not a folder: |does not exist: /),
    );
  });

  it("a file that is no database is rejected and not changed", async () => {
    const file = fresh();
    const content = "these are the minutes of a meeting\n".repeat(200);
    writeFileSync(file, content);
    await expect(open(file)).rejects.toEqual(refusal(/is not an SQLite database: /));
    expect(readFileSync(file, "utf8")).toBe(content);
  });

  it("a file or folder without write access is rejected", async () => {
    if (mayMount) {
      const disk = mountSmall(4096);
      try {
        const file = path.join(disk.folder, "ampho.db");
        await (await open(file)).store.close();
        disk.remount("ro");
        await expect(open(file)).rejects.toEqual(refusal(/cannot be written to: /));
      } finally {
        disk.end();
      }
    } else {
      const file = fresh();
      await (await open(file)).store.close();
      chmodSync(file, 0o444);
      await expect(open(file)).rejects.toEqual(refusal(/cannot be written to: /));
    }
  });

  it("a schema newer than the program is rejected, by the commands too", async () => {
    const file = fresh();
    await (await open(file)).store.close();
    const database = new (loadDriver(undefined).DatabaseSync)(file);
    const later = `insert into ampho_migrations (version, name, serves_from, applied_at)
      values (${known.length + 1}, 'later', ${known.length + 1}, 1)`;
    database.exec(later);
    database.close();
    const newer = refusal(
      new RegExp(`schema version ${known.length + 1}, but this program only knows ${known.length}`),
    );
    await expect(open(file)).rejects.toEqual(newer);
    const migrations = openSqliteMigrations({ path: file });
    await expect(migrations.down()).rejects.toEqual(newer);
    await expect(migrations.up()).rejects.toEqual(newer);
    expect((await migrations.list()).map(({ name }) => name)).toEqual([...known.map(({ name }) => name), "later"]);
    await migrations.close();
  });

  it("an old schema without migration is rejected with the name of the command", async () => {
    const file = fresh();
    await expect(open(file, { migrate: false })).rejects.toEqual(refusal(/`ampho db-up`/));
    await (await open(file)).store.close();
    const { store } = await open(file, { migrate: false });
    await store.close();
  });

  it("each migration is applied once to an empty database that ten processes open at once, and none fails", async () => {
    const file = fresh();
    const children = Array.from({ length: 10 }, () => startChild("open", file));
    // All of them open it at once, and none of them has less time because others still start.
    for (const child of children) await child.line();
    for (const child of children) child.process.stdin.write("\n");
    const reported = await Promise.all(children.map(async (child) => JSON.parse((await child.line()) ?? "{}")));
    expect(reported.filter(({ opened }) => !opened)).toEqual([]);
    // One process can apply the first migration and another one the next.
    expect(reported.flatMap(({ notices }) => notices).sort()).toEqual([...applied].sort());
  });
});

describe("migrations", () => {
  it("migrations go forward, back and forward again, and a second forward does nothing", async () => {
    const migrations = openSqliteMigrations({ path: fresh() });
    const all = known.map(({ version, name }) => ({ version, name }));
    const at = (appliedAt: unknown) => all.map((each) => ({ ...each, appliedAt }));
    expect(await migrations.current()).toBe(0);
    expect(await migrations.list()).toEqual(at(null));
    expect(await migrations.up()).toEqual(at(expect.any(Number)));
    expect(await migrations.up()).toEqual([]);
    expect(await migrations.current()).toBe(all.length);
    expect(await migrations.list()).toEqual(at(expect.any(Number)));
    for (const each of [...all].reverse()) expect(await migrations.down()).toMatchObject(each);
    expect(await migrations.down()).toBeUndefined();
    expect(await migrations.current()).toBe(0);
    expect(await migrations.up()).toMatchObject(all);
    await migrations.close();
  });

  it("reverting all migrations leaves only their list", async () => {
    const file = fresh();
    const migrations = openSqliteMigrations({ path: file });
    await migrations.up();
    while ((await migrations.current()) > 0) await migrations.down();
    await migrations.close();
    const database = new (loadDriver(undefined).DatabaseSync)(file);
    const names = database.prepare("select name from sqlite_schema where name not like 'sqlite_%'").all();
    database.close();
    expect(names.map((row) => row["name"])).toEqual(["ampho_migrations"]);
  });

  it("each database has an epoch of its own", async () => {
    const epochs = await Promise.all(
      [fresh(), fresh()].map(async (file) => {
        const { store } = await open(file);
        const { epoch } = await store.readRevocations({ after: 0, now: 0 });
        await store.close();
        return epoch;
      }),
    );
    expect(new Set(epochs).size).toBe(2);
  });
});
