// Measures `import "ampho/verify"` in a new process, beside jose, fast-jwt and jsonwebtoken. Each round starts one process for
// each package in turn. The result is the median of the ratios.
// Run after a build: node bench/import-verify.mjs
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { machine, median } from "./measure.mjs";

const rounds = Number(process.env.BENCH_ROUNDS ?? 41);
const bar = 0.8;
const subjects = {
  "ampho/verify": new URL("../dist/verify/verifier.js", import.meta.url).href,
  jose: "jose",
  "fast-jwt": "fast-jwt",
  jsonwebtoken: "jsonwebtoken",
};

function importMs(specifier) {
  const script = `
    const startedMs = performance.now();
    await import(${JSON.stringify(specifier)});
    process.stdout.write(String(performance.now() - startedMs));`;
  const args = ["--input-type=module", "--eval", script];
  return Number(execFileSync(process.execPath, args, { cwd: fileURLToPath(new URL(".", import.meta.url)) }));
}

const timesMs = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
// The first round only fills the file cache.
for (let round = -1; round < rounds; round++)
  for (const [name, specifier] of Object.entries(subjects)) {
    const ms = importMs(specifier);
    if (round >= 0) timesMs[name].push(ms);
  }

const ratioTo = (name) => median(timesMs["ampho/verify"].map((ms, round) => ms / timesMs[name][round]));
console.log(machine());
for (const [name, times] of Object.entries(timesMs)) console.log(`${name.padEnd(14)}${median(times).toFixed(1)} ms`);
console.log(`fast-jwt ${ratioTo("fast-jwt").toFixed(2)} ×, jsonwebtoken ${ratioTo("jsonwebtoken").toFixed(2)} ×`);
const ratio = ratioTo("jose");
console.log(`jose ${ratio.toFixed(2)} × (at most ${bar}): ${ratio <= bar ? "reached" : "missed"}`);
if (ratio > bar) process.exitCode = 1;
