// 64 clients send wrong second factors without pause, beside a guarded GET on the same process. They send wrong TOTP codes of
// a live session and of a pending login, forged transactions, passkeys that no account has, and wrong signatures of a
// passkey. The benchmark compares the p99 of the GET with the idle one.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { totpCode } from "../dist/factors/totp/totp.js";
import { createAuthenticator } from "../packages/attack/dist/authenticator.js";
import { keptAgent, machine, median, print, quantile, send, sleep, start } from "./measure.mjs";
import { login, password } from "./servers/announce.mjs";
import { requireWrk } from "./wrk.mjs";

const rounds = Number(process.env.BENCH_ROUNDS ?? 5);
const roundMs = Number(process.env.BENCH_ROUND_MS ?? 6_000);
const clients = 64;

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

function fromBase32(text) {
  const bits = Array.from(text, (letter) => alphabet.indexOf(letter).toString(2).padStart(5, "0")).join("");
  return Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
}

async function call({ port }, path, body, bearer) {
  const headers = { "content-type": "application/json", ...(bearer && { authorization: `Bearer ${bearer}` }) };
  const init = { method: body === undefined ? "GET" : "POST", headers, ...(body && { body: JSON.stringify(body) }) };
  const response = await fetch(`http://127.0.0.1:${port}/api/security${path}`, init);
  return response.json();
}

/** Adds a passkey, and returns a session that has proven it, and a response of it for the challenge of another login page. */
async function addPasskey(server) {
  const { token } = await call(server, "/login", { login, password });
  const begun = await call(server, "/passkeys/options", {}, token);
  const { challenge, user } = begun.passkey;
  const authenticator = createAuthenticator("app.example", "https://app.example", user.id);
  const added = { transaction: begun.transaction, passkey: authenticator.register(challenge) };
  if (!(await call(server, "/passkeys", added, token)).passkey) throw new Error("the passkey could not be added");
  const page = await call(server, "/login");
  const passkey = authenticator.assert(page.passkey.challenge);
  const grant = await call(server, "/login", { transaction: page.transaction, passkey });
  const other = await call(server, "/login");
  const wrong = authenticator.assert(other.passkey.challenge);
  const signature = Buffer.from(wrong.response.signature, "base64url");
  signature[signature.length - 1] ^= 1;
  wrong.response.signature = signature.toString("base64url");
  return { token: grant.token, wrong: { transaction: other.transaction, passkey: wrong } };
}

/** Sets up a passkey and TOTP for the user, and returns the requests of the flood. */
async function wrongRequests(server) {
  const { token, wrong } = await addPasskey(server);
  const { transaction, secret } = await call(server, "/totp", {}, token);
  const totp = totpCode(fromBase32(secret), Math.floor(Date.now() / 30_000));
  const confirmed = await call(server, "/totp/confirm", { transaction, totp }, token);
  if (confirmed.recovery_codes?.length !== 8) throw new Error("TOTP could not be set up");
  const pending = await call(server, "/login", { login, password });
  const ways = await call(server, "/login");
  const id = "A".repeat(43);
  const response = { clientDataJSON: id, authenticatorData: id, signature: id };
  const passkey = { id, rawId: id, type: "public-key", clientExtensionResults: {}, response };
  return [
    { body: { totp: "000000" }, token },
    { body: { transaction: pending.transaction, totp: "000000" } },
    { body: { transaction: `${pending.transaction.slice(0, -4)}AAAA`, totp: "000000" } },
    { body: { transaction: ways.transaction, passkey } },
    { body: wrong },
  ];
}

const folder = mkdtempSync(path.join(tmpdir(), "ampho-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true }));

/** Returns the rejected requests a second. */
async function flood({ port }, requests, ms) {
  const script = path.join(folder, "flood.lua");
  const rows = requests.map(({ body, token = "" }) => `{ ${JSON.stringify(JSON.stringify(body))}, "${token}" }`);
  writeFileSync(
    script,
    `local rows = { ${rows.join(", ")} }
     at, rejected, other = 0, 0, 0
     local threads = {}
     function setup(thread) table.insert(threads, thread) end
     function request()
       at = at % #rows + 1
       local headers = { ["Content-Type"] = "application/json" }
       if rows[at][2] ~= "" then headers["Authorization"] = "Bearer " .. rows[at][2] end
       return wrk.format("POST", nil, headers, rows[at][1])
     end
     function response(status)
       if status == 401 or status == 429 then rejected = rejected + 1 elseif status < 500 then other = other + 1 end
     end
     function done(summary)
       local sum, wrong = 0, 0
       for _, thread in ipairs(threads) do sum = sum + thread:get("rejected") wrong = wrong + thread:get("other") end
       io.write(string.format("RATE %f OTHER %d\\n", sum / (summary.duration / 1e6), wrong))
     end`,
  );
  const url = `http://127.0.0.1:${port}/api/security/login`;
  const args = ["-t1", `-c${clients}`, `-d${Math.ceil(ms / 1000)}s`, "--timeout", "30s", "-s", script, url];
  const { stdout } = await promisify(execFile)("wrk", args);
  const [, rate, other] = /RATE ([\d.]+) OTHER (\d+)/.exec(stdout);
  if (Number(other) > 0) throw new Error(`${other} requests of the flood were not rejected`);
  return Number(rate);
}

async function guardedLatencies(server, ms) {
  const agent = keptAgent();
  const headers = { Authorization: `Bearer ${server.tokens[0]}` };
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

requireWrk();
const [idle, flooded, rates] = [[], [], []];
for (let round = 0; round < rounds; round++) {
  const server = await start("ampho", { AMPHO_APP_URL: "https://app.example/" });
  const requests = await wrongRequests(server);
  await guardedLatencies(server, 500);
  idle.push(quantile(await guardedLatencies(server, roundMs), 0.99));
  await flood(server, requests, 1_000);
  const flooding = flood(server, requests, roundMs + 1_000);
  await sleep(500);
  flooded.push(quantile(await guardedLatencies(server, roundMs), 0.99));
  rates.push(await flooding);
  await server.stop();
}
console.log(`${machine()}, ${rounds} rounds, medians`);
print([
  ["p99 idle ms", "p99 in the flood ms", "ratio", "rejected/s"],
  [
    median(idle).toFixed(2),
    median(flooded).toFixed(2),
    median(flooded.map((value, at) => value / idle[at])).toFixed(2),
    median(rates).toFixed(0),
  ],
]);
