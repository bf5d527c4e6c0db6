// The contract of a store over PgBouncer in transaction mode, where the next transaction is another server process's.
import { type ChildProcess, spawn } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { DatabaseError } from "../../dist/store/database-error.js";
import { connect } from "../../dist/store/postgres/connection.js";
import { createPool } from "../../dist/store/postgres/pool.js";
import { createRunner } from "../../dist/store/postgres/runner.js";
import { createStatementNames } from "../../dist/store/postgres/statement-names.js";
import { openPostgres } from "../../dist/store/postgres/store.js";
import type { Store } from "../../dist/store/store.js";
import { ask, end, type Transaction, write } from "../../dist/store/transaction.js";
import { requireProgram } from "../deploy/programs.js";
import { installMs } from "../world/debian.js";
import { freePort } from "../world/free-port.js";
import { type Database, type PostgresServer, preparing } from "../world/postgres.js";
import { command, freshPlace } from "../world/serve.js";
import { giveToServer, serverFolder, serverUser } from "../world/server-user.js";
import { useDatabase, usePostgres } from "../world/use-postgres.js";
import { storeContract } from "./contract.js";
import { openSession, renewal } from "./fixtures.js";
import { expanding, makeLaterProgram, present } from "./later-program.js";

interface Pooler {
  readonly url: string;
  readonly ownerUrl: string;
  /** How many prepared statements it keeps for each connection of the server. 0: it does not support them. */
  keep(statements: number): void;
  stop(): void;
}

async function startPooler(
  { runtimeUrl, ownerUrl }: Database,
  server: PostgresServer,
  statements = 0,
): Promise<Pooler> {
  const folder = serverFolder("ampho-pgbouncer-");
  const [url, owner] = [new URL(runtimeUrl), new URL(ownerUrl)];
  const port = await freePort();
  const users = [url, owner].map(({ username, password }) => `"${username}" "${decodeURIComponent(password)}"\n`);
  writeFileSync(path.join(folder, "users.txt"), users.join(""));
  const configure = (statements: number) =>
    writeFileSync(
      path.join(folder, "pgbouncer.ini"),
      `[databases]
* = host=127.0.0.1 port=${server.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${folder}/users.txt
pool_mode = transaction
default_pool_size = 4
max_prepared_statements = ${statements}
`,
    );
  configure(statements);
  // It does not run as root.
  for (const name of ["users.txt", "pgbouncer.ini"]) giveToServer(path.join(folder, name));
  const child: ChildProcess = spawn(
    requireProgram("pgbouncer", "pgbouncer"),
    ["-q", path.join(folder, "pgbouncer.ini")],
    { ...serverUser, stdio: "ignore" },
  );
  const kill = () => void child.kill("SIGKILL");
  process.once("exit", kill);
  url.port = owner.port = String(port);
  return {
    url: url.href,
    ownerUrl: owner.href,
    keep: (statements) => {
      configure(statements);
      child.kill("SIGHUP");
    },
    stop: () => {
      kill();
      process.off("exit", kill);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const server = usePostgres();
const database = useDatabase(server);
let pooler: Pooler;
const open = () => openPostgres({ url: pooler.url, migrate: false, log: () => {} });
const responding = (open: () => Promise<Store>) =>
  vi.waitFor(async () => (await open()).close(), { timeout: 60_000, interval: 50 });

beforeAll(async () => {
  await database.empty();
  pooler = await startPooler(database, server);
  await responding(open);
}, installMs);
afterAll(async () => {
  await store?.close();
  pooler.stop();
});

let store: Store | undefined;
storeContract("PostgreSQL behind PgBouncer in transaction mode", async () => {
  await database.empty();
  store ??= await open();
  return { ...store, close: async () => {} };
});

/** The first renewal moves the session, and the second one gets the same generation. */
async function renewEach(stores: readonly [Store, Store]): Promise<void> {
  const sessions = await Promise.all(
    Array.from({ length: 40 }, (_, at) => openSession(stores[at % 2 === 0 ? 0 : 1], { stored: false })),
  );
  const outcomes = await Promise.all(
    sessions.flatMap((session) => stores.map((store) => store.renewSession(renewal(session, { ownRoles: [] })))),
  );
  expect(outcomes.filter(({ outcome }) => outcome === "renewed")).toHaveLength(40);
  expect(outcomes.filter(({ outcome }) => outcome === "repeated")).toHaveLength(40);
}

it("two processes behind the pooler leave nothing of one transaction in another's", async () => {
  await database.empty();
  const stores = [await open(), await open()] as const;
  await renewEach(stores);
  const left = await database.query(
    "select pid from pg_stat_activity where state like 'idle in transaction%' and datname = current_database()",
  );
  expect(left).toEqual([]);
  // The settings of a transaction end with it. The next client of the connection has the settings of the server.
  const next = new pg.Client({ connectionString: pooler.url });
  await next.connect();
  const { rows } = await next.query(
    "select name from pg_settings where name ~ '_timeout$' and setting <> reset_val or name = 'search_path' and source = 'session'",
  );
  await next.end();
  expect(rows).toEqual([]);
  for (const store of stores) await store.close();
});

it("a `Store` that would prepare statements is not opened over a pooler that does not know them", async () => {
  const opening = openPostgres({ url: preparing(pooler.url), migrate: false, log: () => {} });
  await expect(opening).rejects.toThrow(
    "The pooler in front of PostgreSQL does not take prepared statements. Remove prepare=true from AMPHO_DATABASE_URL.",
  );
  await expect(opening).rejects.toBeInstanceOf(DatabaseError);
});

it("a process prepares statements over a pooler that supports them, and goes on without when it does not any more", async () => {
  await database.empty();
  const knowing = await startPooler(database, server, 200);
  const reported: string[] = [];
  const open = () => openPostgres({ url: preparing(knowing.url), migrate: false, log: (line) => reported.push(line) });
  await responding(open);
  const stores = [await open(), await open()] as const;
  // A type that a migration changes: the pooler keeps the old plans.
  for (const type of ["integer", "bigint"]) {
    await renewEach(stores);
    await database.query(`alter table ampho.ampho_sessions alter column gen type ${type}`);
    await renewEach(stores);
  }
  expect(reported).toEqual([]);

  knowing.keep(0);
  await vi.waitFor(
    async () => {
      await renewEach(stores);
      expect(reported).toHaveLength(2);
    },
    { timeout: 60_000, interval: 50 },
  );
  await renewEach(stores);
  const line =
    "The pooler in front of PostgreSQL does not take prepared statements. Remove prepare=true from AMPHO_DATABASE_URL. Until the next start there are none.";
  expect(reported).toEqual([line, line]);
  for (const store of stores) await store.close();
  knowing.stop();
});

it("a name that was asked for behind a statement that failed is not asked for again: the pooler would end the connection", async () => {
  const knowing = await startPooler(database, server, 200);
  await responding(() => openPostgres({ url: knowing.url, migrate: false, log: () => {} }));
  const reported: string[] = [];
  const names = createStatementNames(() => reported.push("rejected"));
  let opened = 0;
  const pool = createPool(
    () => {
      opened += 1;
      return connect(pg, knowing.url, 2000, names);
    },
    { connections: 1, reserved: 0, waiting: 10, idleMs: 60_000 },
  );
  const runner = createRunner(pool, names);
  const shared = "select n from ampho_revocations where n = ?";
  function* both(divisor: number): Transaction<unknown> {
    yield* write("select 1 / cast(? as integer)", [divisor]);
    const read = yield* ask(shared, [0], (row) => row);
    // A writer's transaction is not done again when its connection is lost with the commit under way.
    yield* end("write");
    return yield* read();
  }
  await expect(runner.run(() => both(0))).rejects.toMatchObject({ code: "22012" });
  for (let times = 0; times < 2; times++) expect(await runner.run(() => both(1))).toMatchObject({ value: undefined });
  expect([opened, reported]).toEqual([1, []]);
  await pool.close();
  knowing.stop();
});

it("several that migrate at once, with an index that is built apart, are one", async () => {
  const later = makeLaterProgram(expanding);
  const place = { ...freshPlace({ AMPHO_DATABASE_URL: pooler.ownerUrl }), program: later.main };
  const done = await Promise.all([1, 2, 3].map(() => command(place, ["db-up"])));
  expect(done.map(({ code, stderr }) => (code === 0 ? 0 : stderr))).toEqual([0, 0, 0]);
  expect(done.map(({ stdout }) => stdout).join("")).toBe(`Applied migration ${present + 1} (expanding).\n`);
  expect(await command(place, ["db-down"])).toMatchObject({ code: 0 });
  later.remove();
});
