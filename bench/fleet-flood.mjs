// A login flood on four processes with one database: whether the limits of guesses hold over all of them, and what becomes of
// guarded requests meanwhile: their p99 against the idle one, in rounds that take turns.
// Of 64 clients without pause 24 are at home and right, 24 guess at 8 accounts from everywhere, 16 try one login after the
// other, each from another address.
// Usage: npm run build && node bench/fleet-flood.mjs [--store sqlite|postgres] [--prepare] [--seed TEXT]
import { fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { constants, setPriority } from "node:os";
import { parseArgs } from "node:util";
import { machine, median, print, quantile, sleep } from "./measure.mjs";
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
    // AMPHO_DATABASE_PREPARE.
    prepare: { type: "boolean", default: false },
    seed: { type: "string", default: randomBytes(4).toString("hex") },
  },
});
const { store, prepare, seed } = values;
const rounds = Number(process.env.BENCH_ROUNDS ?? 3);
const warmRounds = 3;
const roundMs = Number(process.env.BENCH_ROUND_MS ?? 6_000);
const processes = 4;
const limits = { attempts: 5, knownAttempts: 10, windowSeconds: 900, addressLogins: 20, leewaySeconds: 60 };

const database = await openDatabase[store]();
const place = database.place({
  AMPHO_TRUST_PROXY: "1",
  AMPHO_SECURITY_SESSIONS_PER_USER: "100000",
  ...(prepare && { AMPHO_DATABASE_PREPARE: "true" }),
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
const anyone = () => fleet.at(random.below(processes));

const homes = [];
for (const [at, { login, first }] of owners.entries()) {
  const sender = { client: login, address: `192.0.2.${at + 1}` };
  const { held } = await logIn(sender, anyone(), { login, password: first });
  const device = { proof: { place: login, password: first.name }, text: held.device };
  homes.push({ sender, entry: { login, password: first, device }, token: held.token });
}

let flooding = false;
const whileFlooding = async (ask) => {
  while (flooding) {
    const { answer } = await ask();
    if (answer?.status !== 200 && answer?.status !== 401) await sleep(50);
  }
};
let made = 0;
const guessAt = (login) => {
  made += 1;
  const sender = { client: "guesser", address: anywhere() };
  return logIn(sender, anyone(), { login, password: makeSecret(random, `guess ${made}`) });
};
const clients = [
  ...homes.map(
    ({ sender, entry }) =>
      () =>
        whileFlooding(() => logIn(sender, anyone(), entry)),
  ),
  ...Array.from({ length: 24 }, (_, at) => () => whileFlooding(() => guessAt(targets[at % targets.length].login))),
  ...Array.from({ length: 16 }, () => () => whileFlooding(() => guessAt(`nobody-${made}`))),
];

const members = Array.from({ length: processes }, (_, at) => fleet.at(at));
const clock = fork(new URL("./guarded-latency.mjs", import.meta.url));
// It has said why.
clock.once("exit", (code) => code !== 0 && process.exit(1));
async function measureGuarded() {
  const targets = members.map(({ served }) => ({ port: served.port, token: homes[0].token }));
  clock.send({ ms: roundMs, targets });
  const [latencies] = await once(clock, "message");
  return latencies;
}
// The clients are elsewhere in truth: what they take of this machine is what nobody else wants.
setPriority(constants.priority.PRIORITY_LOW);

const results = { idle: [], flooded: [], ratio: [], perSecond: [] };
const isHashed = ({ request, answer }) => request.kind === "login" && [200, 401].includes(answer?.status);
// Idle rounds get faster until each path has been compiled: the first ones are not counted.
for (let round = -warmRounds; round < rounds; round++) {
  const idle = quantile(await measureGuarded(), 0.99);
  flooding = true;
  const all = clients.map((client) => client());
  await sleep(1_000);
  const before = recorder.operations.length;
  const flooded = quantile(await measureGuarded(), 0.99);
  const hashed = recorder.operations.slice(before).filter(isHashed).length;
  flooding = false;
  await Promise.all(all);
  await sleep(500);
  if (round < 0) continue;
  results.idle.push(idle);
  results.flooded.push(flooded);
  results.ratio.push(flooded / idle);
  results.perSecond.push((hashed / roundMs) * 1_000);
}
clock.disconnect();
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
  return { asked: own.length, looked: own.filter(({ answer }) => answer?.status === 401).length };
});
const atHome = history.operations.filter(({ client }) => client.startsWith("owner"));

console.log(
  `${machine()}; ${processes} processes on ${store}${prepare ? " with prepared statements" : ""}, ${rounds} rounds, medians; --seed ${seed}`,
);
print([
  ["p99 idle ms", "p99 in the flood ms", "ratio", "logins looked at/s"],
  [results.idle, results.flooded, results.ratio, results.perSecond].map((all) => median(all).toFixed(2)),
]);
print([
  ["", "asked", "looked at, most of one account", "allowed"],
  [
    "guesses at 8 accounts",
    perTarget.reduce((sum, { asked }) => sum + asked, 0),
    Math.max(...perTarget.map(({ looked }) => looked)),
    // The five that are free, and one behind each wait of 1, 2, 4 … minutes that has passed.
    `${limits.tries} in the first minute`,
  ],
]);
const heldBack = atHome.filter(({ answer }) => answer?.status === 429).length;
const shed = atHome.filter(({ answer }) => answer?.status === 503).length;
console.log(`logins at home: ${atHome.length}, held back: ${heldBack}, shed: ${shed}`);
console.log(`violations: ${violations.length}`);
if (violations.length > 0) console.log(`${describeViolations(violations)}\n${saveHistory(history, violations)}`);
process.exit(violations.length > 0 ? 1 : 0);
