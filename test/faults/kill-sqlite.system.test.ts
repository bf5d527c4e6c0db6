// kill -9 of the process that writes, when SQLite's write-ahead log begins to change, for each endpoint and command that
// writes.
import { type FSWatcher, mkdtempSync, rmSync, watch } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadDriver } from "../../dist/store/sqlite/driver.js";
import { openSqliteMigrations } from "../../dist/store/sqlite/store.js";
import { freshPlace, unthrottled } from "../world/serve.js";
import { keyOfAll } from "./ground.js";
import { expectWhole, type Killer, type KillGround, learn } from "./killing.js";
import { appUrl, openBeside, type Write, writes } from "./writes.js";

let folder = "";
let ground: KillGround;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "ampho-kill-"));
  const file = path.join(folder, "ampho.db");
  const migrations = openSqliteMigrations({ path: file });
  await migrations.up();
  await migrations.close();
  const databaseUrl = `sqlite:${file}`;
  const key = JSON.stringify(keyOfAll);
  ground = {
    place: freshPlace({
      AMPHO_SECURITY_KEY: key,
      AMPHO_DATABASE_URL: databaseUrl,
      AMPHO_APP_URL: appUrl,
      ...unthrottled,
    }),
    beside: await openBeside(databaseUrl),
    rows: async (sql) => {
      const { DatabaseSync } = loadDriver(undefined);
      const database = new DatabaseSync(file);
      const rows = database.prepare(sql).all();
      database.close();
      return rows;
    },
  };
});
afterAll(async () => {
  await ground.beside.close();
  rmSync(folder, { recursive: true, force: true });
});

function killer(): Killer {
  let watching: FSWatcher | undefined;
  let killed = false;
  return {
    arm: (kill) => {
      watching = watch(folder, (_, name) => {
        if (name !== "ampho.db-wal") return;
        killed = true;
        kill();
      });
    },
    disarm: async () => {
      watching?.close();
      return killed;
    },
  };
}

describe("a kill during a write", () => {
  it.each(writes)("a kill during $name leaves all of it or nothing", { timeout: 180_000 }, async (write: Write) => {
    const whole = await learn(ground, write);
    expect(await expectWhole(ground, write, whole, killer()), "the process was killed").toBe(true);
    expect(await ground.rows("pragma integrity_check")).toEqual([{ integrity_check: "ok" }]);
  });
});
