// A login flood on four processes with one database. It checks that throttling holds over all processes, and measures the p99
// of guarded requests when idle and in the flood. In the same rounds, four processes of Express with argon2 get a flood too.
// 64 clients log in without pause. 24 of them are owners on known devices. 24 are attackers who guess the passwords of 8
// accounts from many addresses. The other 16 use one login after another, each from another address.
// Usage: npm run build && node bench/fleet-flood.mjs [--store sqlite|postgres] [--prepare] [--seed TEXT]
import { fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { constants, setPriority } from "node:os";
import { parseArgs } from "node:util";
import { keptAgent, machine, median, print, quantile, send, sleep, start } from "./measure.mjs";
import { login as peerLogin, password as peerPassword } from "./servers/announce.mjs";
import "./typescript.mjs";

const { openDatabase } = await import("../test/history/database.ts");
const { startFleet } = await import("../test/history/fleet.ts");
const { openDesk } = await import("../test/history/operator.ts");
const { createRecorder } = await import("../test/history/recorder.ts");
const { createActions } = await import("../test/history/actions.ts");
const { createRandom } = await import("../test/history/random.ts");
const { makePeople, makeSecret } = await import("../test/history/world.ts");
const { checkHistory } = await import("../test/history/check.ts");
const { describeViolations, saveHistory } = await import("../test/history/save.ts");
const { cleanUp } = await import("../test/world/clean-up.ts");

const { values } = parseArgs({
  options: {
    store: { type: "string", default: "postgres" },
    // `?prepare=true` of AMPHO_DATABASE_URL.
    prepare: { type: "boolean", default: false },
    seed: { type: "string", default: randomBytes(4).toString("hex") },
  },
});
const { store, prepare, seed } = values;
const rounds = Number(process.env.BENCH_ROUNDS ?? 3);
const warmRounds = 3;
const roundMs = Number(process.env.BENCH_ROUND_MS ?? 6_000);
const processes = 4;
const limits = { tries: 5, knownTries: 10, windowSeconds: 900, addressLogins: 20, leewaySeconds: 60 };

const database = await openDatabase[store]();
const preparing = new URL(database.url);
preparing.searchParams.set("prepare", "true");
const place = database.place({
  ...(prepare && { AMPHO_DATABASE_URL: preparing.href }),
  AMPHO_TRUST_PROXY: "1",
  AMPHO_SECURITY_SESSIONS_PER_USER: "100000",
});
const owners = makePeople(seed, 24, "owner");
const targets = makePeople(seed, 8, "target");
const desk = await openDesk(place, database);
for (const { login, first, roles } of [...owners, ...targets])
  await desk.users.create({ login, password: first.text, roles });
await desk.close();
const recorder = createRecorder();
const { logIn } = createActions(recorder);
const fleet = await startFleet(place, processes, recorder.now);
const random = createRandom(seed);
const anywhere = () => `10.${random.below(255)}.${random.below(255)}.${random.below(255)}`;
const anyProcess = () => fleet.at(random.below(processes));

const knownDevices = [];
for (const [at, { login, first }] of owners.entries()) {
  const sender = { client: login, address: `192.0.2.${at + 1}` };
  const { held } = await logIn(sender, anyProcess(), { login, password: first });
  const device = { proof: { place: login, password: first.name }, text: held.device };
  knownDevices.push({ sender, entry: { login, password: first, device }, token: held.token });
}

let flooding = false;
const whileFlooding = async (ask) => {
  while (flooding) {
    const { response } = await ask();
    if (response?.status !== 200 && response?.status !== 401) await sleep(50);
  }
};
let made = 0;
const guessAt = (login) => {
  made += 1;
  const sender = { client: "guesser", address: anywhere() };
  return logIn(sender, anyProcess(), { login, password: makeSecret(random, `guess ${made}`) });
};
const clients = [
  ...knownDevices.map(
    ({ sender, entry }) =>
      () =>
        whileFlooding(() => logIn(sender, anyProcess(), entry)),
  ),
  ...Array.from({ length: 24 }, (_, at) => () => whileFlooding(() => guessAt(targets[at % targets.length].login))),
  ...Array.from({ length: 16 }, () => () => whileFlooding(() => guessAt(`unknown-${made}`))),
];

const members = Array.from({ length: processes }, (_, at) => fleet.at(at));
const clock = fork(new URL("./guarded-latency.mjs", import.meta.url));
// The child process prints its error.
clock.once("exit", (code) => code !== 0 && process.exit(1));
async function measureGuarded(targets) {
  clock.send({ ms: roundMs, targets });
  const [latencies] = await once(clock, "message");
  return latencies;
}
// Real clients run on other machines, so these get only the time that the servers leave.
setPriority(constants.priority.PRIORITY_LOW);

const amphoTargets = members.map(({ served }) => ({ port: served.port, token: knownDevices[0].token }));

/** Four processes of Express with argon2, which get the same number of clients. */
const peers = await Promise.all(Array.from({ length: processes }, () => start("express-argon2")));
const peerTargets = peers.map(({ port, tokens: [token] }) => ({ port, token, path: "/guarded" }));
const peerAgent = keptAgent();
async function floodPeers() {
  const headers = { "content-type": "application/json" };
  for (let count = 0; flooding; count++) {
    const { port } = peers[count % processes];
    const body = JSON.stringify({ login: peerLogin, password: count % 2 === 0 ? peerPassword : "wrong" });
    await send({ port, agent: peerAgent, method: "POST", path: "/login", headers, body });
  }
}

const results = { idle: [], flooded: [], ratio: [], perSecond: [], express: [], ofExpress: [] };
const isHashed = ({ request, response }) => request.kind === "login" && [200, 401].includes(response?.status);
// The first rounds are not counted, because V8 has not compiled every path yet.
for (let round = -warmRounds; round < rounds; round++) {
  const idle = quantile(await measureGuarded(amphoTargets), 0.99);
  flooding = true;
  const all = clients.map((client) => client());
  await sleep(1_000);
  const before = recorder.operations.length;
  const flooded = quantile(await measureGuarded(amphoTargets), 0.99);
  const hashed = recorder.operations.slice(before).filter(isHashed).length;
  flooding = false;
  await Promise.all(all);
  await sleep(500);
  flooding = true;
  const peerClients = clients.map(() => floodPeers());
  await sleep(1_000);
  const express = quantile(await measureGuarded(peerTargets), 0.99);
  flooding = false;
  await Promise.all(peerClients);
  await sleep(500);
  if (round < 0) continue;
  results.express.push(express);
  results.ofExpress.push(flooded / express);
  results.idle.push(idle);
  results.flooded.push(flooded);
  results.ratio.push(flooded / idle);
  results.perSecond.push((hashed / roundMs) * 1_000);
}
clock.disconnect();
peerAgent.destroy();
for (const peer of peers) await peer.stop();
await fleet.stop();
const history = {
  seed,
  store,
  limits,
  startedAtMs: recorder.startedAtMs,
  users: [...owners, ...targets].map(({ login, first, roles }) => ({ login, password: first.name, roles })),
  lives: fleet.lives,
  operations: recorder.operations,
  audit: await database.readAudit(),
};
recorder.close();
await database.stop();
await cleanUp();

const violations = checkHistory(history);
const guesses = history.operations.filter(({ client }) => client === "guesser");
const perTarget = targets.map(({ login }) => {
  const own = guesses.filter(({ request }) => request.login === login);
  return { asked: own.length, checked: own.filter(({ response }) => response?.status === 401).length };
});
const atHome = history.operations.filter(({ client }) => client.startsWith("owner"));

console.log(
  `${machine()}, ${processes} processes on ${store}${prepare ? " with prepared statements" : ""}, ${rounds} rounds, medians, --seed ${seed}`,
);
print([
  ["p99 idle ms", "p99 in the flood ms", "ratio", "Express + argon2 ms", "of Express", "checked passwords/s"],
  [results.idle, results.flooded, results.ratio, results.express, results.ofExpress, results.perSecond].map((all) =>
    median(all).toFixed(2),
  ),
]);
print([
  ["", "sent", "most checked of one account", "allowed"],
  [
    "attempts at 8 accounts",
    perTarget.reduce((sum, { asked }) => sum + asked, 0),
    Math.max(...perTarget.map(({ checked }) => checked)),
    // Five attempts are free, and one more after each wait of 1, 2, 4 … minutes.
    `${limits.tries} in the first minute`,
  ],
]);
const heldBack = atHome.filter(({ response }) => response?.status === 429).length;
const shed = atHome.filter(({ response }) => response?.status === 503).length;
console.log(`logins on known devices: ${atHome.length}, throttled: ${heldBack}, overloaded: ${shed}`);
console.log(`violations: ${violations.length}`);
if (violations.length > 0) console.log(`${describeViolations(violations)}\n${saveHistory(history, violations)}`);
process.exit(violations.length > 0 ? 1 : 0);
