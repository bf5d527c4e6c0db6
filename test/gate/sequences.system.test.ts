// Sequences of moves of a thief, of the owner and of operators, and each repair at the end of each (sequences.ts). All pairs of moves, and seeded sequences of three and four.
import { describe, expect, it } from "vitest";
import type { ApplicationUser, ApplicationUsers } from "../../dist/index.js";
import { openWorld } from "../world/ampho.js";
import { ownTable } from "./changes.js";
import { type Ground, onBothDatabases } from "./owners.js";
import {
  beginCase,
  expectClosedToMailbox,
  expectRepaired,
  isRepairedBy,
  make,
  moves,
  ofOperators,
  openScene,
  ownerMoves,
  type Position,
  repairs,
  run,
  type Scene,
  thiefMoves,
} from "./sequences.js";

type Sequence = readonly string[];

/** Numbers that are the same in each run. */
function* seededNumbers(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

/** Moves against the rows of the database, which an own table has not. */
const forOurTable = [
  "take its names",
  "use the profile page",
  "remove the password",
  "the user is disabled and enabled",
];

function sequencesOf(count: number, isOwnTable: boolean): readonly Sequence[] {
  const isUsed = (name: string) => !isOwnTable || !forOurTable.includes(name);
  const ofThief = Object.keys(thiefMoves).filter(isUsed);
  const all = [...ofThief, ...Object.keys(ownerMoves).filter(isUsed)];
  const pairs = ofThief.flatMap((one) => ofThief.map((two) => [one, two]));
  const numbers = seededNumbers(7);
  const pick = () => all[Math.floor(numbers.next().value * all.length)] ?? "wait";
  const longer = Array.from({ length: count }, (_, n) => Array.from({ length: 3 + (n % 2) }, pick));
  // Few of them begin with a change of the address and end when it has waited.
  const [ask, take] = ["ask for the address later", ["wait", "sign in", "take the address"]];
  const waited = all.flatMap((name) => [
    [ask, name, ...take],
    [ask, ...take, name],
  ]);
  return [...pairs, ...longer, ...waited];
}

/** Scenes with a clock of their own each. A path waits for one. */
function createScenes(scenes: readonly Scene[]) {
  const free = [...scenes];
  const waiting: ((scene: Scene) => void)[] = [];
  return async <T>(work: (scene: Scene) => Promise<T>): Promise<T> => {
    const scene = free.pop() ?? (await new Promise<Scene>((resolve) => waiting.push(resolve)));
    try {
      return await work(scene);
    } finally {
      const next = waiting.shift();
      if (next) next(scene);
      else free.push(scene);
    }
  };
}

type InScene = ReturnType<typeof createScenes>;

/** Makes accepted moves with a new user. */
async function walk(scene: Scene, position: Position, path: Sequence) {
  const about = await beginCase(scene, position);
  for (const name of path) expect(await make(about, name)).toBe("accepted");
  return about;
}

/**
 * Runs the sequences behind a path of accepted moves. A rejected move has changed no row, so its sequence goes on here.
 * Returns the number of paths.
 */
async function explore(
  inScene: InScene,
  position: Position,
  path: Sequence,
  sequences: readonly Sequence[],
): Promise<number> {
  const children = await inScene((scene) => runFrom(scene, position, path, sequences));
  const each = await Promise.all(
    [...children].map(([name, rest]) => explore(inScene, position, [...path, name], rest)),
  );
  return each.reduce((sum, paths) => sum + paths, 1);
}

/** Makes the moves that are rejected after a path, and each repair. Returns the rest of the sequences by their move. */
async function runFrom(scene: Scene, position: Position, path: Sequence, sequences: readonly Sequence[]) {
  const children = new Map<string, Sequence[]>();
  const rejected = new Set<string>();
  const about = await walk(scene, position, path);
  const rest = [...sequences];
  for (let sequence = rest.pop(); sequence !== undefined; sequence = rest.pop()) {
    const [name, ...further] = sequence;
    if (name === undefined) continue;
    const accepted = children.get(name);
    if (accepted !== undefined) accepted.push(further);
    else if (rejected.has(name)) rest.push(further);
    else if (moves[name]?.expected(about) === "accepted") children.set(name, [further]);
    else {
      await make(about, name);
      rejected.add(name);
      rest.push(further);
    }
  }
  for (const [repair, run] of Object.entries(repairs)) {
    if (scene.isOwnTable && ofOperators(repair)) continue;
    const taken = await walk(scene, position, path);
    const isOver = await run(taken);
    expect([path, repair, isOver]).toEqual([path, repair, isRepairedBy(taken, repair)]);
    if (isOver) await expectRepaired(taken);
  }
  if (position === "phished") await expectClosedToMailbox(await walk(scene, position, path));
  return children;
}

const positions: readonly Position[] = ["password", "phished"];

function tests(ground: Ground, count: number, users: () => ApplicationUsers<ApplicationUser> | undefined): void {
  it.each(positions)(
    "a thief of the %s changes nothing that the owner has not confirmed, and each repair ends what the thief has",
    async (position) => {
      const scenes: Scene[] = [];
      for (let n = 0; n < 6; n += 1) scenes.push(await openScene(await ground.another(), users()));
      const sequences = sequencesOf(count, users() !== undefined);
      const paths = await explore(createScenes(scenes), position, [], sequences);
      expect(paths).toBeGreaterThan(20);
    },
    600_000,
  );
}

onBothDatabases((ground) => {
  // An own table has a quick digest, and the database the hash of passwords, which takes most of the time.
  const [stored, own] = ground.open === openWorld ? [300, 2000] : [40, 60];
  describe("with users of the database", () => tests(ground, stored, () => undefined));
  describe("with an own table", () => tests(ground, own, ownTable));

  it("the comparison finds a thief who reads the mailed codes, and a factor that is gone", async () => {
    const scene = await openScene(ground);
    const both = await beginCase(scene, "password");
    both.hasMailbox = true;
    expect(await run(both, "set up an app")).toBe(true);
    both.hasMailbox = false;
    const reset = repairs["the owner resets the password"];
    expect(await reset?.(both)).toBe(false);
    const owner = await beginCase(scene, "phished");
    for (const table of ["ampho_totp", "ampho_recovery"])
      await ground.sql(scene.world, `delete from ${table} where user_id = '${owner.id}'`);
    await ground.sql(scene.world, `update ampho_accounts set factors = '[]' where user_id = '${owner.id}'`);
    await expect(expectClosedToMailbox(owner)).rejects.toThrow("factor_needed");
  });
});
