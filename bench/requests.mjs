// Guarded requests a second, each server on one core and the load (wrk) on the others, 10 000 tokens in turn; the seed's
// design on Flask with gunicorn (Debian's python3-flask, gunicorn, python3-jwcrypto) in the same rounds, where it is there.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import { generateJwk } from "../dist/crypto/jwk-generate.js";
import { importKeys } from "../dist/crypto/jwk-set.js";
import { accessToken, signJwt } from "../dist/crypto/jwt.js";
import { machine, median, print, sleep, start } from "./measure.mjs";

const rounds = Number(process.env.BENCH_ROUNDS ?? 3);
const seconds = Number(process.env.BENCH_SECONDS ?? 5);
const tokenCount = 10_000;
const folder = mkdtempSync(path.join(tmpdir(), "ampho-bench-"));

function has(command, ...args) {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
if (!has("wrk", "-v") && !has("sh", "-c", "command -v wrk")) {
  console.error("This needs wrk: apt-get install wrk");
  process.exit(1);
}
const flask = has("/usr/bin/python3", "-c", "import flask, jwcrypto, gunicorn");

/** wrk with the tokens in turn; requests a second. */
function load(port, route, tokens) {
  const script = path.join(folder, "tokens.lua");
  const list = path.join(folder, "tokens.txt");
  writeFileSync(list, tokens.join("\n"));
  writeFileSync(
    script,
    `local tokens = {}
     for line in io.lines("${list}") do tokens[#tokens + 1] = "Bearer " .. line end
     local at = 0
     request = function()
       at = at % #tokens + 1
       return wrk.format("GET", "${route}", { Authorization = tokens[at] })
     end
     done = function(summary)
       io.write(string.format("RATE %f BAD %d\\n", summary.requests / (summary.duration / 1e6), summary.errors.status))
     end`,
  );
  const args = ["-t1", "-c32", `-d${seconds}s`, "-s", script, `http://127.0.0.1:${port}${route}`];
  const output = execFileSync("taskset", ["-c", loadCpus, "wrk", ...args], { encoding: "utf8" });
  const [, rate, bad] = /RATE ([\d.]+) BAD (\d+)/.exec(output);
  if (bad !== "0") throw new Error(`${bad} requests were refused`);
  return Number(rate);
}

const serverCpu = "0";
const loadCpus = availableParallelism() > 1 ? `1-${availableParallelism() - 1}` : "0";

async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => probe.once("listening", resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

async function startFlask() {
  const jwk = generateJwk("HS256");
  const [key] = importKeys(jwk).keys;
  const now = Math.floor(Date.now() / 1000);
  const tokens = Array.from({ length: tokenCount }, (_, at) =>
    signJwt(key, accessToken, { login: "alice", jti: String(at), exp: now + 3600 }),
  );
  const port = await freePort();
  const child = spawn(
    "taskset",
    ["-c", serverCpu, "gunicorn", "-w", "1", "--threads", "4", "-b", `127.0.0.1:${port}`, "flask_seed:app"],
    {
      cwd: new URL("./servers", import.meta.url),
      env: { ...process.env, BENCH_KEY: JSON.stringify(jwk) },
      stdio: "ignore",
    },
  );
  await sleep(1_500);
  return { port, tokens, stop: async () => void child.kill() };
}

const cases = [
  ["node:http, no guard", "node-plain", "/plain"],
  ["ampho/node, no guard", "ampho", "/plain"],
  ["ampho/node, guarded", "ampho", "/guarded"],
  ["Express + jsonwebtoken", "express-argon2", "/guarded"],
  ...(flask ? [["the seed's design: Flask, gunicorn", "flask", "/guarded"]] : []),
];
const rates = new Map(cases.map(([name]) => [name, []]));
for (let round = 0; round < rounds; round++)
  for (const [name, server, route] of cases) {
    const running = server === "flask" ? await startFlask() : await start(server, { BENCH_TOKENS: String(tokenCount) });
    if (running.pid !== undefined)
      execFileSync("taskset", ["-a", "-p", "-c", serverCpu, String(running.pid)], { stdio: "ignore" });
    load(running.port, route, running.tokens);
    rates.get(name).push(load(running.port, route, running.tokens));
    await running.stop();
  }

console.log(`${machine()}; one core for the server, ${rounds} rounds, medians`);
const seed = rates.get("the seed's design: Flask, gunicorn");
print([
  ["server", "requests/s", "of the unguarded", "times the seed's design"],
  ...cases.map(([name, server]) => {
    const own = rates.get(name);
    const plain = rates.get("ampho/node, no guard");
    return [
      name,
      median(own).toFixed(0),
      server === "ampho" ? median(own.map((rate, at) => rate / plain[at])).toFixed(2) : "",
      seed === undefined ? "" : median(own.map((rate, at) => rate / seed[at])).toFixed(1),
    ];
  }),
]);
if (!flask) console.log("Not measured: Flask. apt-get install python3-flask gunicorn python3-jwcrypto");
process.exit();
