// One run: a database, a fleet, random clients for a while, and the history of it. Every choice comes from the seed.
import { hashPasswordSync } from "../../dist/passwords/argon2.js";
import { openDatabase, type StoreName } from "./database.js";
import { type Fleet, startFleet } from "./fleet.js";
import type { History, Limits } from "./history.js";
import { arrive, createHonestClient, type HonestClient, liveAsOwner, liveHonestly } from "./honest.js";
import { openDesk, operate } from "./operator.js";
import { createRandom } from "./random.js";
import { createRecorder } from "./recorder.js";
import { guess, pry, spray, steal } from "./strangers.js";
import { createWorld, makePeople, type Person, sleep, type World } from "./world.js";

export interface RunOptions {
  readonly seed: string;
  readonly store: StoreName;
  readonly seconds: number;
  readonly processes?: number;
  readonly people?: number;
  readonly targets?: number;
  /** The time from the restart of one process to the next, at random up to twice that. */
  readonly restartEveryMs: number;
  /** About every `tickMs`. */
  readonly onTick?: (fleet: Fleet, sizeBytes: number, operations: number) => void;
  readonly tickMs?: number;
}

const limits: Limits = { tries: 5, knownTries: 10, windowSeconds: 60, addressLogins: 20, leewaySeconds: 60 };

const environment = {
  AMPHO_TRUST_PROXY: "1",
  AMPHO_SECURITY_SESSIONS_PER_USER: "100000",
  AMPHO_SECURITY_THROTTLE_ATTEMPTS: String(limits.tries),
  AMPHO_SECURITY_THROTTLE_WINDOW: String(limits.windowSeconds),
  AMPHO_SECURITY_THROTTLE_ADDRESS: String(limits.addressLogins),
  AMPHO_SECURITY_TOKEN_LEEWAY: String(limits.leewaySeconds),
};

/** The folders of the servers are deleted by `cleanUp`. */
export async function recordRun(options: RunOptions): Promise<History> {
  const { seed, store } = options;
  const database = await openDatabase[store]();
  const place = database.place(environment);
  const people = makePeople(seed, options.people ?? 6, "person");
  const targets = makePeople(seed, options.targets ?? 3, "target");
  const everybody = [...people, ...targets];
  const desk = await openDesk(place, database);
  await desk.users.import(linesOf(everybody));
  const recorder = createRecorder();
  const fleet = await startFleet(place, options.processes ?? 4, recorder.now);
  const world = createWorld({ seed, fleet, recorder, people, targets, seconds: options.seconds });
  try {
    const clients = people.flatMap((person) => [0, 1].map((at) => createHonestClient(world, person, at)));
    const owners = targets.map((target) => createHonestClient(world, target, 0));
    // Attacks begin after each owner has a known device. Without one an owner waits like a stranger.
    await Promise.all([...clients, ...owners].map((client) => arrive(world, client)));
    world.begin();
    await Promise.all([
      ...crowd(world, clients, owners),
      operate(world, desk, place),
      restart(world, options),
      tick(world, options, () => database.sizeBytes()),
    ]);
    await fleet.stop();
    return {
      seed,
      store,
      limits,
      startedAtMs: recorder.startedAtMs,
      users: everybody.map(({ login, first, roles }) => ({ login, password: first.name, roles })),
      lives: fleet.lives,
      operations: recorder.operations,
      audit: await database.readAudit(),
    };
  } finally {
    recorder.close();
    await desk.close();
    await fleet.stop();
    await database.stop();
  }
}

/** Hashed here, because the hashing threads of a fleet on a busy machine would take long. */
function* linesOf(people: readonly Person[]): Generator<string> {
  for (const { login, first, roles } of people)
    yield JSON.stringify({ login, roles, password_hash: hashPasswordSync(first.text) });
}

function crowd(
  world: World,
  clients: readonly HonestClient[],
  owners: readonly HonestClient[],
): readonly Promise<void>[] {
  const [pried] = world.people;
  return [
    ...clients.map((client) => liveHonestly(world, client)),
    ...owners.map((owner) => liveAsOwner(world, owner)),
    ...world.targets.map((target) => guess(world, target)),
    steal(world, clients),
    spray(world),
    ...(pried === undefined ? [] : [pry(world, pried)]),
  ];
}

async function restart({ fleet, seed, isOver, msLeft }: World, { restartEveryMs }: RunOptions): Promise<void> {
  const random = createRandom(`${seed} restarts`);
  for (;;) {
    await sleep(Math.max(0, Math.min(msLeft(), restartEveryMs * (1 + random.next()))));
    if (isOver()) return;
    await fleet.restart(random.below(fleet.size), random.pick(["SIGKILL", "SIGTERM"]));
  }
}

async function tick(
  world: World,
  { onTick, tickMs = 10_000 }: RunOptions,
  sizeBytes: () => Promise<number>,
): Promise<void> {
  while (onTick !== undefined && !world.isOver()) {
    onTick(world.fleet, await sizeBytes(), world.recorder.operations.length);
    await sleep(Math.max(0, Math.min(world.msLeft(), tickMs)));
  }
}
