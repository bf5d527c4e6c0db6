// No statement of any operation reads a whole table that grows, on PostgreSQL. Each statement is explained as it runs, over
// tables with enough rows for the planner to have a choice. It is explained with its own values, and with the plan for all
// values that a prepared statement can get.
import pg from "pg";
import { beforeAll, expect, it } from "vitest";
import {
  type OperationInput,
  type OperationName,
  type OperationOutput,
  operations,
  startOperation,
} from "../../dist/store/operations.js";
import { connect } from "../../dist/store/postgres/connection.js";
import { transact } from "../../dist/store/postgres/transact.js";
import type { Row } from "../../dist/store/rows.js";
import type { Transaction } from "../../dist/store/transaction.js";
import { useDatabase } from "../world/use-postgres.js";
import { runEveryOperation } from "./every-operation.js";
import { filling, postgresSeries } from "./many-rows.js";

const database = useDatabase();
beforeAll(async () => {
  await database.empty();
  // An operation empties a table. If the server analysed it then, the planner would scan it.
  await database.query(`do $$ declare name text; begin
    for name in select tablename from pg_tables where schemaname = 'ampho' loop
      execute format('alter table ampho.%I set (autovacuum_enabled = false)', name);
    end loop; end $$`);
  for (const statement of filling(postgresSeries, 1, 30_000))
    await database.query(`set search_path = ampho; ${statement}`);
  await database.query("analyze");
});

/** They count, list or clear tables that are held to a size, and no login waits for them. */
const ofBoundedTables: ReadonlySet<string> = new Set(["pruneAttempts", "listLockouts", "clearLockouts"]);
/** As in plans.test.ts. */
const ofOperators: ReadonlySet<string> = new Set([
  "writeApplicationOwnsUsers",
  "removeAllApiKeys",
  "endAllSessions",
  "listOldSecrets",
  "countLockedOut",
]);
const small = ["ampho_state", "ampho_imports", "ampho_services", "ampho_housekeeping"];

interface Explained {
  readonly operation: string;
  readonly sql: string;
  readonly plan: string;
}

function* explaining<T>(operation: string, work: Transaction<T>, all: Explained[]): Transaction<T> {
  let step = work.next([]);
  while (!step.done) {
    if ("sql" in step.value) {
      const { deferred: _, mails: __, sql, ...rest } = step.value;
      const plan = yield { ...rest, sql: `explain ${sql}` };
      all.push({ operation, sql, plan: textOf(plan) });
      yield { ...rest, sql: `prepare explained as ${sql}`, parameters: [] };
      const values = rest.parameters.map((value) => (value === null ? "null" : pg.escapeLiteral(String(value))));
      const generic = yield {
        sql: `explain execute explained ${values.length > 0 ? `(${values.join(", ")})` : ""}`,
        parameters: [],
      };
      all.push({ operation, sql, plan: textOf(generic) });
      yield { sql: "deallocate explained", parameters: [] };
    }
    step = work.next(yield step.value);
  }
  return step.value;
}

const textOf = (plan: readonly Row[]) => plan.map((row) => row["QUERY PLAN"]).join("\n");

it("no statement on PostgreSQL scans a table that grows", async () => {
  const url = new URL(database.runtimeUrl);
  url.searchParams.set("options", "-c plan_cache_mode=force_generic_plan");
  const connection = await connect(pg, url.href, 2000);
  const all: Explained[] = [];
  await runEveryOperation(async <P extends OperationName>(operation: P, input: OperationInput<P>) => {
    const start = () => explaining(operation, startOperation(operation, input), all);
    const { value } = await transact<OperationOutput<P>>(connection, start, { statementMs: 20_000, idleMs: 20_000 });
    return value;
  });
  connection.end();
  expect(new Set(all.map(({ operation }) => operation))).toEqual(new Set(Object.keys(operations)));
  const scans = new RegExp(`Seq Scan on (?!${small.join("|")})`);
  const guarded = all.filter(({ operation }) => !ofBoundedTables.has(operation) && !ofOperators.has(operation));
  const bad = guarded.filter(({ plan }) => scans.test(plan));
  expect(bad.map(({ operation, plan }) => `${operation}\n${plan}`)).toEqual([]);
  // Every second is the plan for all values, and one that looks for a value names its place.
  expect(all.filter(({ plan }, at) => /Index Cond: .*\$1/.test(plan) && at % 2 === 0)).toEqual([]);
  expect(all.filter(({ plan }, at) => /Index Cond: .*\$1/.test(plan) && at % 2 === 1)).not.toEqual([]);
});
