// Measures the time from the response that ended a session to the last 200 with its token, in any process of a fleet under load.
// It also counts the database queries of a guarded request. Usage: npm run build && node bench/revocation.mjs
// Settings: BENCH_REVOCATIONS (1000), BENCH_PROCESSES (1,2,4,8), BENCH_STORES (postgres,sqlite), and those of bench/postgres.mjs.
import { fork, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { createAmpho } from "../dist/index.js";
import { keptAgent, machine, print, quantile, send, sleep } from "./measure.mjs";
import { startPostgres } from "./postgres-server.mjs";

const revocations = Number(process.env["BENCH_REVOCATIONS"] ?? 1000);
const sizes = (process.env["BENCH_PROCESSES"] ?? "1,2,4,8").split(",").map(Number);
const stores = (process.env["BENCH_STORES"] ?? "postgres,sqlite").split(",");
/** The number of sessions that end side by side, and the interval of requests with each of their tokens. */
const [together, everyMs] = [16, 5];
/** Clients without pause for each process. */
const load = { guarded: 2, renewing: 2 };
const countedMs = 5000;
const key = { kty: "oct", alg: "HS256", kid: "bench", k: randomBytes(32).toString("base64url") };

async function startServe(databaseUrl) {
  const binary = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
  const env = {
    ...process.env,
    NODE_ENV: "production",
    AMPHO_SECURITY_KEY: JSON.stringify(key),
    AMPHO_DATABASE_URL: databaseUrl,
  };
  const child = spawn(process.execPath, [binary, "serve", "--port", "0"], { env, stdio: ["ignore", "pipe", "ignore"] });
  const url = await new Promise((resolve, reject) => {
    child.stdout.once("data", (text) => resolve(new URL(String(text).trim())));
    child.once("exit", () => reject(new Error("the server ended at its start")));
  });
  return { port: Number(url.port), stop: () => child.kill() };
}

/** Logs in enough users that none exceeds the limit of sessions. */
async function open(ampho, count) {
  const grants = [];
  for (let user = 0; grants.length < count; user++) {
    const { id } = await ampho.users.create({ login: `u-${randomBytes(8).toString("hex")}` });
    while (grants.length < Math.min(count, (user + 1) * 50)) grants.push(await ampho.sessions.create(id));
  }
  return grants;
}

function startLoad(message) {
  const child = fork(new URL("./load.mjs", import.meta.url));
  const reported = new Promise((resolve, reject) => {
    child.once("message", resolve);
    child.once("exit", () => reject(new Error("the load has ended")));
  });
  child.send(message);
  return {
    stop: () => {
      child.send("stop");
      return reported;
    },
    failed: reported,
  };
}

const agent = keptAgent();
const ask = (port, token) =>
  send({ port, agent, path: "/api/security/session", headers: { authorization: `Bearer ${token}` } });

/** Returns the milliseconds from the response to the last 200, and to the first 401 of the slowest process. */
async function endOne(ports, at, { token }) {
  const first = ports.map((port) => ask(port, token));
  if ((await Promise.all(first)).some((status) => status !== 200)) throw new Error("A valid token was rejected.");
  let endedMs;
  const watched = ports.map(async (port) => {
    let lastMs = Number.NEGATIVE_INFINITY;
    for (;;) {
      const status = await ask(port, token);
      if (status !== 200) return [lastMs, performance.now()];
      lastMs = performance.now();
      await sleep(everyMs);
    }
  });
  const headers = { authorization: `Bearer ${token}` };
  const status = await send({ port: ports[at], agent, method: "POST", path: "/api/security/logout", headers });
  endedMs = performance.now();
  if (status !== 204) throw new Error(`A logout returned ${status}.`);
  const times = await Promise.all(watched);
  return {
    last200: Math.max(0, ...times.map(([lastMs]) => lastMs - endedMs)),
    first401: Math.max(0, ...times.map(([, rejectedMs]) => rejectedMs - endedMs)),
  };
}

async function measure(databaseUrl, size) {
  const settings = { key, databaseUrl, databaseMigrate: "auto", log: () => {} };
  const ampho = await createAmpho(settings);
  const grants = await open(ampho, revocations);
  const loading = await open(ampho, size * load.renewing + 1);
  await ampho.close();
  const fleet = await Promise.all(Array.from({ length: size }, () => startServe(databaseUrl)));
  try {
    const ports = fleet.map(({ port }) => port);
    const { token } = loading.pop();
    const lookUps = databaseUrl.startsWith("postgres") ? await countLookUps(databaseUrl, ports, token) : undefined;
    const refreshTokens = loading.map((grant) => grant.refresh_token);
    const busy = startLoad({ ports, token, refreshTokens, ...load });
    const times = [];
    const begunMs = performance.now();
    const one = async (_, worker) => {
      for (let at = worker; at < grants.length; at += together)
        times.push(await endOne(ports, at % ports.length, grants[at]));
    };
    await Promise.race([Promise.all(Array.from({ length: together }, one)), busy.failed]);
    const seconds = (performance.now() - begunMs) / 1000;
    const { guarded, renewed } = await busy.stop();
    return { times, lookUps, guarded: guarded / seconds, renewed: renewed / seconds };
  } finally {
    for (const served of fleet) served.stop();
  }
}

/** Returns the transactions for each guarded request, beyond those that the server counts without requests. */
async function countLookUps(url, ports, token) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const count = async () => {
    // PostgreSQL reports its counts with a delay.
    await sleep(1500);
    const { rows } = await client.query(
      "select xact_commit + xact_rollback as n, clock_timestamp() as at from pg_stat_database where datname = current_database()",
    );
    return { n: Number(rows[0].n), atMs: Number(rows[0].at) };
  };
  const perSecond = (from, to) => (to.n - from.n) / ((to.atMs - from.atMs) / 1000);
  const before = await count();
  await sleep(countedMs);
  const between = await count();
  const busy = startLoad({ ports, token, refreshTokens: [], guarded: load.guarded, renewing: 0 });
  await sleep(countedMs);
  const { guarded } = await busy.stop();
  const after = await count();
  await client.end();
  const seconds = (after.atMs - between.atMs) / 1000;
  return Math.max(0, (perSecond(between, after) - perSecond(before, between)) * seconds) / guarded;
}

const rows = [];
for (const store of stores) {
  const server = store === "postgres" ? await startPostgres() : undefined;
  const folder = mkdtempSync(path.join(tmpdir(), "ampho-bench-"));
  try {
    for (const size of sizes) {
      const url = server?.url ?? `sqlite:${path.join(folder, "ampho.db")}`;
      const { times, lookUps, guarded, renewed } = await measure(url, size);
      const last = times.map(({ last200 }) => last200);
      const ms = (value) => value.toFixed(0);
      rows.push([
        store,
        size,
        ms(quantile(last, 0.5)),
        ms(quantile(last, 0.99)),
        ms(Math.max(...last)),
        ms(Math.max(...times.map(({ first401 }) => first401))),
        lookUps === undefined ? "" : lookUps.toFixed(4),
        ms(guarded),
        ms(renewed),
      ]);
    }
  } finally {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
console.log(`${machine()}, ${revocations} revocations, ${together} at a time, in milliseconds`);
print([
  ["store", "processes", "p50", "p99", "max", "rejected at last", "look-ups/request", "guarded/s", "renewals/s"],
  ...rows,
]);
process.exit();
