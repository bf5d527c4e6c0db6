// Calls after one without a response, over a network whose round trips take 600 ms.
import pg from "pg";
import { expect, it } from "vitest";
import { connect } from "../../dist/store/postgres/connection.js";
import { createPool } from "../../dist/store/postgres/pool.js";
import { createRunner } from "../../dist/store/postgres/runner.js";
import { query, type Transaction } from "../../dist/store/transaction.js";
import { useDatabase, usePostgres } from "../world/use-postgres.js";
import { startCuttingProxy } from "./cutting-proxy.js";

const server = usePostgres();
const database = useDatabase(server);

/** Three round trips. */
function* slow(): Transaction<number> {
  yield* query("select 1 as one");
  return (yield* query("select 2 as two")).length;
}

it("a slow network recovers from a call without a response, without a pause between the calls", async () => {
  await database.empty();
  const proxy = await startCuttingProxy(server.port);
  const url = new URL(database.runtimeUrl);
  url.port = String(proxy.port);
  const limits = { connections: 2, reserved: 0, waiting: 10, idleMs: 60_000 };
  const pool = createPool(() => connect(pg, url.href, 4000), limits);
  const runner = createRunner(pool);
  const outcome = () =>
    runner.run(slow).then(
      () => "done",
      () => "failed",
    );
  expect(await outcome()).toBe("done");
  proxy.delay(300);
  expect(await outcome()).toBe("done");
  proxy.swallow(true);
  expect(await outcome()).toBe("failed");
  proxy.swallow(false);
  const outcomes: string[] = [];
  while (outcomes.at(-1) !== "done" && outcomes.length < 8) outcomes.push(await outcome());
  expect(outcomes.at(-1)).toBe("done");
  // A network without the delay has the short limit again soon.
  proxy.delay(0);
  for (let calls = 0; calls < 20; calls += 1) expect(await outcome()).toBe("done");
  proxy.swallow(true);
  expect(await outcome()).toBe("failed");
  const since = performance.now();
  expect(await outcome()).toBe("failed");
  expect(performance.now() - since).toBeLessThan(1500);
  proxy.swallow(false);
  await pool.close();
  await proxy.close();
});
