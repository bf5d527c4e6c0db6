// A request responds within 6 s (docs/reference/contract.md §5), also where each of its transactions waits for another lock.
import pg from "pg";
import { expect, it, onTestFinished, vi } from "vitest";
import { openWorld, password, type World } from "../world/ampho.js";
import { startStopwatch } from "../world/deadline.js";
import { DatabaseSync } from "../world/sqlite.js";
import { useDatabase } from "../world/use-postgres.js";
import { pause } from "../world/wait.js";

/** The limit of the contract, without the time of the hash, which is 50 ms or more on an idle machine. */
const limitMs = 5_900;
const login = { body: { login: "ann", password } };

/** The hashes of an instance have waited and taken so long, which is much on a busy machine. */
const hashingMs = (world: World): number =>
  [...world.ampho.metrics().matchAll(/^ampho_hash_(?:wait|duration)_seconds_sum (\S+)$/gm)].reduce(
    (sum, [, seconds]) => sum + 1000 * Number(seconds),
    0,
  );

/** Logs in while the locks go, and checks that the response comes in time and that nothing is left behind. */
async function expectInTime(world: World, locks: Promise<unknown>) {
  const [elapsed, beforeMs] = [startStopwatch(), hashingMs(world)];
  const response = await world.call("POST", "/login", login);
  const ms = elapsed() - (hashingMs(world) - beforeMs);
  await locks;
  expect([response.status, response.error]).toEqual([503, "unavailable"]);
  expect(ms).toBeLessThan(limitMs);
  const again = await world.call("POST", "/login", login);
  expect(again.status, again.text).toBe(200);
  expect((await world.events()).filter((event) => event === "login")).toHaveLength(1);
}

const database = useDatabase();

/** Resolves when the table is locked, to the function that unlocks it after a time. */
async function lockTable(table: string): Promise<(afterMs: number) => Promise<void>> {
  const client = new pg.Client(database.ownerUrl);
  await client.connect();
  await client.query(`begin; lock table ampho.${table} in access exclusive mode`);
  return async (afterMs) => {
    await pause(afterMs);
    await client.query("commit");
    await client.end();
  };
}

it("a login responds within 6 s while PostgreSQL locks one of its tables after the other", {
  timeout: 60_000,
}, async () => {
  await database.empty();
  const world = await openWorld({ databaseUrl: database.runtimeUrl });
  await world.user("ann", { password });
  const attempts = await lockTable("ampho_attempts");
  const users = await lockTable("ampho_users");
  const sessions = await lockTable("ampho_sessions");
  await expectInTime(world, Promise.all([attempts(2_500), users(4_500), sessions(10_000)]));
});

it("a login responds within 6 s while another process takes the write lock of SQLite between its transactions", {
  timeout: 60_000,
}, async () => {
  const world = await openWorld();
  await world.user("ann", { password });
  const other = new DatabaseSync(world.databaseFile);
  onTestFinished(() => other.close());
  const run = (sql: string) => other.prepare(sql).all();
  run("pragma busy_timeout = 5000");
  const locks = async () => {
    run("begin immediate");
    await pause(3_000);
    run("commit");
    await vi.waitFor(() => expect(run("select * from ampho_attempts")).not.toEqual([]), {
      timeout: 60_000,
      interval: 5,
    });
    run("begin immediate");
    await pause(8_000);
    run("commit");
  };
  await expectInTime(world, locks());
});
