// The contract of a store over PgBouncer in transaction mode, where the next transaction is another server process's.
// Only where the program is installed (Debian: pgbouncer).
import { type ChildProcess, spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { openPostgres } from "../../dist/store/postgres.js";
import type { Store } from "../../dist/store/store.js";
import { command, freshPlace, leave } from "../serve/serve.js";
import { storeContract } from "./contract.js";
import { openSession, renewal } from "./fixtures.js";
import { expanding, makeLaterProgram, present } from "./later-program.js";
import { type Database, freePort, type PostgresServer, startPostgres } from "./postgres-server.js";

const program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"].find((file) =>
  existsSync(file),
);

interface Pooler {
  readonly url: string;
  readonly ownerUrl: string;
  stop(): void;
}

async function startPooler(
  binary: string,
  { runtimeUrl, ownerUrl }: Database,
  server: PostgresServer,
): Promise<Pooler> {
  const folder = mkdtempSync(path.join(tmpdir(), "ampho-pgbouncer-"));
  const [url, owner] = [new URL(runtimeUrl), new URL(ownerUrl)];
  const port = await freePort();
  const users = [url, owner].map(({ username, password }) => `"${username}" "${decodeURIComponent(password)}"\n`);
  writeFileSync(path.join(folder, "users.txt"), users.join(""));
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
max_prepared_statements = 0
`,
  );
  // It refuses to run as root.
  const user = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  if (user.uid !== undefined)
    for (const name of ["", "users.txt", "pgbouncer.ini"]) chownSync(path.join(folder, name), user.uid, user.gid);
  const child: ChildProcess = spawn(binary, ["-q", path.join(folder, "pgbouncer.ini")], { ...user, stdio: "ignore" });
  const kill = () => void child.kill("SIGKILL");
  process.once("exit", kill);
  url.port = owner.port = String(port);
  return {
    url: url.href,
    ownerUrl: owner.href,
    stop: () => {
      kill();
      process.off("exit", kill);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

if (program === undefined) it("PgBouncer is not installed here", () => expect(program).toBeUndefined());
else {
  let server: PostgresServer;
  let database: Database;
  let pooler: Pooler;
  const open = () => openPostgres({ url: pooler.url, migrate: false, notice: () => {} });

  beforeAll(async () => {
    server = await startPostgres();
    database = await server.database();
    await database.empty();
    pooler = await startPooler(program, database, server);
    await vi.waitFor(async () => (await open()).close(), { timeout: 10_000, interval: 50 });
  });
  afterAll(async () => {
    await store?.close();
    pooler.stop();
    await server.stop();
  });

  let store: Store | undefined;
  storeContract("PostgreSQL behind PgBouncer in transaction mode", async () => {
    await database.empty();
    store ??= await open();
    return { ...store, close: async () => {} };
  });

  it("two processes behind the pooler leave nothing of one transaction in another's", async () => {
    await database.empty();
    const stores = [await open(), await open()] as const;
    const sessions = await Promise.all(
      Array.from({ length: 40 }, (_, at) => openSession(stores[at % 2 === 0 ? 0 : 1], { stored: false })),
    );
    const outcomes = await Promise.all(
      sessions.flatMap((session) => stores.map((store) => store.renewSession(renewal(session, { stored: false })))),
    );
    expect(outcomes.filter(({ outcome }) => outcome === "renewed")).toHaveLength(40);
    expect(outcomes.filter(({ outcome }) => outcome === "repeated")).toHaveLength(40);
    const left = await database.query(
      "select pid from pg_stat_activity where state like 'idle in transaction%' and datname = current_database()",
    );
    expect(left).toEqual([]);
    // What is set for a transaction ends with it: whoever has the server's connection next has the settings of the server.
    const next = new pg.Client({ connectionString: pooler.url });
    await next.connect();
    const { rows } = await next.query(
      "select name from pg_settings where name ~ '_timeout$' and setting <> reset_val or name = 'search_path' and source = 'session'",
    );
    await next.end();
    expect(rows).toEqual([]);
    for (const store of stores) await store.close();
  });

  it("several that migrate at once, with an index that is built apart, are one", async () => {
    const later = makeLaterProgram(expanding);
    const place = { ...freshPlace({ AMPHO_DATABASE_URL: pooler.ownerUrl }), program: later.main };
    const done = await Promise.all([1, 2, 3].map(() => command(place, ["db-up"])));
    expect(done.map(({ code, stderr }) => (code === 0 ? 0 : stderr))).toEqual([0, 0, 0]);
    expect(done.map(({ stdout }) => stdout).join("")).toBe(`applied ${present + 1} expanding\n`);
    expect(await command(place, ["db-down"])).toMatchObject({ code: 0 });
    await leave();
    later.remove();
  });
}
