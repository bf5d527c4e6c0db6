// Measures whether the time of a rejected login reveals that the login exists. It takes 300 samples of each case, one at a
// time, interleaved in random order. For each pair of cases it prints the AUC of a rank-sum test: the chance that a sample of
// the first case is slower than one of the second. 0.5 reveals nothing, 1 reveals everything. It measures three situations:
// current hashes only, an imported bcrypt hash, and throttled logins. An argument measures the situation of that name alone.
import { keptAgent, machine, print, send, start } from "./measure.mjs";

const samples = Number(process.env.BENCH_SAMPLES ?? 300);

function auc(one, other) {
  let wins = 0;
  for (const a of one) for (const b of other) wins += a > b ? 1 : a === b ? 0.5 : 0;
  return wins / (one.length * other.length);
}

function shuffled(list) {
  const all = [...list];
  for (let at = all.length - 1; at > 0; at--) {
    const other = Math.floor(Math.random() * (at + 1));
    [all[at], all[other]] = [all[other], all[at]];
  }
  return all;
}

const kinds = ["unknown", "known", "passwordless", "disabled"];
const stores = [
  { name: "current hashes", cases: kinds, env: {}, rejection: 401 },
  { name: "with an imported hash", cases: [...kinds, "imported"], env: { BENCH_IMPORTED: "yes" }, rejection: 401 },
  { name: "attempts used up", cases: kinds, env: { BENCH_ATTEMPTS: "1" }, rejection: 429 },
];

async function measure({ name: store, cases, env, rejection }) {
  const server = await start("ampho-accounts", env);
  const agent = keptAgent();
  const times = new Map(cases.map((name) => [name, []]));
  const reject = async (login, expected) => {
    const body = JSON.stringify({ login, password: "not the password of any of them" });
    const headers = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) };
    const started = performance.now();
    const status = await send({ port: server.port, agent, method: "POST", path: server.loginPath, headers, body });
    if (status !== (expected ?? status)) throw new Error(`A wrong login returned ${status}.`);
    return performance.now() - started;
  };
  for (const login of [...cases, ...cases, ...cases]) await reject(login);
  for (let round = 0; round < samples; round++)
    for (const login of shuffled(cases)) times.get(login).push(await reject(login, rejection));
  agent.destroy();
  await server.stop();
  const pairs = cases.flatMap((one, at) => cases.slice(at + 1).map((other) => [one, other]));
  return pairs.map(([one, other]) => [store, `${one} / ${other}`, auc(times.get(one), times.get(other)).toFixed(2)]);
}

const wanted = process.argv.slice(2);
const rows = [];
for (const store of stores)
  if (wanted.length === 0 || wanted.includes(store.name)) rows.push(...(await measure(store)));
console.log(`${machine()}, ${samples} samples of each case`);
print([["store", "pair", "AUC"], ...rows]);
const apart = rows.filter(([, , value]) => Number(value) < 0.4 || Number(value) > 0.6);
console.log(
  apart.length === 0 ? "No pair can be distinguished (0.4 to 0.6)." : `${apart.length} pairs can be distinguished.`,
);
