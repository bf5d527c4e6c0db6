// A revocation is effective in every process within a second, for any order of commits and any outage of the database.
import { copyFileSync, mkdirSync, renameSync } from "node:fs";
import path from "node:path";
import pg from "pg";
import { beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { openStore } from "../../dist/store/open.js";
import { operations } from "../../dist/store/operations.js";
import type { Row, SqlValue } from "../../dist/store/rows.js";
import { loadDriver } from "../../dist/store/sqlite/driver.js";
import type { Transaction } from "../../dist/store/transaction.js";
import { startStopwatch, within } from "../world/deadline.js";
import { alice } from "../world/people.js";
import { startOwnPostgres } from "../world/postgres.js";
import { bearer } from "../world/requests.js";
import {
  addUser,
  command,
  freshPlace,
  logIn,
  type Place,
  type Served,
  startServe,
  unthrottled,
} from "../world/serve.js";
import { useDatabase, usePostgres } from "../world/use-postgres.js";
import { pause } from "../world/wait.js";

// Many processes start here, on a machine that can be busy.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const server = usePostgres(startOwnPostgres);
const database = useDatabase(server);
let postgres: Place;
beforeAll(async () => {
  await database.empty();
  postgres = freshPlace({ AMPHO_DATABASE_URL: database.runtimeUrl, ...unthrottled });
  await addUser(postgres);
});
async function start(place: Place): Promise<Served> {
  const served = await startServe(place);
  onTestFinished(async () => void (await served.stop("SIGKILL")));
  return served;
}

const status = async ({ url }: Served, token: string) =>
  (await fetch(`${url}/session`, { headers: bearer(token) })).status;
const logOut = async ({ url }: Served, token: string) =>
  (await fetch(`${url}/logout`, { method: "POST", headers: bearer(token) })).status;

/** Checks that each of them rejects the token within a second from now. */
const rejected = (token: string, ...all: readonly Served[]) =>
  Promise.all(all.map((served) => within(1000, async () => (await status(served, token)) === 401)));

const claimsOf = (token: string): { readonly sid: string; readonly exp: number } =>
  JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

describe("a revocation that is committed late", () => {
  it("no process misses a revocation that commits late, neither those that have read meanwhile, nor those that start, nor the next one", async () => {
    const first = await start(postgres);
    const [late, next] = [(await logIn(first)).token, (await logIn(first)).token];
    const client = await connect(database.runtimeUrl);
    await client.query("begin");
    const { rows } = await client.query(
      "update ampho_state set last_revocation = last_revocation + 1 where id = 1 returning last_revocation as n",
    );
    const { sid, exp } = claimsOf(late);
    await client.query(
      "insert into ampho_revocations (n, at, until, kind, session_id) values ($1, $2, $3, 'session', $4)",
      [rows[0]?.n, exp - 900, exp + 300, sid],
    );
    const second = await start(postgres);
    let responded = 0;
    const out = logOut(first, next).then((response) => {
      responded = response;
    });
    await vi.waitFor(
      async () => {
        const waiting = `select 1 from pg_stat_activity where datname = current_database()
          and wait_event_type = 'Lock' and query like '%ampho_state%'`;
        expect(await database.query(waiting)).toHaveLength(1);
      },
      { timeout: 60_000, interval: 10 },
    );
    // Long enough for each of them to have read several times.
    await pause(1000);
    for (const served of [first, second])
      expect([await status(served, late), await status(served, next)]).toEqual([200, 200]);
    // The second revocation has no number yet, so no process could read it before the first.
    expect(responded).toBe(0);
    await client.query("commit");
    await rejected(late, first, second);
    await out;
    expect(responded).toBe(204);
    await rejected(next, first, second);
  });
});

interface Backup {
  readonly place: Place;
  /** Restores the state of then, after `change`, under the running processes. */
  restore(change: () => Transaction<unknown>): Promise<void>;
}

/** Runs an operation where a test has the database for itself. */
async function run(
  work: Transaction<unknown>,
  query: (sql: string, values: readonly SqlValue[]) => Promise<readonly Row[]>,
): Promise<void> {
  for (let step = work.next([]); !step.done; ) {
    const rows = "sql" in step.value ? await query(step.value.sql, step.value.parameters) : [];
    step = work.next(rows.map((row) => Object.fromEntries(Object.entries(row).map(numeric))));
  }
}

/** `pg` returns a bigint as text. */
function numeric([name, value]: [string, SqlValue]): [string, SqlValue] {
  return [name, typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value];
}

async function backUpPostgres(): Promise<Backup> {
  const client = await connect(database.ownerUrl);
  const tables = ["state", "users", "sessions", "revocations", "audit"].map((name) => `ampho_${name}`);
  for (const table of tables) await client.query(`create temp table saved_${table} as table ${table}`);
  return {
    place: postgres,
    async restore(change) {
      await client.query("begin");
      for (const table of tables) {
        await client.query(`delete from ${table}`);
        await client.query(`insert into ${table} overriding system value select * from saved_${table}`);
      }
      await run(change(), async (sql, values) => {
        let n = 0;
        return (
          await client.query(
            sql.replace(/\?/g, () => `$${++n}`),
            [...values],
          )
        ).rows;
      });
      await client.query("commit");
    },
  };
}

let sqlite: Place;
async function backUpSqlite(): Promise<Backup> {
  const { DatabaseSync } = loadDriver(undefined);
  const file = path.join(sqlite.cwd, "ampho.db");
  const away = path.join(sqlite.cwd, `away-${Math.random()}`);
  mkdirSync(away);
  const copy = path.join(away, "copy.db");
  const database = new DatabaseSync(file);
  database.exec(`vacuum into '${copy}'`);
  database.close();
  return {
    place: sqlite,
    async restore(change) {
      const restored = path.join(away, "restored.db");
      copyFileSync(copy, restored);
      const store = new DatabaseSync(restored);
      await run(change(), async (sql, values) => store.prepare(sql).all(...values));
      store.close();
      for (const suffix of ["", "-wal", "-shm"]) renameSync(file + suffix, path.join(away, `old.db${suffix}`));
      renameSync(restored, file);
    },
  };
}

describe.each([
  ["PostgreSQL", backUpPostgres],
  ["SQLite", backUpSqlite],
])("a backup of %s that is restored under running processes", (name, backUp) => {
  beforeAll(async () => {
    if (name !== "SQLite") return;
    sqlite = freshPlace(unthrottled);
    await addUser(sqlite);
  });
  const place = () => (name === "SQLite" ? sqlite : postgres);
  const changeRoles = async (how: "--add" | "--remove", role: string) =>
    expect(await command(place(), ["user-roles", alice.login, how, role])).toMatchObject({ code: 0 });
  const storeUrl = () => (name === "SQLite" ? `sqlite:${path.join(sqlite.cwd, "ampho.db")}` : database.runtimeUrl);
  const last = async () => {
    const store = await openStore({ url: storeUrl(), migrate: false, log: () => {} });
    const page = await store.readRevocations({ after: 0, now: 0 });
    await store.close();
    return page.last;
  };

  it("processes keep rejecting what they know to be revoked, and read numbers that are used again", async () => {
    const pair = [await start(place()), await start(place())] as const;
    const [before, after] = [(await logIn(pair[0])).token, (await logIn(pair[0])).token];
    const backup = await backUp();
    const number = await last();
    expect(await logOut(pair[0], before)).toBe(204);
    await rejected(before, ...pair);
    await backup.restore(function* () {
      yield* [];
    });
    expect(await last()).toBe(number);
    // Longer than the second within which each of them reads the database again.
    await pause(1000);
    for (const served of pair) expect([await status(served, before), await status(served, after)]).toEqual([401, 200]);
    await vi.waitFor(async () => expect(await logOut(pair[1], after)).toBe(204), { timeout: 60_000, interval: 50 });
    expect(await last()).toBe(number + 1);
    await rejected(after, ...pair);
    for (const served of pair) expect(await status(served, before)).toBe(401);
  });

  it("a session that began after the restore ends in every process at its logout, and when all sessions are ended", async () => {
    const pair = [await start(place()), await start(place())] as const;
    const backup = await backUp();
    const [one, other] = [(await logIn(pair[0])).token, (await logIn(pair[0])).token];
    await backup.restore(function* () {
      yield* [];
    });
    // Longer than the second within which each of them reads the database again.
    await pause(1000);
    for (const served of pair) expect([await status(served, one), await status(served, other)]).toEqual([200, 200]);
    await vi.waitFor(async () => expect(await logOut(pair[1], one)).toBe(204), { timeout: 60_000, interval: 50 });
    await rejected(one, ...pair);
    const ended = await fetch(`${pair[0].url}/sessions`, { method: "DELETE", headers: bearer(other) });
    expect(ended.status).toBe(204);
    await rejected(other, ...pair);
  });

  it("ending everything works, although its number is one that all processes have seen before", async () => {
    const pair = [await start(place()), await start(place())] as const;
    const tokens = [(await logIn(pair[0])).token, (await logIn(pair[1])).token];
    const backup = await backUp();
    const number = await last();
    expect(await logOut(pair[0], tokens[0] ?? "")).toBe(204);
    await rejected(tokens[0] ?? "", ...pair);
    const ending = {
      now: Math.floor(Date.now() / 1000),
      origin: { actor: "operator" },
      foreignMaxSeconds: 60,
    } as const;
    await backup.restore(() => operations.endAllSessions.run({ ...ending, accessTtlSeconds: 900 }));
    expect(await last()).toBe(number + 1);
    for (const token of tokens) await rejected(token, ...pair);
    for (const served of pair) {
      const { token } = await vi.waitFor(() => logIn(served), { timeout: 60_000, interval: 50 });
      await within(1000, async () => (await status(served, token)) === 200);
    }
  });

  it("new logins are accepted after everything was ended, however often that was done since the backup", async () => {
    const pair = [await start(place()), await start(place())] as const;
    const { token } = await logIn(pair[0]);
    const backup = await backUp();
    const ending = { origin: { actor: "operator" }, foreignMaxSeconds: 60, accessTtlSeconds: 900 } as const;
    const endAll = () => operations.endAllSessions.run({ ...ending, now: Math.floor(Date.now() / 1000) });
    const store = await openStore({ url: storeUrl(), migrate: false, log: () => {} });
    for (let times = 0; times < 3; times++)
      await store.endAllSessions({ ...ending, now: Math.floor(Date.now() / 1000) });
    await store.close();
    await rejected(token, ...pair);
    // The clock has passed the times at which everything was ended.
    await pause(3000);
    await backup.restore(endAll);
    // Longer than the second within which each of them reads the database again.
    await pause(1000);
    const again = await vi.waitFor(async () => (await logIn(pair[0])).token, { timeout: 60_000, interval: 50 });
    for (const served of pair) await within(1000, async () => (await status(served, again)) === 200);
  });

  it("a role that is removed after the restore is rejected in older tokens, however often roles were changed since", async () => {
    const pair = [await start(place()), await start(place())] as const;
    await changeRoles("--add", "editor");
    const backup = await backUp();
    for (const role of ["reader", "writer"]) await changeRoles("--add", role);
    const { token } = await logIn(pair[0]);
    // More changes than seconds have passed, so no version of roles is ahead of the clock any more.
    await pause(3000);
    await backup.restore(function* () {
      yield* [];
    });
    await vi.waitFor(() => changeRoles("--remove", "editor"), { timeout: 60_000, interval: 50 });
    await rejected(token, ...pair);
  });

  it("a role that was removed since the backup stays rejected where that is known, until it is removed again and given", async () => {
    const pair = [await start(place()), await start(place())] as const;
    const change = (how: "--add" | "--remove") => changeRoles(how, "editor");
    await change("--add");
    const backup = await backUp();
    for (const how of ["--remove", "--add", "--remove"] as const) {
      const { token } = await logIn(pair[0]);
      await change(how);
      if (how === "--remove") await rejected(token, ...pair);
    }
    // As above.
    await pause(3000);
    const ending = { origin: { actor: "operator" }, foreignMaxSeconds: 60, accessTtlSeconds: 900 } as const;
    await backup.restore(() => operations.endAllSessions.run({ ...ending, now: Math.floor(Date.now() / 1000) }));
    // Longer than the second within which each of them reads the database again.
    await pause(1000);
    const again = await vi.waitFor(async () => (await logIn(pair[0])).token, { timeout: 60_000, interval: 50 });
    for (const served of pair) expect(await status(served, again)).toBe(401);
    await change("--remove");
    await change("--add");
    const { token } = await logIn(pair[0]);
    for (const served of pair) expect(await status(served, token)).toBe(200);
    await change("--remove");
    await rejected(token, ...pair);
  });
});

describe("a process that cannot read revocations for longer than the limit", () => {
  it("a process that cannot read revocations reports it in /readyz and in the log, goes on with what it knows, and recovers", async () => {
    const served = await start(postgres);
    const { token } = await logIn(served);
    const ready = async () => {
      const elapsedMs = startStopwatch();
      const response = await fetch(`${served.root}/readyz`);
      const outcome = { status: response.status, ...(await response.json()) };
      expect(elapsedMs()).toBeLessThan(1500);
      return outcome;
    };
    await vi.waitFor(async () => expect(await ready()).toEqual({ status: "ok" }), { timeout: 60_000, interval: 20 });
    await server.signal("SIGSTOP");
    onTestFinished(() => server.signal("SIGCONT"));
    const reported = {
      error: "unavailable",
      message: expect.stringMatching(/^Revocations were last read \d+ s ago\.$/),
    };
    await vi.waitFor(async () => expect(await ready()).toMatchObject(reported), { timeout: 60_000, interval: 10 });
    expect(await status(served, token)).toBe(200);
    await vi.waitFor(() => expect(served.stderr()).toMatch(/The database cannot be read: .*(answer|respond)/), 60_000);
    await server.signal("SIGCONT");
    await vi.waitFor(async () => expect(await ready()).toEqual({ status: "ok" }), { timeout: 60_000, interval: 20 });
    await vi.waitFor(() => expect(served.stderr()).toContain("The database responds again."), 60_000);
  });
});

describe("a process that was stopped for a while", () => {
  it("a stopped process accepts no session that ended meanwhile, not even on requests that have waited for it", async () => {
    const [other, stopped] = await Promise.all([start(postgres), start(postgres)]);
    const [ended, good] = [(await logIn(other)).token, (await logIn(other)).token];
    let responded = 0;
    const ask = (token: string, times: number) =>
      Promise.all(Array.from({ length: times }, () => status(stopped, token).finally(() => responded++)));
    // Over connections that stay open, so that the requests wait for nothing else.
    expect(new Set(await ask(ended, 20))).toEqual(new Set([200]));
    stopped.process.kill("SIGSTOP");
    expect(await logOut(other, ended)).toBe(204);
    responded = 0;
    const waiting = [ask(ended, 40), ask(good, 10)];
    await pause(1500);
    expect(responded).toBe(0);
    stopped.process.kill("SIGCONT");
    const [rejected, letIn] = await Promise.all(waiting);
    expect(new Set(rejected)).toEqual(new Set([401]));
    expect(new Set(letIn)).toEqual(new Set([200]));
  });

  it("a stopped process waits no longer than a second for a database that does not respond", async () => {
    const stopped = await start(postgres);
    const { token } = await logIn(stopped);
    expect(await status(stopped, token)).toBe(200);
    stopped.process.kill("SIGSTOP");
    await server.signal("SIGSTOP");
    onTestFinished(() => server.signal("SIGCONT"));
    const waiting = Array.from({ length: 10 }, () => status(stopped, token));
    await pause(1500);
    stopped.process.kill("SIGCONT");
    expect(new Set(await Promise.all(waiting))).toEqual(new Set([200]));
    // After that it waits for nothing.
    expect(await status(stopped, token)).toBe(200);
  });
});

describe("guarded requests and the database", () => {
  it("a guarded request causes no transaction in PostgreSQL", async () => {
    const served = await start(postgres);
    const { token } = await logIn(served);
    const ask = async (route: string, times: number) => {
      for (let count = 0; count < times; count++)
        expect((await fetch(`${served.url}${route}`, { headers: bearer(token) })).status).toBe(200);
    };
    const counted = async () => {
      const sql = "select xact_commit::int as n from pg_stat_database where datname = current_database()";
      return Number((await database.query(sql))[0]?.["n"]);
    };
    const before = await counted();
    await ask("/sessions", 300);
    // The server publishes its counts with a delay.
    await vi.waitFor(async () => expect(await counted()).toBeGreaterThanOrEqual(before + 300), 60_000);
    const between = await counted();
    await ask("/session", 800);
    // Reads of revocations go on, four a second, and so do these queries.
    await pause(1500);
    expect((await counted()) - between).toBeLessThan(400);
  });
});
