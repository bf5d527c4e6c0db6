// Random clients use a fleet of four processes on one database, while processes are killed and restarted. Afterwards the checker
// of test/history looks for broken promises. The exit code is 1 if it finds one.
// Usage: npm run build && node bench/soak.mjs [--minutes 10] [--seed TEXT] [--store sqlite|postgres] [--people 12]
import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { machine, print, quantile } from "./measure.mjs";
import "./typescript.mjs";

const { recordRun } = await import("../test/history/run.ts");
const { checkHistory } = await import("../test/history/check.ts");
const { saveHistory, describeViolations } = await import("../test/history/save.ts");
const { cleanUp } = await import("../test/world/clean-up.ts");

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: randomBytes(4).toString("hex") },
    store: { type: "string", default: "postgres" },
    people: { type: "string", default: "12" },
  },
});
const { seed, store } = values;
const seconds = Number(values.minutes) * 60;
console.log(`${machine()}, ${store}, ${values.minutes} min, --seed ${seed}`);

const mib = (bytes) => (bytes / 2 ** 20).toFixed(1);
const ticks = [["minute", "operations", "database MiB", "servers MiB", "this process MiB"]];
const tickMs = Math.max(5_000, (seconds * 1_000) / 20);
const onTick = (fleet, sizeBytes, operations) => {
  const members = Array.from({ length: fleet.size }, (_, at) => fleet.at(at));
  const memory = members.map((member) => (member === undefined ? "-" : mib(member.served.rssBytes()))).join(" ");
  const minute = (((ticks.length - 1) * tickMs) / 60_000).toFixed(1);
  ticks.push([minute, operations, mib(sizeBytes), memory, mib(process.memoryUsage.rss())]);
};
const restartEveryMs = 10_000;
const history = await recordRun({
  seed,
  store,
  seconds,
  restartEveryMs,
  onTick,
  tickMs,
  people: Number(values.people),
});
await cleanUp();

const groups = new Map();
for (const operation of history.operations) {
  const { response, request } = operation;
  const outcome = response === null ? "no response" : `${response.status} ${response.error ?? ""}`;
  const name = `${request.kind}: ${outcome.trim()}`;
  if (!groups.has(name)) groups.set(name, []);
  groups.get(name).push(operation.end - operation.start);
}
const rows = [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
print([
  ["request: response", "times", "p50 ms", "p99 ms"],
  ...rows.map(([name, took]) => [name, took.length, quantile(took, 0.5).toFixed(1), quantile(took, 0.99).toFixed(1)]),
]);
print(ticks);

const started = performance.now();
const violations = checkHistory(history);
const { operations, audit, lives } = history;
console.log(
  `${operations.length} operations, ${audit.length} rows of the audit log, ${lives.length - 4} processes killed or restarted, ` +
    `checked in ${Math.round(performance.now() - started)} ms`,
);
console.log(`violations: ${violations.length}`);
if (violations.length > 0) {
  console.log(describeViolations(violations));
  console.log(`the history is in ${saveHistory(history, violations)}`);
}
process.exit(violations.length > 0 ? 1 : 0);
