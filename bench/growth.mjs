// Measures growth: sizes of tables and indexes, and renewals a second over HTTP and through the database as sessions increase.
// Then it measures housekeeping in the largest database, alone and beside renewals, and the memory of the revocation set.
// It needs Linux and wrk.
// Usage: npm run build && node --expose-gc bench/growth.mjs sqlite|postgres|memory [SESSIONS…]

import { runHousekeepingNow } from "../dist/flows/housekeeping.js";
import { createRevocationSet, databaseNames } from "../dist/sessions/revocation-set.js";
import { agent, now } from "./growth-data.mjs";
import { postgresDatabases, sqliteDatabases } from "./growth-databases.mjs";
import { startServe } from "./growth-http.mjs";
import { inTurn, printRates } from "./growth-rates.mjs";
import { machine, print } from "./measure.mjs";
import { requireWrk } from "./wrk.mjs";

const [kind = "sqlite", ...given] = process.argv.slice(2);
const sizes = given.length > 0 ? given.map(Number) : [10_000, 1_000_000, 10_000_000];
const rounds = Number(process.env["BENCH_ROUNDS"] ?? 11);
// Each measurement does the same number of requests, because a new process is slower at first.
const renewals = kind === "sqlite" ? { first: 6000, counted: 10_000 } : { first: 2000, counted: 4000 };
const httpSeconds = { first: 3, counted: 1 };
const atOnce = kind === "sqlite" ? 256 : 64;
const oldRows = 30_000;

const mebibytes = (bytes) => (bytes / 2 ** 20).toFixed(0);
const seconds = (since) => (performance.now() - since) / 1000;

/** Measures renewals a second of random sessions, each once in a round, until `over`. */
async function renew(store, sessions, over) {
  const usual = { accessTtlSeconds: 900, idleSeconds: 1_209_600, graceSeconds: 10, by: "refresh_token", stored: true };
  const origin = { actor: "user", address: "192.0.2.1", agent };
  const begin = performance.now();
  let next = 0;
  let done = 0;
  const client = async () => {
    while (!over()) {
      const session = sessions[next++ % sessions.length];
      const input = { ...usual, now, sessionId: session.id, gen: session.gen++, idempotency: undefined, origin };
      const { outcome } = await store.renewSession(input);
      if (outcome !== "renewed") throw new Error(`a renewal came out as ${outcome}`);
      done++;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, client));
  return done / seconds(begin);
}

async function renewalsOf({ database, sessions }) {
  const store = await database.open();
  await renew(store, sessions, times(renewals.first));
  const before = process.cpuUsage();
  const perSecond = await renew(store, sessions, times(renewals.counted));
  const { user, system } = process.cpuUsage(before);
  await store.close();
  return { perSecond, cpu: (user + system) / renewals.counted };
}

function times(count) {
  let left = count;
  return () => left-- <= 0;
}

async function clean(store) {
  const clock = { now: () => now, monotonicMs: () => performance.now() };
  const settings = { auditKeep: 90 * 86_400, throttleWindow: 900 };
  const begin = performance.now();
  const counts = await runHousekeepingNow({ store, clock, settings }, undefined);
  const rows = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return { rows, perSecond: rows / seconds(begin), took: seconds(begin) };
}

async function housekeeping({ database, sessions }) {
  await database.age(oldRows);
  const store = await database.open();
  const alone = await clean(store);
  await database.age(oldRows / 5);
  let over = false;
  const cleaning = clean(store).finally(() => {
    over = true;
  });
  const meanwhile = await renew(store, sessions, () => over);
  const beside = await cleaning;
  await store.close();
  const bytes = await database.bytes();
  return { alone, beside, meanwhile, bytes };
}

async function make(databases) {
  const all = [];
  for (const count of sizes) {
    const begin = performance.now();
    const database = await databases.make(count);
    const took = seconds(begin);
    const sessions = await database.sample(500_000);
    for (let i = sessions.length - 1; i > 0; i--) {
      const j = Math.floor(Math.random() * (i + 1));
      [sessions[i], sessions[j]] = [sessions[j], sessions[i]];
    }
    all.push({ count, database, sessions });
    console.error(`${count} sessions made in ${took.toFixed(0)} s`);
  }
  return all;
}

async function overHttp(all) {
  const servers = [];
  const turn = ({ sessions }, at, seconds) => {
    const result = servers[at].renew(sessions, seconds);
    all[at].sessions = result.sessions;
    return result;
  };
  try {
    for (const [at, each] of all.entries()) {
      servers.push(await startServe(each.database.url));
      turn(each, at, httpSeconds.first);
    }
    const results = await inTurn(all, rounds, async (each, at) => {
      const before = await each.database.used();
      const { perSecond, done, cpu, written } = turn(each, at, httpSeconds.counted);
      const after = await each.database.used();
      return {
        perSecond,
        cpu: cpu + (after.cpu - before.cpu) / done,
        written: written + (after.written - before.written) / done,
      };
    });
    printRates(`${kind}: renewals over HTTP, 64 clients`, all, results);
  } finally {
    for (const server of servers) await server.stop();
  }
}

async function grow(databases) {
  const all = await make(databases);
  console.log(`${kind}: sizes, MiB (and bytes a session)`);
  print([
    ["table or index", ...sizes.map(String)],
    ...(await sizeRows(all)),
    ["all", ...(await Promise.all(all.map(async ({ database }) => mebibytes(await database.bytes()))))],
  ]);
  await overHttp(all);
  const results = await inTurn(all, rounds, renewalsOf);
  printRates(`${kind}: renewals through the database, ${atOnce} at once`, all, results);
  const largest = all.at(-1);
  const { alone, beside, meanwhile, bytes } = await housekeeping(largest);
  console.log(`${kind}: housekeeping among ${largest.count} sessions`);
  print([
    ["", "rows", "seconds", "rows a second", "renewals a second beside it"],
    ["alone", String(alone.rows), alone.took.toFixed(0), String(Math.round(alone.perSecond)), ""],
    [
      "beside",
      String(beside.rows),
      beside.took.toFixed(0),
      String(Math.round(beside.perSecond)),
      String(Math.round(meanwhile)),
    ],
  ]);
  console.log(`${mebibytes(bytes)} MiB afterwards`);
}

async function sizeRows(all) {
  const tables = await Promise.all(all.map(({ database }) => database.sizes()));
  const names = tables
    .at(-1)
    .map(({ name }) => name)
    .slice(0, 10);
  return names.map((name) => [
    name,
    ...tables.map((table, index) => {
      const bytes = Number(table.find((each) => each.name === name)?.bytes ?? 0);
      return `${mebibytes(bytes)} (${Math.round(bytes / all[index].count)})`;
    }),
  ]);
}

function memory() {
  const rows = [["live revocations", "heap, MiB", "bytes each"]];
  for (const count of [33_333, 100_000, 1_000_000]) {
    const set = createRevocationSet(databaseNames, () => {});
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    for (let n = 1; n <= count; n += 1000) {
      const page = Array.from({ length: 1000 }, (_, index) => ({
        n: n + index,
        at: now,
        until: now + 1200,
        kind: "session",
        sessionId: `0.${(n + index).toString(36).padStart(22, "x")}`,
      }));
      set.applyPage({ epoch: "e", last: n + 999, more: false, rows: page }, n - 1);
    }
    globalThis.gc?.();
    const bytes = process.memoryUsage().heapUsed - before;
    rows.push([String(set.size), (bytes / 2 ** 20).toFixed(1), String(Math.round(bytes / set.size))]);
  }
  console.log("memory: 100 000 revocations an hour are 33 333 live ones (900 s of a token and 300 s of leeway)");
  print(rows);
}

console.log(machine());
if (kind === "memory") memory();
else {
  requireWrk();
  const databases = kind === "postgres" ? await postgresDatabases() : await sqliteDatabases();
  try {
    await grow(databases);
  } finally {
    await databases.remove();
  }
}
process.exit();
