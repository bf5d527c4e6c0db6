// API keys at the guard: a known key beside a known token, a miss, the bytes of a key in memory, and a flood of random
// keys.
// Build first, then `node --expose-gc bench/keys.mjs`.
import { createAmpho } from "../dist/index.js";
import { createApiKey } from "../dist/tokens/api-key.js";

const rounds = 15;
const calls = 200_000;
const scopes = { editor: ["articles:read"] };
const options = { keysPerUser: 1000, scopes, throttleAddress: 0, throttleNetwork: 0, log() {} };
const ampho = await createAmpho({ databaseUrl: "sqlite::memory:", ...options });
const user = await ampho.users.create({ login: "ann", roles: ["editor"] });
const { token } = await ampho.sessions.create(user.id);
const create = async () => (await ampho.apiKeys.create(user.id, { name: "x", scopes: ["articles:read"] })).key;
const need = { credentials: ["session", "key"], scopes: ["articles:read"] };
const guard = (value) => ampho.host.guard(value, need, undefined);
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

async function known() {
  const values = [`Bearer ${token}`, `Bearer ${await create()}`];
  for (const value of values) await guard(value);
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

const readsOf = () => Number(/seconds_count\{db_operation_name="findKeys"\} (\d+)/.exec(ampho.metrics())?.[1] ?? 0);

async function misses() {
  const keys = [];
  for (let n = 0; n < 900; n++) keys.push(await create());
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const reads = readsOf();
  const start = performance.now();
  for (const key of keys) await guard(`Bearer ${key}`);
  const took = (performance.now() - start) / keys.length;
  globalThis.gc?.();
  const bytes = (process.memoryUsage().heapUsed - before) / keys.length;
  console.log(
    `a miss ${(took * 1000).toFixed(0)} µs, ${(readsOf() - reads) / keys.length} queries, ${bytes.toFixed(0)} B in memory`,
  );
}

async function flood(count) {
  const key = `Bearer ${await create()}`;
  await guard(key);
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const outcomes = {};
  const waits = [];
  for (let sent = 0; sent < count; ) {
    const batch = Array.from({ length: 500 }, () =>
      Promise.resolve(guard(`Bearer ${createApiKey("ampho")}`)).catch(({ code }) => {
        outcomes[code] = (outcomes[code] ?? 0) + 1;
      }),
    );
    sent += batch.length;
    const start = performance.now();
    guard(key);
    waits.push(performance.now() - start);
    await Promise.all(batch);
  }
  globalThis.gc?.();
  const grown = (process.memoryUsage().heapUsed - before) / 2 ** 20;
  const worst = waits.toSorted((a, b) => a - b)[Math.floor(waits.length * 0.99)];
  console.log(
    `${count} random keys: ${JSON.stringify(outcomes)}, ${grown.toFixed(1)} MiB more, p99 of a known key ${(worst * 1000).toFixed(0)} µs`,
  );
}

await known();
await misses();
await flood(Number(process.argv[2] ?? 1_000_000));
await ampho.close();
