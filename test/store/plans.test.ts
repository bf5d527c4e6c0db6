// No statement of any operation reads a whole table that grows: each is explained as it is run.
import { beforeAll, describe, expect, it } from "vitest";
import { sqliteDialect } from "../../dist/store/dialect.js";
import { migrateUp } from "../../dist/store/migrations/migrate.js";
import {
  type OperationInput,
  type OperationName,
  type OperationOutput,
  operations,
  startOperation,
} from "../../dist/store/operations.js";
import { openConnection } from "../../dist/store/sqlite/connection.js";
import { loadDriver } from "../../dist/store/sqlite/driver.js";
import type { Step, Transaction } from "../../dist/store/transaction.js";
import { runEveryOperation } from "./every-operation.js";
import { start } from "./fixtures.js";

/** They count, list or clear tables that are held to a size, and no login waits for them. */
const ofBoundedTables: ReadonlySet<string> = new Set(["pruneAttempts", "listLockouts", "clearLockouts"]);

/** A scan of the imports in progress, or of service accounts, which are few. */
const ofFew = /^SCAN ampho_(?:imports USING (?:COVERING )?INDEX ampho_imports_open|services\b.*)$/;

/** Waits for no other transaction, or is of the state row and of what its lock protects. */
const isBehindState = (step: Step): boolean =>
  !("advisoryLock" in step) &&
  (!("sql" in step) ||
    (step.lock === undefined &&
      /^\s*(?:select|update ampho_state|insert into ampho_(?:revocations|audit|mails|user_events))\b/.test(step.sql)));

/** The statements that wait for other rows while their transaction has the lock of the state row. */
function* findingWaits<T>(operation: string, work: Transaction<T>, waits: string[]): Transaction<T> {
  let step = work.next([]);
  let hasState = false;
  while (!step.done) {
    const { value } = step;
    if (hasState && !isBehindState(value))
      waits.push(`${operation}: ${"sql" in value ? value.sql : "an advisory lock"}`);
    if ("sql" in value && /^\s*update ampho_state\b/.test(value.sql)) hasState = true;
    step = work.next(yield value);
  }
  return step.value;
}

interface Explained {
  readonly operation: string;
  readonly sql: string;
  readonly steps: readonly string[];
  readonly changesIndex: boolean;
}

function* explaining<T>(operation: OperationName, work: Transaction<T>, all: Explained[]): Transaction<T> {
  let step = work.next([]);
  while (!step.done) {
    if (!("sql" in step.value)) {
      // A transaction that only reads can be repeated, so that it must write nothing.
      if ("end" in step.value && step.value.end === "read") expect(operations[operation].access).toBe("read");
      step = work.next(yield step.value);
      continue;
    }
    const { sql, parameters } = step.value;
    if (operations[operation].access === "read") expect(sql, operation).not.toMatch(/^\s*(insert|update|delete)\b/i);
    const plan = yield { sql: `explain query plan ${sql}`, parameters };
    const program = yield { sql: `explain ${sql}`, parameters };
    all.push({
      operation,
      sql,
      steps: plan.map((row) => String(row["detail"])),
      changesIndex: program.some((row) => row["opcode"] === "IdxInsert" || row["opcode"] === "IdxDelete"),
    });
    step = work.next(yield step.value);
  }
  return step.value;
}

type Watch = <T>(operation: OperationName, work: Transaction<T>) => Transaction<T>;

/** Runs every operation in each way that it can go. */
async function watchAll(watch: Watch): Promise<void> {
  const connection = openConnection(loadDriver(undefined), undefined, true);
  while (connection.run(migrateUp(sqliteDialect, start)) !== undefined);
  const run = <P extends OperationName>(operation: P, input: OperationInput<P>): OperationOutput<P> =>
    connection.run(watch(operation, startOperation(operation, input)));

  await runEveryOperation(run);
  connection.close();
}

/** Returns the plans of all statements. */
async function explainAll(): Promise<readonly Explained[]> {
  const all: Explained[] = [];
  await watchAll((operation, work) => explaining(operation, work, all));
  return all;
}

it("no transaction waits for another row while it has the lock of the state row, so none wait in a circle", async () => {
  const waits: string[] = [];
  await watchAll((operation, work) => findingWaits(operation, work, waits));
  expect(waits).toEqual([]);
});

describe("plans of statements", () => {
  let all: readonly Explained[] = [];
  beforeAll(async () => {
    all = await explainAll();
  });

  it("every operation was explained", () => {
    expect([...new Set(all.map(({ operation }) => operation))].sort()).toEqual(Object.keys(operations).sort());
  });

  it("no statement scans or sorts a table that grows", () => {
    const bad = all
      .filter(({ operation }) => !ofBoundedTables.has(operation))
      .filter(({ steps }) =>
        steps.some(
          (step) =>
            /\bSCAN (?!\d+-ROW VALUES|CONSTANT ROW|(?:asked|stretches|limited)$)|TEMP B-TREE/.test(step) &&
            !ofFew.test(step),
        ),
      );
    expect(bad).toEqual([]);
  });

  it("a renewal looks sessions up by their id only", () => {
    const steps = all
      .filter(({ operation, sql }) => operation === "renewSession" && sql.includes("ampho_sessions"))
      .flatMap((each) => each.steps)
      .filter((step) => step.includes("ampho_sessions"));
    expect(new Set(steps)).toEqual(
      new Set(["SEARCH ampho_sessions USING INDEX sqlite_autoindex_ampho_sessions_1 (id=?)"]),
    );
  });

  it("neither a renewal nor a login in a live session changes an index of sessions", () => {
    const updating = all.filter(({ sql }) => sql.includes("update ampho_sessions"));
    const changing = updating.filter(({ changesIndex }) => changesIndex);
    expect(changing.map(({ operation }) => operation)).toContain("endSession");
    for (const name of ["renewSession", "grantSession"]) {
      expect(updating.map(({ operation }) => operation)).toContain(name);
      // It ends the session when that is a replay, and the oldest ones of a user who has too many.
      const further = changing.filter(({ operation, sql }) => operation === name && !sql.includes("end_reason"));
      expect(further).toEqual([]);
    }
  });
});
