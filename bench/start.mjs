// Measures how long a process takes until it is ready while many revocations are live, and its memory until a minute later.
// It needs Linux.
// Usage: npm run build && node bench/start.mjs sqlite|postgres [REVOCATIONS]
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { now, spellings } from "./growth-data.mjs";
import { postgresDatabases, sqliteDatabases } from "./growth-databases.mjs";
import { startServe } from "./growth-http.mjs";
import { machine, print } from "./measure.mjs";

const [kind = "sqlite", count = "1000000"] = process.argv.slice(2);
const rows = Number(count);
/** The numbers go on from those of a year of use, whose rows were deleted. */
const before = 50_000_000;
const afterwardsMs = 60_000;

const revocations = ({ hex, series }) => [
  `insert into ampho_revocations (n, at, until, kind, session_id)
   select ${before} + i, ${now}, ${now} + 3600, 'session', '0.' || ${hex("i", 14)} from ${series(rows)}`,
  `update ampho_state set last_revocation = ${before} + ${rows}`,
];

function residentMiB(pid) {
  const [, kib = "0"] = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) / 1024;
}

async function measure(url) {
  const startedMs = performance.now();
  const served = await startServe(url);
  let readyMs;
  let [peak, peakAtReady] = [0, 0];
  while (readyMs === undefined || performance.now() < startedMs + readyMs + afterwardsMs) {
    peak = Math.max(peak, residentMiB(served.pid));
    if (readyMs === undefined && (await fetch(new URL("/readyz", served.address))).ok) {
      readyMs = performance.now() - startedMs;
      peakAtReady = peak;
    }
    await pause(100);
  }
  await served.stop();
  return [(readyMs / 1000).toFixed(1), peakAtReady.toFixed(0), peak.toFixed(0)];
}

console.log(machine());
const databases = kind === "postgres" ? await postgresDatabases() : await sqliteDatabases();
try {
  const database = await databases.make(1);
  await database.write(revocations(spellings[kind]));
  print([
    ["database", "live revocations", "ready after, s", "RSS until then, MiB", "a minute later, MiB"],
    [kind, String(rows), ...(await measure(database.url))],
  ]);
} finally {
  await databases.remove();
}
