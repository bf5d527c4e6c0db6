// API keys on a fleet of processes. It measures the time from the response that ended a key to the last 200 in any process,
// and the p99 of guarded requests while clients send random keys.
// Usage: npm run build && node bench/api-keys-fleet.mjs
// Settings: BENCH_KEYS (100000), BENCH_REVOCATIONS (200), BENCH_PROCESSES (8), BENCH_FLOOD_MS (5000), BENCH_ROUNDS (5),
// BENCH_FLOOD_RATE (1000), and BENCH_STORES (postgres,sqlite). It needs wrk.
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { generateJwk } from "../dist/signing-keys/generate.js";
import { generateApiKey } from "../dist/tokens/api-key.js";
import { addKeys } from "./api-key-data.mjs";
import { keptAgent, machine, print, quantile, send, sleep, start } from "./measure.mjs";
import { startPostgres } from "./postgres-server.mjs";
import { loadCpus, pin, requireWrk } from "./wrk.mjs";

const setting = (name, otherwise) => process.env[name] ?? otherwise;
const keysCount = Number(setting("BENCH_KEYS", 100_000));
const revocations = Number(setting("BENCH_REVOCATIONS", 200));
const processes = Number(setting("BENCH_PROCESSES", 8));
const floodMs = Number(setting("BENCH_FLOOD_MS", 5000));
const floodRounds = Number(setting("BENCH_ROUNDS", 5));
/** Keys a second of the slow flood. */
const slowRate = Number(setting("BENCH_FLOOD_RATE", 1000));
const stores = setting("BENCH_STORES", "postgres,sqlite").split(",");
/** The keys that end side by side, and the interval of requests with each of them. */
const [together, everyMs] = [16, 5];
const clients = 64;
/** More than a process remembers as wrong, so that each of them is a miss. */
const randomKeys = 200_000;

const agent = keptAgent();
const bearer = (key) => ({ authorization: `Bearer ${key}` });
const ask = ({ port }, key) => send({ port, agent, path: "/", headers: bearer(key) });

/** Returns the milliseconds from the response to the last 200 of any process. */
async function endOne(fleet, at, { id, key }) {
  const first = await Promise.all(fleet.map((server) => ask(server, key)));
  if (first.some((status) => status !== 200)) throw new Error(`A good key was rejected: ${first.join(", ")}.`);
  const watched = fleet.map(async (server) => {
    let last = Number.NEGATIVE_INFINITY;
    for (;;) {
      if ((await ask(server, key)) !== 200) return last;
      last = performance.now();
      await sleep(everyMs);
    }
  });
  const status = await send({ port: fleet[at].port, agent, path: `/end/${id}` });
  const ended = performance.now();
  if (status !== 204) throw new Error(`The end of a key returned ${status}.`);
  return Math.max(0, ...(await Promise.all(watched)).map((last) => last - ended));
}

async function revoke(fleet, keys) {
  const times = [];
  const one = async (_, worker) => {
    for (let at = worker; at < revocations; at += together)
      times.push(await endOne(fleet, at % fleet.length, keys[at]));
  };
  await Promise.all(Array.from({ length: together }, one));
  return times;
}

async function guardedLatencies(server, key, isOver) {
  const latencies = [];
  while (!isOver()) {
    const begun = performance.now();
    const status = await ask(server, key);
    if (status !== 200) throw new Error(`A guarded request returned ${status}.`);
    latencies.push(performance.now() - begun);
    await sleep(2);
  }
  return latencies;
}

const residentMiB = ({ pid }) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;

/** An unknown key, which costs a query, and one with a wrong checksum, which costs none. */
const randomKey = () => generateApiKey("ampho");
const wrongChecksum = () => randomKey().replace(/.$/, (last) => (last === "0" ? "1" : "0"));
const floods = [
  ["random keys, slowly", { make: randomKey, pauseMs: Math.round((clients * 1000) / slowRate) }],
  ["wrong checksums, slowly", { make: wrongChecksum, pauseMs: Math.round((clients * 1000) / slowRate) }],
  ["random keys", { make: randomKey, pauseMs: 0 }],
  ["wrong checksums", { make: wrongChecksum, pauseMs: 0 }],
];

/** Sends these keys, with a pause before each request of a client. Resolves to the rejected requests a second. */
async function sendKeys({ port }, { make, pauseMs }, folder, durationMs) {
  const [file, script] = [path.join(folder, "keys.txt"), path.join(folder, "flood.lua")];
  writeFileSync(file, Array.from({ length: randomKeys }, make).join("\n"));
  writeFileSync(
    script,
    `local threads, keys = {}, {}
     at, rejected, other = 0, 0, 0
     for line in io.lines("${file}") do table.insert(keys, line) end
     function setup(thread) table.insert(threads, thread) end
     -- Different pauses, so that the clients do not send together.
     function delay() return math.random(0, ${2 * pauseMs}) end
     function request()
       at = at % #keys + 1
       return wrk.format("GET", "/", { ["Authorization"] = "Bearer " .. keys[at] })
     end
     function response(status)
       if status == 401 or status == 503 then rejected = rejected + 1 else other = other + 1 end
     end
     function done(summary)
       local sum, wrong = 0, 0
       for _, thread in ipairs(threads) do sum = sum + thread:get("rejected") wrong = wrong + thread:get("other") end
       io.write(string.format("RATE %f OTHER %d\\n", sum / (summary.duration / 1e6), wrong))
     end`,
  );
  const args = ["-t1", `-c${clients}`, `-d${Math.ceil(durationMs / 1000)}s`, "--timeout", "30s", "-s", script];
  const { stdout } = await promisify(execFile)("wrk", [...args, `http://127.0.0.1:${port}/`]);
  const [, rate, other] = /RATE ([\d.]+) OTHER (\d+)/.exec(stdout);
  if (Number(other) > 0) throw new Error(`${other} random keys were not rejected`);
  return Number(rate);
}

/** Measures without and with the flood in turn, and returns the medians of the rounds. */
async function flood(server, key, given, folder) {
  await sendKeys(server, given, folder, 2000);
  await guardedLatencies(server, key, endsIn(2000));
  const warm = residentMiB(server);
  const [idle, flooded, rates] = [[], [], []];
  for (let round = 0; round < floodRounds; round++) {
    idle.push(quantile(await guardedLatencies(server, key, endsIn(floodMs)), 0.99));
    const flooding = sendKeys(server, given, folder, floodMs + 2000);
    await sleep(1000);
    flooded.push(quantile(await guardedLatencies(server, key, endsIn(floodMs)), 0.99));
    rates.push(await flooding);
  }
  const [before, during, perSecond] = [idle, flooded, rates].map((values) => quantile(values, 0.5));
  return { before, during, perSecond, warm, end: residentMiB(server) };
}

const endsIn = (ms) => {
  const end = performance.now() + ms;
  return () => performance.now() > end;
};

/** A server that can use every core, as the processes of a fleet do. */
async function startFree(env) {
  const server = await start("api-keys", env);
  const all = `0-${availableParallelism() - 1}`;
  execFileSync("taskset", ["-a", "-p", "-c", all, String(server.pid)], { stdio: "ignore" });
  return server;
}

const ms = (value) => value.toFixed(1);
requireWrk();
// The flooded process has a core of its own. PostgreSQL, the load and this process share the others.
execFileSync("taskset", ["-a", "-p", "-c", loadCpus, String(process.pid)], { stdio: "ignore" });
const rows = [];
const flooding = [];
for (const store of stores) {
  const postgres = store === "postgres" ? await startPostgres() : undefined;
  const folder = mkdtempSync(path.join(tmpdir(), "ampho-bench-"));
  const url = postgres?.url ?? `sqlite:${path.join(folder, "ampho.db")}`;
  const fleet = [];
  try {
    const keys = await addKeys(url, keysCount);
    const env = { BENCH_DATABASE_URL: url, BENCH_KEY: JSON.stringify(generateJwk("HS256")) };
    for (let count = 0; count < processes; count++) fleet.push(await startFree(env));
    const times = await revoke(fleet, keys);
    rows.push([
      store,
      processes,
      keysCount,
      ms(quantile(times, 0.5)),
      ms(quantile(times, 0.99)),
      ms(Math.max(...times)),
    ]);
    for (const server of fleet.splice(1)) await server.stop();
    pin(fleet[0].pid);
    for (const [what, given] of floods) {
      const { before, during, perSecond, warm, end } = await flood(fleet[0], keys.at(-1).key, given, folder);
      flooding.push([
        store,
        what,
        perSecond.toFixed(0),
        ms(before),
        ms(during),
        (during / before).toFixed(2),
        warm.toFixed(0),
        end.toFixed(0),
      ]);
    }
  } finally {
    for (const server of fleet) await server.stop();
    await postgres?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
console.log(`${machine()}, ${revocations} ended keys, ${together} at a time, in milliseconds to the last 200`);
print([["store", "processes", "keys", "p50", "p99", "max"], ...rows]);
console.log(`A flood of ${clients} clients to one process`);
print([
  ["store", "flood of", "keys/s", "p99 idle ms", "p99 in the flood ms", "ratio", "MiB after 2 s", "MiB at the end"],
  ...flooding,
]);
process.exit();
