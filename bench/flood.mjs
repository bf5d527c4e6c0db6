// 64 clients log in without pause, beside a guarded GET on the same process. It compares the p99 of the GET with the idle one,
// and the logins a second with bare argon2id on the same number of threads. The servers take turns in each round.

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { keptAgent, machine, median, print, quantile, send, sleep, start } from "./measure.mjs";
import { login, password } from "./servers/announce.mjs";
import { requireWrk } from "./wrk.mjs";

const rounds = Number(process.env.BENCH_ROUNDS ?? 3);
const roundMs = Number(process.env.BENCH_ROUND_MS ?? 6_000);
const clients = 64;
const names =
  process.argv.slice(2).length > 0
    ? process.argv.slice(2)
    : ["ampho", "express-bcrypt", "express-argon2", "better-auth"];

/** Measures argon2id hashes a second with Ampho's parameters, on as many threads as Ampho uses. */
async function bareHashes() {
  const code = `
    const { hashSync } = require("@node-rs/argon2");
    const { parentPort, workerData } = require("node:worker_threads");
    let count = 0;
    const end = Date.now() + workerData;
    while (Date.now() < end) { hashSync("violet kettle harbour morning", { memoryCost: 19456, timeCost: 2, parallelism: 1 }); count++; }
    parentPort.postMessage(count);`;
  const threads = Math.max(1, availableParallelism() - 1);
  const counts = await Promise.all(
    Array.from(
      { length: threads },
      () =>
        new Promise((resolve, reject) => {
          const worker = new Worker(code, { eval: true, workerData: roundMs });
          worker.once("message", resolve);
          worker.once("error", reject);
        }),
    ),
  );
  return (counts.reduce((a, b) => a + b, 0) / roundMs) * 1000;
}

async function guardedLatencies(server, ms) {
  const agent = keptAgent();
  const [token] = server.tokens;
  const headers = typeof token === "string" ? { Authorization: `Bearer ${token}` } : token;
  const latencies = [];
  const end = performance.now() + ms;
  while (performance.now() < end) {
    const started = performance.now();
    const status = await send({ port: server.port, agent, path: "/guarded", headers });
    if (status !== 200) throw new Error(`A guarded request returned ${status}.`);
    latencies.push(performance.now() - started);
    await sleep(2);
  }
  agent.destroy();
  return latencies;
}

const folder = mkdtempSync(path.join(tmpdir(), "ampho-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true }));

/** Returns the completed logins a second. wrk uses little of the machine, because real clients run elsewhere. */
async function logInWithoutPause({ port, loginPath }, name, ms) {
  const id = name === "better-auth" ? { email: "alice@example.com" } : { login };
  const bodies = [password, process.env.BENCH_WRONG === "off" ? password : `${password}!`];
  const script = path.join(folder, `${name}.lua`);
  writeFileSync(
    script,
    `local bodies = { ${bodies.map((text) => JSON.stringify(JSON.stringify({ ...id, password: text }))).join(", ")} }
     at, responded = 0, 0
     local threads = {}
     function setup(thread) table.insert(threads, thread) end
     wrk.headers["Content-Type"] = "application/json"
     wrk.headers["Origin"] = "http://127.0.0.1"
     function request() at = at % 2 + 1; return wrk.format("POST", nil, nil, bodies[at]) end
     function response(status) if status == 200 or status == 401 then responded = responded + 1 end end
     function done(summary)
       local sum = 0
       for _, thread in ipairs(threads) do sum = sum + thread:get("responded") end
       io.write(string.format("RATE %f\\n", sum / (summary.duration / 1e6)))
     end`,
  );
  const url = `http://127.0.0.1:${port}${loginPath}`;
  const args = ["-t1", `-c${clients}`, `-d${Math.ceil(ms / 1000)}s`, "--timeout", "30s", "-s", script, url];
  const { stdout } = await promisify(execFile)("wrk", args);
  return Number(/RATE ([\d.]+)/.exec(stdout)?.[1]);
}

async function flood(server, name, ms) {
  await logInWithoutPause(server, name, 1_000);
  // Wait until the server has finished the logins whose clients are gone.
  await sleep(3_000);
  const flooding = logInWithoutPause(server, name, ms + 1_000);
  await sleep(500);
  const latencies = await guardedLatencies(server, ms);
  return { perSecond: await flooding, p99: quantile(latencies, 0.99) };
}

requireWrk();
const results = new Map(names.map((name) => [name, { idle: [], flooded: [], logins: [] }]));
const bare = [];
for (let round = 0; round < rounds; round++) {
  bare.push(await bareHashes());
  for (const name of names) {
    const server = await start(name);
    await guardedLatencies(server, 500);
    const result = results.get(name);
    result.idle.push(quantile(await guardedLatencies(server, roundMs), 0.99));
    const { perSecond, p99 } = await flood(server, name, roundMs);
    result.flooded.push(p99);
    result.logins.push(perSecond);
    await server.stop();
  }
}

console.log(`${machine()}, ${rounds} rounds, medians`);
print([
  ["server", "p99 idle ms", "p99 in the flood ms", "ratio", "logins/s", "of bare argon2id"],
  ...names.map((name) => {
    const { idle, flooded, logins } = results.get(name);
    return [
      name,
      median(idle).toFixed(2),
      median(flooded).toFixed(2),
      median(flooded.map((value, at) => value / idle[at])).toFixed(2),
      median(logins).toFixed(0),
      median(logins.map((value, at) => value / bare[at])).toFixed(2),
    ];
  }),
]);
console.log(`bare argon2id, ${Math.max(1, availableParallelism() - 1)} at once: ${median(bare).toFixed(0)}/s`);
