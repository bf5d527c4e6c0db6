// Measures guarded requests a second with 10 000 tokens in turn. Each server has one core, and the load (wrk) has the others.
// A service on Flask runs in the same rounds if Debian's python3-flask, gunicorn and python3-jwcrypto are installed.
import { spawn } from "node:child_process";
import { generateJwk } from "../dist/signing-keys/generate.js";
import { importKeys } from "../dist/signing-keys/jwk-set.js";
import { accessToken, signJwt } from "../dist/tokens/jwt.js";
import { freePort, machine, median, print, sleep, start } from "./measure.mjs";
import { has, load, pin, requireWrk, serverCpu } from "./wrk.mjs";

const rounds = Number(process.env.BENCH_ROUNDS ?? 3);
const seconds = Number(process.env.BENCH_SECONDS ?? 5);
const tokenCount = 10_000;
requireWrk();
const flask = has("/usr/bin/python3", "-c", "import flask, jwcrypto, gunicorn");

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
    ["-c", serverCpu, "gunicorn", "-w", "1", "--threads", "4", "-b", `127.0.0.1:${port}`, "flask_service:app"],
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
  ...(flask ? [["Flask, gunicorn", "flask", "/guarded"]] : []),
];
const rates = new Map(cases.map(([name]) => [name, []]));
for (let round = 0; round < rounds; round++)
  for (const [name, server, route] of cases) {
    const running = server === "flask" ? await startFlask() : await start(server, { BENCH_TOKENS: String(tokenCount) });
    if (running.pid !== undefined) pin(running.pid);
    load(running.port, route, running.tokens, seconds);
    rates.get(name).push(load(running.port, route, running.tokens, seconds));
    await running.stop();
  }

console.log(`${machine()}, one core for the server, ${rounds} rounds, medians`);
const flaskRate = rates.get("Flask, gunicorn");
print([
  ["server", "requests/s", "of the unguarded", "times Flask"],
  ...cases.map(([name, server]) => {
    const own = rates.get(name);
    const plain = rates.get("ampho/node, no guard");
    return [
      name,
      median(own).toFixed(0),
      server === "ampho" ? median(own.map((rate, at) => rate / plain[at])).toFixed(2) : "",
      flaskRate === undefined ? "" : median(own.map((rate, at) => rate / flaskRate[at])).toFixed(1),
    ];
  }),
]);
if (!flask) console.log("Not measured: Flask. apt-get install python3-flask gunicorn python3-jwcrypto");
process.exit();
