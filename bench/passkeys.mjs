// Logins by passkey over HTTP on SQLite: the processor time of one in all threads of the server, how many a second one core
// does, and how long one takes. Beside them run logins by password on the same server, which hash.
import { execFileSync } from "node:child_process";
import { createHash, createPrivateKey, sign } from "node:crypto";
import { connect } from "node:net";
import { cpuMicroseconds, machine, median, print, quantile, start } from "./measure.mjs";
import { login, password } from "./servers/announce.mjs";
import { has, loadCpus, pin } from "./wrk.mjs";

const rounds = Number(process.env.BENCH_ROUNDS ?? 5);
const bursts = Number(process.env.BENCH_BURSTS ?? 8);
// With few users a login would read the many sessions that the logins before it have opened.
const users = Number(process.env.BENCH_USERS ?? 500);
const burst = 500;
const clients = 64;
const origin = "https://app.example";
const authenticatorHead = Buffer.concat([sha256("app.example"), Buffer.of(0x1d), Buffer.alloc(4)]);

function sha256(data) {
  return createHash("sha256").update(data).digest();
}

const base64url = (bytes) => Buffer.from(bytes).toString("base64url");

/** A kept connection without an HTTP library, so that this process needs less time for a request than the server. */
function openConnection(port) {
  const socket = connect(port, "127.0.0.1").setNoDelay().setEncoding("latin1");
  let text = "";
  let settle;
  socket.on("data", (piece) => {
    text += piece;
    const end = text.indexOf("\r\n\r\n") + 4;
    if (end < 4 || text.length < end + Number(/content-length: (\d+)/i.exec(text)[1])) return;
    const response = { status: Number(text.slice(9, 12)), body: text.slice(end) };
    text = "";
    settle(response);
  });
  return {
    send: (request) =>
      new Promise((resolve) => {
        settle = resolve;
        socket.write(request);
      }),
    close: () => socket.destroy(),
  };
}

function requestOf(body) {
  const line = `${body === undefined ? "GET" : "POST"} /api/security/login HTTP/1.1\r\nHost: 127.0.0.1\r\n`;
  if (body === undefined) return Buffer.from(`${line}\r\n`);
  const json = JSON.stringify(body);
  return Buffer.from(`${line}Content-Type: application/json\r\nContent-Length: ${json.length}\r\n\r\n${json}`);
}

/** The assertions are signed before the clock runs, because real clients run elsewhere. */
async function assertions({ port, owners }, count) {
  const connection = openConnection(port);
  const requests = [];
  for (let at = 0; at < count; at++) {
    const { transaction, passkey } = JSON.parse((await connection.send(requestOf())).body);
    const { id, userHandle, privateKey } = owners[at % owners.length];
    const clientData = Buffer.from(
      JSON.stringify({ type: "webauthn.get", challenge: passkey.challenge, origin, crossOrigin: false }),
    );
    const signature = sign("sha256", Buffer.concat([authenticatorHead, sha256(clientData)]), privateKey);
    const response = {
      ...{ clientDataJSON: base64url(clientData), authenticatorData: base64url(authenticatorHead) },
      ...{ signature: base64url(signature), userHandle },
    };
    const credential = { id, rawId: id, type: "public-key", clientExtensionResults: {}, response };
    requests.push(requestOf({ transaction, passkey: credential }));
  }
  connection.close();
  return requests;
}

async function logIn(server, requests, connections) {
  const latencies = [];
  const count = requests.length;
  const cpuBefore = await cpuMicroseconds(server);
  const started = performance.now();
  await Promise.all(
    Array.from({ length: connections }, async () => {
      const connection = openConnection(server.port);
      for (let request = requests.pop(); request !== undefined; request = requests.pop()) {
        const from = performance.now();
        const { status } = await connection.send(request);
        if (status !== 200) throw new Error(`a login got ${status}`);
        latencies.push(performance.now() - from);
      }
      connection.close();
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  return {
    perSecond: count / seconds,
    cpu: ((await cpuMicroseconds(server)) - cpuBefore) / count,
    p50: quantile(latencies, 0.5),
  };
}

const about = machine();
const pins = has("sh", "-c", "command -v taskset");
if (pins) execFileSync("taskset", ["-a", "-p", "-c", loadCpus, String(process.pid)], { stdio: "ignore" });
const all = { cpu: [], perSecond: [], p50: [], passwords: [] };
for (let round = 0; round < rounds; round++) {
  const server = await start("passkeys", { AMPHO_APP_URL: `${origin}/`, BENCH_USERS: String(users) });
  if (pins) pin(server.pid);
  for (const owner of server.owners) owner.privateKey = createPrivateKey({ key: owner.key, format: "jwk" });
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
    ...[median(all.cpu).toFixed(0), median(all.perSecond).toFixed(0)],
    ...[median(all.p50).toFixed(2), median(all.passwords).toFixed(0)],
  ],
]);
console.log(`least: ${Math.min(...all.cpu).toFixed(0)} µs; most: ${Math.max(...all.perSecond).toFixed(0)} logins/s`);
