// Compares this build with another one: processor time of requests, of the import of the package, and memory at rest. Both
// builds run at once and take turns in short bursts, so that other work on the machine disturbs both of them.
// Run after a build of both folders: node bench/compare.mjs --against FOLDER [--only guarded,renewals]
import { execFileSync, spawn } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { assertions, origin, requestOf, sendAll } from "./clients.mjs";
import { cpuUsage, machine, median, print, sleep, start } from "./measure.mjs";
import { login, password } from "./servers/announce.mjs";
import { has, loadCpus, pin } from "./wrk.mjs";

const { values: options } = parseArgs({ options: { against: { type: "string" }, only: { type: "string" } } });
const other = options.against === undefined ? "" : path.resolve(options.against);
if (!existsSync(path.join(other, "dist/index.js"))) {
  console.error(
    "Usage: node bench/compare.mjs --against FOLDER [--only FLOWS], where FOLDER is another checkout, built.",
  );
  process.exit(1);
}
const builds = [fileURLToPath(new URL("..", import.meta.url)), other];
const rounds = Number(process.env.BENCH_ROUNDS ?? 15);
const burst = 1000;
const now = Math.floor(Date.now() / 1000);
const base64url = (text) => Buffer.from(text).toString("base64url");

/** An access token as Ampho signs it. It is signed here, so that both builds get tokens from the same code. */
function makeToken({ key: { kid, k } }, at) {
  const claims = {
    sub: `usr_${String(at).padStart(12, "0")}`,
    login: `person${at}`,
    roles: ["editor"],
    sid: `0.${String(at).padStart(22, "x")}`,
    gen: 0,
    ver: 1,
    auth_time: now,
    amr: ["pwd"],
    acr: "1fa",
    jti: randomBytes(16).toString("base64url"),
    iat: now,
    nbf: now,
    exp: now + 3600,
  };
  const input = `${base64url(JSON.stringify({ alg: "HS256", kid, typ: "at+jwt" }))}.${base64url(JSON.stringify(claims))}`;
  return `${input}.${createHmac("sha256", Buffer.from(k, "base64url")).update(input).digest("base64url")}`;
}

function guardedRequest(server, at) {
  const head = `GET /guarded HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${makeToken(server, at)}\r\n\r\n`;
  return Buffer.from(head);
}

/** Each flow makes the requests of one burst, before the clock runs. `cpu` states which threads count. */
const flows = {
  "guarded requests, 10 000 tokens in turn": {
    name: "guarded",
    cpu: "all",
    requests(server) {
      server.guarded ??= Array.from({ length: 10_000 }, (_, at) => guardedRequest(server, at));
      // A first round with all tokens, so that each was seen before.
      const from = server.next ?? 0;
      const count = server.next === undefined ? 10_000 : 5 * burst;
      server.next = (from + count) % 10_000;
      return Array.from({ length: count }, (_, at) => server.guarded[(from + at) % 10_000]);
    },
  },
  "guarded requests, new tokens": {
    name: "new",
    cpu: "all",
    requests: (server) => Array.from({ length: 5 * burst }, (_, at) => guardedRequest(server, at)),
  },
  "logins by passkey": {
    name: "passkeys",
    cpu: "all",
    requests: (server) => assertions(server, burst),
    // Later bursts renew these sessions.
    after: (server, bodies) => {
      server.grants = bodies.map((body) => JSON.parse(body).refresh_token);
    },
  },
  renewals: {
    name: "renewals",
    cpu: "all",
    async requests(server) {
      if (server.grants === undefined) await run(server, flows["logins by passkey"]);
      return server.grants.map((refreshToken) => requestOf({ refresh_token: refreshToken }, "renew"));
    },
    after: (server, bodies) => flows["logins by passkey"].after(server, bodies),
  },
  "logins by password, without the hash": {
    name: "passwords",
    // Other threads hash.
    cpu: "main",
    // The queue for hashes is short.
    connections: 4,
    requests: () => Array.from({ length: 60 }, () => requestOf({ login, password })),
  },
};

/** Returns the microseconds that each request of one burst took. */
async function run(server, { requests, cpu, connections = 32, after }) {
  const all = await requests(server);
  const before = await cpuUsage(server);
  const done = await sendAll(server.port, all, connections);
  const spent = await cpuUsage(server);
  after?.(
    server,
    done.map(({ body }) => body),
  );
  const timeOf = ({ user, system, main }) => (cpu === "main" ? main : user + system);
  return (timeOf(spent) - timeOf(before)) / all.length;
}

/** Milliseconds of processor time that an import takes in a new process. */
function importMs(build, file) {
  const script = `
    const before = process.cpuUsage();
    await import(${JSON.stringify(pathToFileURL(path.join(build, "dist", file)).href)});
    const { user, system } = process.cpuUsage(before);
    process.stdout.write(String((user + system) / 1000), () => process.exit());`;
  return Number(execFileSync(process.execPath, ["--input-type=module", "--eval", script]));
}

/** Resident MiB of an `ampho serve` that has had no request. */
async function restMebibytes(build) {
  const folder = mkdtempSync(path.join(tmpdir(), "ampho-bench-"));
  const key = JSON.stringify({ kty: "oct", alg: "HS256", kid: "bench", k: randomBytes(32).toString("base64url") });
  const server = spawn(process.execPath, [path.join(build, "dist/cli/main.js"), "serve", "--port", "0"], {
    env: { ...process.env, AMPHO_SECURITY_KEY: key, AMPHO_DATABASE_URL: `sqlite:${path.join(folder, "ampho.db")}` },
    stdio: ["ignore", "pipe", "ignore"],
  });
  await once(server.stdout, "data");
  await sleep(3_000);
  const kibibytes = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, "utf8"))[1]);
  const ended = once(server, "exit");
  server.kill();
  await ended;
  rmSync(folder, { recursive: true });
  return kibibytes / 1024;
}

const rows = [["what", "unit", "this build", "the other", "this ÷ other"]];

/** Lets both builds take turns and adds a row with their medians and the median of the ratios. */
async function compare(what, unit, count, warmUp, measure) {
  const values = [[], []];
  for (let round = -warmUp; round < count; round++)
    for (const at of round % 2 === 0 ? [0, 1] : [1, 0]) {
      const value = await measure(at);
      if (round >= 0) values[at].push(value);
    }
  const ratio = median(values[0].map((value, round) => value / values[1][round]));
  rows.push([what, unit, median(values[0]).toFixed(1), median(values[1]).toFixed(1), ratio.toFixed(3)]);
  console.error(rows.at(-1).join("  "));
}

const chosen = options.only?.split(",");
const isChosen = (name) => chosen === undefined || chosen.includes(name);
const about = machine();
const pins = has("sh", "-c", "command -v taskset");
if (pins) execFileSync("taskset", ["-a", "-p", "-c", loadCpus, String(process.pid)], { stdio: "ignore" });
const servers = [];
for (const build of builds)
  servers.push(await start("passkeys", { AMPHO_APP_URL: `${origin}/`, BENCH_USERS: "500", BENCH_BUILD: build }));
if (pins) for (const { pid } of servers) pin(pid);
for (const [what, flow] of Object.entries(flows))
  if (isChosen(flow.name)) await compare(what, "µs", rounds, 4, (at) => run(servers[at], flow));
for (const server of servers) await server.stop();
if (isChosen("import"))
  for (const file of ["index.js", "verify/verifier.js", "client/client.js"])
    if (builds.every((build) => existsSync(path.join(build, "dist", file))))
      await compare(`import of ${file}`, "ms", 2 * rounds, 1, async (at) => importMs(builds[at], file));
if (isChosen("memory")) await compare("memory of ampho serve at rest", "MiB", 3, 0, (at) => restMebibytes(builds[at]));
console.log(`${about}, ${rounds} rounds, medians. This build: ${builds[0]}. The other: ${other}`);
print(rows);
process.exit();
