// API keys at the guard: a known key beside a known token, a miss, the bytes of a key in memory, and a flood of random
// keys. Build first, then `node --expose-gc bench/api-keys.mjs`.
// Settings: BENCH_KEYS (100000), BENCH_RANDOM (1000000), BENCH_WATCH (60, seconds), and BENCH_PEER, a folder with better-auth
// and its plug-in for API keys.
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { createAmpho } from "../dist/index.js";
import { generateApiKey } from "../dist/tokens/api-key.js";
import { addKeys, scopes } from "./api-key-data.mjs";
import { machine } from "./measure.mjs";

const rounds = 15;
const calls = 200_000;
/** As many keys as a process keeps. */
const kept = 16_384;
const keysCount = Number(process.env.BENCH_KEYS ?? 100_000);
const randomKeys = Number(process.env.BENCH_RANDOM ?? 1_000_000);
const folder = mkdtempSync(path.join(tmpdir(), "ampho-bench-"));
const databaseUrl = `sqlite:${path.join(folder, "ampho.db")}`;
const keys = (await addKeys(databaseUrl, keysCount)).map(({ key }) => key);
const options = { apiKeys: 1000, scopes, throttleAddress: 0, log() {} };
const ampho = await createAmpho({ databaseUrl, ...options });
const user = await ampho.users.create({ login: "ann", roles: ["editor"] });
const { token } = await ampho.sessions.create(user.id);
const need = { credentials: ["session", "api_key"], scopes: ["articles:read"] };
const guard = (value) => ampho.host.guard(value, need, undefined);
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const readsOf = () => Number(/seconds_count\{db_operation_name="findApiKeys"\} (\d+)/.exec(ampho.metrics())?.[1] ?? 0);

/** The heap after a collection. The benchmark itself keeps as much before. */
function heapUsed() {
  for (let n = 0; n < 3; n++) globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

/** The header as it comes from a socket: a text of its own, which nothing else keeps. */
const headerOf = (key) => Buffer.from(`Bearer ${key}`).toString("latin1");

async function known() {
  for (const each of [token, keys[0]]) await guard(headerOf(each));
  // Another text with the same characters, as the next request brings it.
  const values = [headerOf(token), headerOf(keys[0])];
  const took = values.map(() => []);
  for (let round = 0; round < rounds; round++)
    for (const at of round % 2 === 0 ? [0, 1] : [1, 0]) {
      const start = performance.now();
      for (let n = 0; n < calls; n++) guard(values[at]);
      took[at].push(((performance.now() - start) * 1000) / calls);
    }
  const [byToken, byKey] = took.map(median);
  console.log(
    `known token ${byToken.toFixed(3)} µs, known key ${byKey.toFixed(3)} µs, ratio ${(byToken / byKey).toFixed(2)}`,
  );
}

async function memory() {
  const [before, reads] = [heapUsed(), readsOf()];
  const start = performance.now();
  const first = Math.min(kept - 2, keysCount);
  for (const key of keys.slice(1, first)) await guard(headerOf(key));
  const took = (performance.now() - start) / (first - 1);
  const bytes = (heapUsed() - before) / (first - 1);
  console.log(
    `a miss ${(took * 1000).toFixed(0)} µs, ${(readsOf() - reads) / (first - 1)} queries, a key ${bytes.toFixed(0)} B in memory`,
  );
  for (const key of keys) await guard(headerOf(key));
  console.log(`${keysCount} keys: ${((heapUsed() - before) / 2 ** 20).toFixed(1)} MiB in memory`);
}

async function flood(count) {
  const key = headerOf(keys[0]);
  await guard(key);
  const before = heapUsed();
  const outcomes = {};
  const grown = [];
  const waits = [];
  for (let sent = 0; sent < count; ) {
    const batch = Array.from({ length: 500 }, () =>
      Promise.resolve(guard(headerOf(generateApiKey("ampho")))).catch(({ code }) => {
        outcomes[code] = (outcomes[code] ?? 0) + 1;
      }),
    );
    sent += batch.length;
    const start = performance.now();
    guard(key);
    waits.push(performance.now() - start);
    await Promise.all(batch);
    if (sent % (count / 4) === 0) grown.push(((heapUsed() - before) / 2 ** 20).toFixed(1));
  }
  const worst = waits.toSorted((a, b) => a - b)[Math.floor(waits.length * 0.99)];
  console.log(`${count} random keys: ${JSON.stringify(outcomes)}, MiB more after each quarter: ${grown.join(", ")}`);
  console.log(`p99 of the guard with a known key between them: ${(worst * 1000).toFixed(0)} µs`);
}

/** better-auth with its memory adapter, which is its fastest. Its limit for each key is off. */
async function peer(from) {
  const require = createRequire(path.join(path.resolve(from), "package.json"));
  const load = (name) => import(pathToFileURL(require.resolve(name)).href);
  const { betterAuth } = await load("better-auth");
  const { memoryAdapter } = await load("better-auth/adapters/memory");
  const { admin } = await load("better-auth/plugins");
  const { apiKey } = await load("@better-auth/api-key");
  const auth = betterAuth({
    baseURL: "http://127.0.0.1",
    secret: "0123456789abcdef0123456789abcdef-bench",
    database: memoryAdapter({ user: [], session: [], account: [], verification: [], apikey: [] }),
    emailAndPassword: { enabled: true },
    rateLimit: { enabled: false },
    logger: { disabled: true },
    plugins: [apiKey({ rateLimit: { enabled: false } }), admin()],
  });
  const signUp = async (email) => {
    const body = { email, password: "violet kettle harbour morning", name: email };
    const { headers, response } = await auth.api.signUpEmail({ body, returnHeaders: true });
    return { id: response.user.id, headers: new Headers({ cookie: headers.getSetCookie().join("; ") }) };
  };
  const alice = await signUp("alice@example.com");
  const newKey = () => auth.api.createApiKey({ body: { userId: alice.id, name: "x" } });
  const { key } = await newKey();
  const own = headerOf(keys[0]);
  const verifiers = [() => auth.api.verifyApiKey({ body: { key } }), async () => guard(own)];
  if (!(await verifiers[0]()).valid) throw new Error("better-auth rejects its own key");
  const rates = [[], []];
  for (let round = 0; round < 5; round++)
    for (const [at, verify] of verifiers.entries()) {
      const start = performance.now();
      for (let n = 0; n < 2000; n++) await verify();
      rates[at].push(2000 / ((performance.now() - start) / 1000));
    }
  const [theirs, ours] = rates.map(median);
  console.log(
    `verified a second: better-auth ${theirs.toFixed(0)}, Ampho ${ours.toFixed(0)}, ${(ours / theirs).toFixed(0)} ×`,
  );
  const operator = await signUp("operator@example.com");
  const { internalAdapter } = await auth.$context;
  await internalAdapter.updateUser(operator.id, { role: "admin" });
  const deleted = await newKey();
  const isGood = (text) => async () => (await auth.api.verifyApiKey({ body: { key: text } })).valid;
  const ends = {
    "a deleted key": [
      isGood(deleted.key),
      () => auth.api.deleteApiKey({ body: { keyId: deleted.id }, headers: alice.headers }),
    ],
    "a key of a banned user": [
      isGood(key),
      () => auth.api.banUser({ body: { userId: alice.id }, headers: operator.headers }),
    ],
    "a key of a deleted user": [
      isGood(key),
      () => auth.api.removeUser({ body: { userId: alice.id }, headers: operator.headers }),
    ],
  };
  const ownKey = async (login) => {
    const { id } = await ampho.users.create({ login, roles: ["editor"] });
    return ampho.apiKeys.create(id, { name: "x", scopes: ["articles:read"] });
  };
  const isOurs = (text) => async () => {
    try {
      return (await guard(headerOf(text))) !== undefined;
    } catch {
      return false;
    }
  };
  const ended = await ownKey("bob");
  const ourEnds = {
    "a deleted key": [isOurs(ended.key), () => ampho.apiKeys.revoke(ended.id)],
    "a key of a banned user": [isOurs((await ownKey("carol")).key), () => ampho.users.disable("carol")],
    "a key of a deleted user": [isOurs((await ownKey("dora")).key), () => ampho.users.remove("dora")],
  };
  for (const what of Object.keys(ends))
    console.log(
      `${what}, last accepted: better-auth ${await lastGood(ends[what])}, Ampho ${await lastGood(ourEnds[what])}`,
    );
}

const watchedMs = Number(process.env.BENCH_WATCH ?? 60) * 1000;

/** How long a key is accepted after the call that ended it has returned. */
async function lastGood([isGood, end]) {
  if (!(await isGood())) throw new Error("the key is rejected before its end");
  await end();
  const start = performance.now();
  let last = 0;
  while (performance.now() - start < watchedMs) {
    if (!(await isGood())) return last === 0 ? "at once" : `${last.toFixed(0)} ms`;
    last = performance.now() - start;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return `still accepted after ${watchedMs / 1000} s`;
}

console.log(machine());
await known();
await memory();
await flood(randomKeys);
if (process.env.BENCH_PEER) await peer(process.env.BENCH_PEER);
await ampho.close();
rmSync(folder, { recursive: true });
