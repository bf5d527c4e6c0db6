// Random clients use a fleet of four processes on one database, while processes are killed and restarted. Afterwards the checker
// of test/history looks for broken promises. With --restarts off the processes stay. Their memory must be level: the
// median of the last third of the run is at most 1.1 times that of the middle third. The exit code is 1 otherwise.
// Usage: npm run build && node bench/soak.mjs [--minutes 10] [--seed TEXT] [--store sqlite|postgres] [--people 12] [--restarts off]
import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { machine, median, print, quantile } from "./measure.mjs";
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
    restarts: { type: "string", default: "on" },
  },
});
const { seed, store } = values;
const seconds = Number(values.minutes) * 60;
console.log(`${machine()}, ${store}, ${values.minutes} min, --seed ${seed}`);

const mib = (bytes) => (bytes / 2 ** 20).toFixed(1);
const ticks = [["minute", "operations", "database MiB", "servers MiB", "this process MiB"]];
const totals = [];
const tickMs = Math.max(5_000, (seconds * 1_000) / 20);
const onTick = (fleet, sizeBytes, operations) => {
  const members = Array.from({ length: fleet.size }, (_, at) => fleet.at(at));
  const bytes = members.map((member) => member?.served.rssBytes());
  const memory = bytes.map((each) => (each === undefined ? "-" : mib(each))).join(" ");
  totals.push(bytes.reduce((sum, each = 0) => sum + each, 0));
  const minute = (((ticks.length - 1) * tickMs) / 60_000).toFixed(1);
  ticks.push([minute, operations, mib(sizeBytes), memory, mib(process.memoryUsage.rss())]);
};
const restartEveryMs = values.restarts === "off" ? Number.POSITIVE_INFINITY : 10_000;
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
let isLevel = true;
if (values.restarts === "off") {
  const third = Math.floor(totals.length / 3);
  const growth = median(totals.slice(-third)) / median(totals.slice(-2 * third, -third));
  isLevel = growth <= 1.1;
  console.log(`memory of the last third ÷ that of the middle third: ${growth.toFixed(3)} (must be ≤ 1.1)`);
}
process.exit(violations.length > 0 || !isLevel ? 1 : 0);
