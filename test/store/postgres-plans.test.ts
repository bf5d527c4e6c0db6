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

const database = useDatabase();
beforeAll(async () => {
  await database.empty();
  // An operation empties a table. If the server analysed it then, the planner would scan it.
  await database.query(`do $$ declare name text; begin
    for name in select tablename from pg_tables where schemaname = 'ampho' loop
      execute format('alter table ampho.%I set (autovacuum_enabled = false)', name);
    end loop; end $$`);
  for (const statement of filling) await database.query(`set search_path = ampho; ${statement}`);
  await database.query("analyze");
});

const rows = 30_000;
const many = `generate_series(1, ${rows}) as i`;
const filling = [
  `insert into ampho_users (id, login, canonical, password_hash, password_version, roles, roles_version, disabled, created_at,
     email_canonical)
   select 'x' || i, 'x' || i, 'x' || i, 'h', 1, '[]', 1, 0, 1, 'e' || i from ${many}`,
  `insert into ampho_sessions (amr, acr, proved_at, refreshed_at,
       id, era, user_id, login, gen, proved_gen, created_at, auth_time, renewed_at, expires_at, ends_at,
     access_expires, delete_after)
   select '[]', '1fa', 0, 0, '0.x' || i, 0, 'x' || (i / 3), 'x', 1, 1, 1, 1, 1, 1790000000 + i, 1790000000 + i, 1790000000 + i, 1790000000 + i from ${many}`,
  `insert into ampho_revocations (n, at, until, kind, kid) select 1000 + i, 1, 1790000000 + i, 'key', 'k' from ${many}`,
  "update ampho_state set last_revocation = 100000",
  `insert into ampho_audit (at, event, login, actor) select i, 'login', 'x' || (i / 9), 'user' from ${many}`,
  `insert into ampho_attempts (key, kind, failures, pending, pending_until, streak, next_at, forget_at, failure_sources, recorded_sources,
     recorded_until, touched_at) select 'x' || i, 'login', 1, 0, 0, 1, 0, 0, '[]', '[]', 0, i from ${many}`,
  `insert into ampho_attempt_sources (source, entries, level, next_at, recorded_until, touched_at)
   select 'x' || i, '[]', 0, 0, 0, i from ${many}`,
  `insert into ampho_accounts (user_id, factors_version, devices_version, factors) select 'x' || i, 1, 0, '[]' from ${many}`,
  `insert into ampho_spent (hash, until, at) select 'x' || i, 1790000000 + i, 1 from ${many}`,
  `insert into ampho_totp (user_id, secret, kid, last_step, since) select 'x' || i, 's' || i, 'k', 1, 1 from ${many}`,
  `insert into ampho_passkeys (id, user_id, public_key, alg, sign_count, backup_eligible, backed_up, uv, transports, aaguid, rp, name,
     created_at) select 'x' || i, 'x' || (i / 3), '{}', -7, 0, 0, 0, 1, '[]', '0', 'rp', 'n', 1 from ${many}`,
  `insert into ampho_mail (pages, at, until, user_id, address, kind, claims, language, tries, sent_at)
     select '', 1, 1790000000 + i, 'x' || i, '', 'login', '{}', 'en', 1, 1 from ${many}`,
  `insert into ampho_user_events (at, user_id, change, reason, actor, tries, next_at)
     select 1790000000 + i, 'x' || (i / 2), 'changed', 'x', 'user', 1, 1800000000 + i from ${many}`,
  `insert into ampho_invites (id, email, email_canonical, roles, created_at, until)
     select 'x' || i, 'x' || i, 'x' || i, '[]', 1, 1790000000 + i from ${many}`,
  `insert into ampho_identities (issuer, subject, user_id, provider, created_at)
     select 'https://x.example', 'x' || i, 'x' || (i / 2), 'x', 1 from ${many}`,
  `insert into ampho_keys (id, hash, user_id, login, name, start, scopes, gen, created_at, expires_at)
     select 'x' || i, 'h' || i, 'x' || (i / 3), 'x', 'n', 's', '[]', 1, 1, 1790000000 + i from ${many}`,
  `insert into ampho_services (id, name, scopes, disabled, created_at) select 's' || i, 's' || i, '[]', 0, 1 from ${many}`,
  `insert into ampho_recovery (hash, user_id) select 'x' || i, 'x' || (i / 8) from ${many}`,
];

/** They count, list or clear tables that are held to a size, and no login waits for them. */
const ofBoundedTables: ReadonlySet<string> = new Set(["pruneAttempts", "listLockouts", "clearLockouts"]);
/** As in plans.test.ts. */
const ofOperators: ReadonlySet<string> = new Set([
  "writeApplicationOwnsUsers",
  "removeAllKeys",
  "endAllSessions",
  "countSessions",
  "countLockedOut",
  "findSessionUsers",
  "listOldSecrets",
  "countSecretsByKey",
  "listInvitations",
]);
const small = ["ampho_state", "ampho_imports", "ampho_housekeeping"];

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
