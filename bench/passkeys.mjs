// Logins by passkey over HTTP on SQLite: the processor time of one in all threads of the server, how many a second one core
// does, and how long one takes. Beside them run logins by password on the same server, which hash.
import { execFileSync } from "node:child_process";
import { assertions, origin, requestOf, sendAll } from "./clients.mjs";
import { cpuMicroseconds, machine, median, print, quantile, start } from "./measure.mjs";
import { login, password } from "./servers/announce.mjs";
import { has, loadCpus, pin } from "./wrk.mjs";

const rounds = Number(process.env.BENCH_ROUNDS ?? 5);
const bursts = Number(process.env.BENCH_BURSTS ?? 8);
// With few users a login would read the many sessions that the logins before it have opened.
const users = Number(process.env.BENCH_USERS ?? 500);
const burst = 500;
const clients = 64;
async function logIn(server, requests, connections) {
  const cpuBefore = await cpuMicroseconds(server);
  const started = performance.now();
  const done = await sendAll(server.port, requests, connections);
  const seconds = (performance.now() - started) / 1000;
  return {
    perSecond: done.length / seconds,
    cpu: ((await cpuMicroseconds(server)) - cpuBefore) / done.length,
    p50: quantile(
      done.map(({ ms }) => ms),
      0.5,
    ),
  };
}

const about = machine();
const pins = has("sh", "-c", "command -v taskset");
if (pins) execFileSync("taskset", ["-a", "-p", "-c", loadCpus, String(process.pid)], { stdio: "ignore" });
const all = { cpu: [], perSecond: [], p50: [], passwords: [] };
for (let round = 0; round < rounds; round++) {
  const server = await start("passkeys", { AMPHO_APP_URL: `${origin}/`, BENCH_USERS: String(users) });
  if (pins) pin(server.pid);
  for (let warm = 0; warm < 4; warm++) await logIn(server, await assertions(server, burst), clients);
  for (let at = 0; at < bursts; at++) {
    const { cpu, perSecond } = await logIn(server, await assertions(server, burst), clients);
    all.cpu.push(cpu);
    all.perSecond.push(perSecond);
    all.p50.push((await logIn(server, await assertions(server, 50), 1)).p50);
  }
  const passwords = Array.from({ length: 100 }, () => requestOf({ login, password }));
  all.passwords.push((await logIn(server, passwords, 8)).perSecond);
  await server.stop();
}
console.log(`${about}, ${rounds} rounds of ${bursts} bursts, medians`);
print([
  ["µs of processor time", "passkey logins/s", "one client, p50 ms", "password logins/s"],
  [
    median(all.cpu).toFixed(0),
    median(all.perSecond).toFixed(0),
    median(all.p50).toFixed(2),
    median(all.passwords).toFixed(0),
  ],
]);
console.log(`least: ${Math.min(...all.cpu).toFixed(0)} µs; most: ${Math.max(...all.perSecond).toFixed(0)} logins/s`);
