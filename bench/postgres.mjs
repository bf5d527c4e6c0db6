// Measures renewals a second over HTTP on PostgreSQL, also with ?prepare=true. Beside it run the same statements in the
// same transactions by bare `pg` at the same concurrency.
// Usage: npm run build && node bench/postgres.mjs [SESSIONS] [SECONDS]
// The server is started with default durability, or is the one of BENCH_POSTGRES_URL (an empty database, as its owner).
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { createAmpho } from "../dist/index.js";
import { operations } from "../dist/store/operations.js";
import { keptAgent, machine, median, renew } from "./measure.mjs";
import { startPostgres } from "./postgres-server.mjs";

const [sessions = 10_000, seconds = 5] = process.argv.slice(2).map(Number);
const rounds = Number(process.env["BENCH_ROUNDS"] ?? 3);
const clients = 64;
const connections = 10;

/** Creates this many live sessions of different users, as logins create them. */
async function fill(url) {
  const now = Math.floor(Date.now() / 1000);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`
    insert into ampho_users (id, login, canonical, password_hash, password_version, roles, roles_version, disabled, created_at)
      select 'u-' || i, 'login-' || i, 'login-' || i, repeat('h', 97), 1, '["editor"]', 1, 0, ${now}
      from generate_series(1, ${sessions}) as i;
    insert into ampho_sessions (amr, acr, proved_at, refreshed_at,
       id, era, user_id, login, gen, proved_gen, created_at, auth_time, renewed_at, expires_at, ends_at,
      access_expires, address, agent, delete_after)
      select '[]', '1fa', 0, 0, '0.' || gen_random_uuid(), 0, id, login, 0, 0, ${now}, ${now}, ${now}, ${now + 1209600}, ${now + 7776000},
      ${now + 900}, '192.0.2.1', 'Mozilla/5.0', ${now + 1900000} from ampho_users;
    insert into ampho_audit (at, event, user_id, login, session_id, actor)
      select ${now}, 'login', user_id, login, id, 'user' from ampho_sessions`);
  await client.query("vacuum analyze");
  await client.query("checkpoint");
  const { rows } = await client.query("select id from ampho_users order by random() limit $1", [clients * 3]);
  await client.end();
  return rows.map(({ id }) => id);
}

async function rate(turn) {
  const begin = performance.now();
  let done = 0;
  const one = async (_, at) => {
    while (performance.now() - begin < seconds * 1000) {
      await turn(at);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: clients }, one));
  return done / ((performance.now() - begin) / 1000);
}

function overHttp(port, grants) {
  const agent = keptAgent();
  return rate(async (at) => {
    grants[at] = await renew({ port, agent, refreshToken: grants[at].refresh_token });
  });
}

const locks = { share: " for share", update: " for update", skipLocked: " for update skip locked" };

/** Runs the statements of the operation one by one in a transaction, as an application would. */
async function byBarePg(url, all) {
  const types = { getTypeParser: (oid) => (value) => ([20, 21, 23].includes(oid) ? Number(value) : value) };
  const pool = new pg.Pool({ connectionString: url, max: connections, types });
  const origin = { actor: "user", address: "127.0.0.1", agent: undefined };
  const usual = { accessTtlSeconds: 900, idleSeconds: 1209600, graceSeconds: 10, by: "refresh_token", stored: true };
  const perSecond = await rate(async (at) => {
    const session = all[at];
    const now = Math.floor(Date.now() / 1000);
    const client = await pool.connect();
    await client.query("begin");
    const transaction = operations.renewSession.run({
      ...usual,
      now,
      sessionId: session.id,
      gen: session.gen++,
      idempotency: undefined,
      origin,
    });
    let step = transaction.next([]);
    const results = new Map();
    while (!step.done) {
      const { resultOf, advisoryLock, end, sql, parameters, lock } = step.value;
      let rows = results.get(resultOf) ?? [];
      if (advisoryLock !== undefined)
        await client.query("select pg_advisory_xact_lock(hashtextextended($1, 0))", [advisoryLock]);
      else if (resultOf === undefined && end === undefined) {
        let n = 0;
        const text = sql.replace(/\?/g, () => `$${++n}`) + (lock === undefined ? "" : locks[lock]);
        ({ rows } = await client.query(text, [...parameters]));
        results.set(step.value, rows);
      }
      step = transaction.next(rows);
    }
    await client.query("commit");
    client.release();
    if (step.value.outcome !== "renewed") throw new Error(`a renewal came out as ${step.value.outcome}`);
  });
  await pool.end();
  return perSecond;
}

async function startServe(env) {
  const binary = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
  const child = spawn(process.execPath, [binary, "serve", "--port", "0"], { env, stdio: ["ignore", "pipe", "ignore"] });
  const url = await new Promise((resolve, reject) => {
    child.stdout.once("data", (text) => resolve(new URL(String(text).trim())));
    child.once("exit", () => reject(new Error("the server ended at its start")));
  });
  return { port: Number(url.port), stop: () => child.kill() };
}

const server = await startPostgres();
try {
  const key = { kty: "oct", alg: "HS256", kid: "bench", k: randomBytes(32).toString("base64url") };
  const ampho = await createAmpho({ key, databaseUrl: server.url, databaseMigrate: "auto", log: () => {} });
  const users = await fill(server.url);
  const created = [];
  for (const id of users.slice(clients)) created.push(await ampho.sessions.create(id));
  const [grants, prepared] = [created.slice(0, clients), created.slice(clients)];
  const bare = [];
  for (const id of users.slice(0, clients)) {
    await ampho.sessions.create(id);
    const [session] = await ampho.sessions.list(id);
    bare.push({ id: session.id, gen: 0 });
  }
  await ampho.close();
  const env = { ...process.env, NODE_ENV: "production", AMPHO_SECURITY_KEY: JSON.stringify(key) };
  const served = await startServe({ ...env, AMPHO_DATABASE_URL: server.url });
  const preparingUrl = new URL(server.url);
  preparingUrl.searchParams.set("prepare", "true");
  const preparing = await startServe({ ...env, AMPHO_DATABASE_URL: preparingUrl.href });
  const rates = { overHttp: [], prepared: [], byBarePg: [] };
  for (let round = 0; round < rounds; round++) {
    rates.byBarePg.push(await byBarePg(server.url, bare));
    rates.overHttp.push(await overHttp(served.port, grants));
    rates.prepared.push(await overHttp(preparing.port, prepared));
  }
  served.stop();
  preparing.stop();
  const perSecond = Object.fromEntries(Object.entries(rates).map(([name, all]) => [name, Math.round(median(all))]));
  const ratioOf = (name) => Number((perSecond[name] / perSecond.byBarePg).toFixed(2));
  const ratio = { overHttp: ratioOf("overHttp"), prepared: ratioOf("prepared") };
  console.log(JSON.stringify({ bench: "postgres", machine: machine(), sessions, clients, rounds, perSecond, ratio }));
} finally {
  await server.stop();
}
process.exit();
