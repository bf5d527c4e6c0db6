// Statements that the server keeps prepared (`?prepare=true`), for a role that cannot change the schema. The tests
// check their results, their number, and the behaviour when their names or plans are gone.
import { createHash } from "node:crypto";
import pg from "pg";
import { expect, it } from "vitest";
import { createAmpho } from "../../dist/index.js";
import {
  type OperationInput,
  type OperationName,
  type OperationOutput,
  startOperation,
} from "../../dist/store/operations.js";
import { connect } from "../../dist/store/postgres/connection.js";
import { createPool } from "../../dist/store/postgres/pool.js";
import { createRunner } from "../../dist/store/postgres/runner.js";
import { createStatementNames, type StatementNames } from "../../dist/store/postgres/statement-names.js";
import { transact } from "../../dist/store/postgres/transact.js";
import { ask, end, query, queryLast, type Transaction, write } from "../../dist/store/transaction.js";
import { keyOfAll } from "../faults/ground.js";
import { startWireProxy } from "../faults/wire-proxy.js";
import { preparing } from "../world/postgres.js";
import { useDatabase, usePostgres } from "../world/use-postgres.js";
import { runEveryOperation } from "./every-operation.js";
import { ann, login, operator, start } from "./fixtures.js";

const server = usePostgres();
const database = useDatabase(server);

const limits = { statementMs: 20_000, idleMs: 20_000 };
const ending = { userId: ann.id, now: start, origin: operator, foreignMaxSeconds: 60 };

async function connected(names?: StatementNames) {
  const url = new URL(database.runtimeUrl);
  url.searchParams.set("options", "-c plan_cache_mode=force_generic_plan");
  const connection = await connect(pg, url.href, 2000, names);
  const run = async <P extends OperationName>(operation: P, input: OperationInput<P>): Promise<OperationOutput<P>> =>
    (await transact<OperationOutput<P>>(connection, () => startOperation(operation, input), limits)).value;
  return { connection, run, rows: async (sql: string) => (await connection.query(sql)).rows };
}

type Connected = Awaited<ReturnType<typeof connected>>;

/** The rows of a statement without an order come in any. */
const sorted = (rows: readonly unknown[]) => rows.map((each) => JSON.stringify(each)).sort();
function inAnyOrder(operation: OperationName, output: unknown): unknown {
  if (operation === "findApiKeys") return sorted(output as readonly unknown[]);
  if (operation !== "listAccess") return output;
  const access = output as OperationOutput<"listAccess">;
  return { ...access, origins: sorted(access.origins) };
}

/** The results of all operations, in order, without the random epoch. */
async function comeTo({ run }: Connected): Promise<readonly unknown[]> {
  await database.empty();
  const all: unknown[] = [];
  await runEveryOperation(
    async <P extends OperationName>(operation: P, input: OperationInput<P>): Promise<OperationOutput<P>> => {
      const output = await run(operation, input);
      const compared = JSON.stringify(inAnyOrder(operation, output));
      all.push({ operation, output: compared?.replace(/"epoch":"[^"]*"/, "") });
      return output;
    },
  );
  return all;
}

const prepared = "select name, statement from pg_prepared_statements order by name";

it("every operation has the same result with prepared statements, and each text has one name", async () => {
  const plain = await connected();
  const expected = await comeTo(plain);
  expect(await plain.rows(prepared)).toEqual([]);
  plain.connection.end();

  const named = await connected(createStatementNames(() => {}));
  expect(await comeTo(named)).toEqual(expected);
  const kept = await named.rows(prepared);
  expect(kept.length).toBeGreaterThan(80);
  for (const { name, statement } of kept) {
    const digest = createHash("sha256").update(String(statement)).digest("base64url");
    expect(name).toBe(`ampho_${digest.slice(0, 22)}`);
  }
  // No text is made of data: what was done before is done by what is there.
  await comeTo(named);
  expect(await named.rows(prepared)).toEqual(kept);
  named.connection.end();
});

it("the number of statement names is limited", () => {
  const names = createStatementNames(() => {});
  const given = Array.from({ length: 1000 }, (_, at) => names.of(`select ${at}`)).filter(Boolean);
  expect(new Set(given).size).toBe(500);
  expect([names.of("select 1"), names.of("select 999")]).toEqual([given[1], undefined]);
});

async function proxied() {
  const proxy = await startWireProxy(server.port);
  const url = new URL(database.runtimeUrl);
  url.port = String(proxy.port);
  return { proxy, url: url.href };
}

/** A runner as in the driver, with one connection, and the log lines about names. */
function running(url = database.runtimeUrl) {
  const reported: string[] = [];
  const names = createStatementNames(() => reported.push("rejected"));
  const pool = createPool(() => connect(pg, url, 2000, names), {
    connections: 1,
    reserved: 0,
    waiting: 10,
    idleMs: 60_000,
  });
  const runner = createRunner(pool, names);
  const behind = async (sql: string) => {
    const connection = await pool.take(1000, true);
    const { rows } = await connection.query(sql).finally(() => pool.give(connection));
    return rows;
  };
  const run = async <P extends OperationName>(operation: P, input: OperationInput<P>): Promise<OperationOutput<P>> =>
    (await runner.run<OperationOutput<P>>(() => startOperation(operation, input))).value;
  return { runner, run, behind, names, reported, close: () => pool.close() };
}

it("a migration under a running process renews old plans without an error", async () => {
  await database.empty();
  const { runner, run, behind, names, reported, close } = running();
  await run("createUser", { user: ann, now: start, origin: operator });
  const found = await run("findUser", "ann");
  const before = (await behind(prepared)).length;

  await database.query("alter table ampho.ampho_users add column added bigint not null default 1");
  expect(await run("findUser", "ann")).toEqual(found);
  await database.query("alter table ampho.ampho_users alter column roles_version type integer");
  // The server rejects the old plan.
  const text = "select roles_version from ampho_users where id = $1";
  const raw = await connected(createStatementNames(() => {}));
  await raw.connection.query(text, [ann.id]);
  await database.query("alter table ampho.ampho_users alter column roles_version type bigint");
  await expect(raw.connection.query(text, [ann.id])).rejects.toMatchObject({ code: "0A000" });
  raw.connection.end();

  await database.query("alter table ampho.ampho_users alter column roles_version type integer");
  expect(await run("findUser", "ann")).toEqual(found);
  expect(await run("findUser", "ann")).toEqual(found);
  // A statement that returns rows and travels with others writes it.
  await run("setRoles", { ...ending, rolePolicies: {}, change: { set: ["admin"] } });
  expect(await run("findUser", "ann")).toMatchObject({ roles: ["admin"] });
  await database.query("alter table ampho.ampho_users alter column roles_version type bigint, drop column added");
  await run("setRoles", { ...ending, rolePolicies: {}, change: { set: ["editor"] } });
  expect(await run("findUser", "ann")).toMatchObject({ roles: ["editor"] });
  expect((await behind(prepared)).length).toBeGreaterThan(before);
  // More of them in one transaction than a transaction is tried again for anything else.
  function* several(): Transaction<void> {
    for (let at = 0; at < 12; at++)
      yield* query(`select roles_version as v${at} from ampho_users where id = ?`, [ann.id]);
  }
  await runner.run(several);
  await database.query("alter table ampho.ampho_users alter column roles_version type integer");
  await runner.run(several);
  await database.query("alter table ampho.ampho_users alter column roles_version type bigint");
  expect([names.rejected, reported]).toEqual([false, []]);
  await close();
});

it("a transaction whose names a pooler dropped is done once without names, with one log line", async () => {
  await database.empty();
  const { runner, run, behind, names, reported, close } = running();
  await run("createUser", { user: ann, now: start, origin: operator });
  for (const random of ["first", "second"]) await run("grantSession", login({ random }));
  const out = { ...ending, reason: "logout" as const };
  await run("endSession", { ...out, id: "0.first" });
  expect(await behind(prepared)).not.toEqual([]);

  await behind("deallocate all");
  // Its commit travels with the numbers and rows of the revocation.
  const ended = await runner.run(() => startOperation("endSession", { ...out, id: "0.second" }));
  expect(ended).toMatchObject({ value: true, effects: { revoked: [{ n: 2 }] } });
  expect(await run("endSession", { ...out, id: "0.second" })).toBe(false);
  expect([names.rejected, reported]).toEqual([true, ["rejected"]]);
  await behind("discard all");
  await run("findUser", "ann");
  expect(await behind(prepared)).toEqual([]);
  expect(reported).toHaveLength(1);
  const ends = await database.query(
    "select session_id from ampho.ampho_audit where reason = 'logout' or event = 'logout'",
  );
  expect(ends.map((row) => row["session_id"]).sort()).toEqual(["0.first", "0.second"]);
  await close();
});

it("a name that another process has prepared means the same statement", async () => {
  await database.empty();
  const first = running();
  await first.run("createUser", { user: ann, now: start, origin: operator });
  const found = await first.run("findUser", "ann");
  const all = await first.behind(prepared);
  await first.close();

  const { run, behind, reported, close } = running();
  for (const { name } of all) await behind(`prepare "${name}" as select 1 as id`);
  expect(await run("findUser", "ann")).toEqual(found);
  expect(reported).toEqual(["rejected"]);
  await close();
});

it("a transaction that fails during its commit leaves no name that was not prepared", async () => {
  await database.empty();
  const { proxy, url } = await proxied();
  const { runner, reported, close } = running(url);
  // The statements behind the failed one fail too. One of them would have prepared a name, and the client hears of it later.
  let errors = 0;
  proxy.judge(({ from, kind }) => {
    if (from === "server" && kind === "E") errors += 1;
    else if (errors > 0) proxy.delay(20);
    return "pass";
  });
  const shared = "select n from ampho_revocations where n = ?";
  function* failing(): Transaction<unknown> {
    const read = yield* ask("select 1 / cast(? as integer)", [0], (row) => row);
    yield* write(shared, [1]);
    yield* end("read");
    return yield* read();
  }
  const failed = runner.run(failing);
  // The next one, as soon as the connection is free.
  const next = runner.run(() => queryLast(shared, [1]));
  await expect(failed).rejects.toMatchObject({ code: "22012" });
  expect(await next).toMatchObject({ value: [] });
  expect(errors).toBe(2);
  expect(reported).toEqual([]);
  await close();
  await proxy.close();
});

it("a plan of a tiny table is replaced with its statistics", async () => {
  await database.empty();
  await database.query("vacuum analyze");
  const { connection, run, rows } = await connected(createStatementNames(() => {}));
  await run("createUser", { user: ann, now: start, origin: operator });
  await database.query("vacuum analyze ampho.ampho_users");
  for (let times = 0; times < 7; times++) await run("findUser", "ann");
  const [statement] = await rows(
    "select name from pg_prepared_statements where statement like '%from ampho_users where canonical = %'",
  );
  const plan = async () => JSON.stringify(await rows(`explain execute "${statement?.["name"]}" ('ann')`));
  expect(await plan()).toMatch(/Seq Scan on ampho_users.*\$1/);
  await database.query(`insert into ampho.ampho_users
    (id, login, canonical, password_hash, password_version, roles, roles_version, disabled, created_at)
    select 'x' || i, 'x' || i, 'x' || i, 'h', 1, '[]', 1, 0, 1 from generate_series(1, 10000) as i`);
  // As autovacuum does it.
  await database.query("analyze ampho.ampho_users");
  expect(await plan()).toMatch(/Index Scan using ampho_users_canonical_key.*\$1/);
  connection.end();
});

it("login, renewal, attempts, roles and logout over HTTP parse their statements once", async () => {
  await database.empty();
  const { proxy, url } = await proxied();
  const ampho = await createAmpho({ key: keyOfAll, databaseUrl: preparing(url), databaseMigrate: "off" });
  const user = await ampho.users.create({ login: "alice", password: "violet kettle harbour morning" });
  const parsed: string[] = [];
  proxy.judge(({ connection, from, kind, bytes }) => {
    if (from === "client" && kind === "P")
      parsed.push(`${connection} ${bytes.subarray(5).toString("latin1").split("\0")[0]}`);
    return "pass";
  });
  const ask = async (path: string, body: object, token?: string) => {
    const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
    const request = new Request(`https://a.example/api/security${path}`, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
    });
    const response = await ampho.fetch(request, { address: "192.0.2.7" });
    const text = await response.text();
    return { status: response.status, json: text === "" ? {} : JSON.parse(text) };
  };
  const wrong = { login: "alice", password: "wrong" };
  for (const role of ["editor", "admin", "editor", "admin"]) {
    expect((await ask("/login", wrong)).status).toBe(401);
    const login = await ask("/login", { login: "alice", password: "violet kettle harbour morning" });
    const renewed = await ask("/renew", { refresh_token: login.json.refresh_token });
    expect([login.status, renewed.status]).toEqual([200, 200]);
    expect((await ask("/logout", {}, renewed.json.token)).status).toBe(204);
    expect((await ask("/renew", { refresh_token: renewed.json.refresh_token })).status).toBe(401);
    await ampho.users.setRoles(user.login, [role]);
  }
  await ampho.close();
  await proxy.close();
  expect(parsed.length).toBeGreaterThan(10);
  expect(parsed.filter((each) => !/^\d+ ampho_[\w-]{22}$/.test(each))).toEqual([]);
  expect(new Set(parsed).size).toBe(parsed.length);
});
