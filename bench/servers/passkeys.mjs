// Ampho on node:http, with a guarded route, users who have a passkey each, and one who has a password. It sends its key and
// the private keys to the benchmark. For each message it sends the processor time of all its threads, and in microseconds
// that of the main thread, where Linux reports it. BENCH_BUILD is the folder of another build, of which only public
// members are imported.
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { generateJwk } from "../../dist/signing-keys/generate.js";
import { announce, login, password } from "./announce.mjs";

const dist = process.env.BENCH_BUILD && pathToFileURL(path.resolve(process.env.BENCH_BUILD, "dist"));
const { guarded, mount } = await import(`${dist ?? "../../dist"}/adapters/node.js`);
const { createAmpho } = await import(`${dist ?? "../../dist"}/index.js`);
const folder = mkdtempSync(path.join(tmpdir(), "ampho-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const key = generateJwk("HS256");
const ampho = await createAmpho({
  key,
  databaseUrl: `sqlite:${path.join(folder, "ampho.db")}`,
  appUrl: process.env.AMPHO_APP_URL,
  log: () => {},
  // The benchmarks measure the cost of logins, so that throttling is off.
  throttleAddress: 0,
  throttleAttempts: 10_000,
});
const text = (bytes) => randomBytes(bytes).toString("base64url");
const owners = Array.from({ length: Number(process.env.BENCH_USERS) }, (_, n) => {
  const privateKey = generateJwk("ES256");
  const { kty, crv, x, y } = privateKey;
  const passkey = { id: text(32), public_key: { kty, crv, x, y } };
  const state = { backup_eligible: true, backup_state: true };
  const line = { login: `user${n}`, user_handle: text(32), passkeys: [{ ...passkey, ...state }] };
  return { line, id: passkey.id, userHandle: line.user_handle, key: privateKey };
});
await ampho.users.import(owners.map(({ line }) => JSON.stringify(line)));
await ampho.users.create({ login, password });
function mainMicroseconds() {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8").split(" ")[0]) / 1000;
  } catch {
    return undefined;
  }
}

const rest = mount(ampho);
const whoami = guarded(ampho, (request, response) => {
  const body = request.auth.login;
  response.writeHead(200, { "Content-Type": "text/plain", "Content-Length": body.length }).end(body);
});
process.on("message", () => process.send({ ...process.cpuUsage(), main: mainMicroseconds() }));
announce(
  // A client that other work on the machine keeps waiting does not lose its connection.
  createServer({ keepAliveTimeout: 60_000 }, (request, response) =>
    (request.url === "/guarded" ? whoami : rest)(request, response),
  ),
  { key, owners: owners.map(({ line, ...owner }) => owner) },
);
