// Logins from 64 clients without pause, beside a guarded GET on the same process: its p99 against the idle one, and the
// logins a second against bare argon2id hashed by as many threads. Rounds of the servers take turns.

import { fork } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { keptAgent, machine, median, print, quantile, send, sleep, start } from "./measure.mjs";

const rounds = Number(process.env.BENCH_ROUNDS ?? 3);
const roundMs = Number(process.env.BENCH_ROUND_MS ?? 6_000);
const clients = 64;
const names =
  process.argv.slice(2).length > 0
    ? process.argv.slice(2)
    : ["ampho", "express-bcrypt", "express-argon2", "better-auth"];

/** Hashes a second of argon2id with our parameters, one after the other in each of as many threads as Ampho uses. */
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
    if (status !== 200) throw new Error(`a guarded request was answered ${status}`);
    latencies.push(performance.now() - started);
    await sleep(2);
  }
  agent.destroy();
  return latencies;
}

async function flood(server, name, ms) {
  const about = {
    port: server.port,
    loginPath: server.loginPath,
    clients,
    email: name === "better-auth" ? "alice@example.com" : undefined,
    wrongToo: process.env.BENCH_WRONG !== "off",
  };
  const flooders = fork(new URL("./flood-clients.mjs", import.meta.url), [JSON.stringify(about)]);
  const answered = async () => {
    flooders.send("count");
    const [count] = await once(flooders, "message");
    return count;
  };
  await sleep(1_500);
  const before = await answered();
  const latencies = await guardedLatencies(server, ms);
  const perSecond = (((await answered()) - before) / ms) * 1000;
  const gone = once(flooders, "exit");
  flooders.kill();
  await gone;
  return { perSecond, p99: quantile(latencies, 0.99) };
}

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

console.log(`${machine()}; ${rounds} rounds, medians`);
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
