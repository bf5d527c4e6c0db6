// Runs sequences of moves (sequences.ts) as paths: all pairs of moves, those around a change of the address that waits,
// and seeded sequences of three and four. A whole run has all of them on both databases. Every other run has fewer
// seeded ones, and takes sequence 0, 2, 4… on SQLite and 1, 3, 5… on PostgreSQL. Where the thief has phished a session,
// the databases are swapped.
import { expect, it } from "vitest";
import type { ApplicationUser, ApplicationUsers } from "../../dist/index.js";
import { runsOn, wholeOr } from "../world/whole.js";
import type { Ground } from "./owners.js";
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

function sequencesOf(count: number, isOwnTable: boolean, isInSample: (n: number) => boolean): readonly Sequence[] {
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
  return [...pairs, ...longer, ...waited].filter((_, n) => isInSample(n));
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
  const further = async () => {
    const children = await inScene((scene) => makeRejected(scene, position, path, sequences));
    const each = [...children].map(([name, rest]) => explore(inScene, position, [...path, name], rest));
    return (await Promise.all(each)).reduce((sum, paths) => sum + paths, 1);
  };
  const ends = [
    ...Object.keys(repairs).map((repair) => inScene((scene) => tryRepair(scene, position, path, repair))),
    ...(position === "phished"
      ? [inScene(async (scene) => expectClosedToMailbox(await walk(scene, position, path)))]
      : []),
  ];
  const [paths] = await Promise.all([further(), ...ends]);
  return paths;
}

/** Makes the moves that are rejected after a path. Returns the rest of the sequences by their move. */
async function makeRejected(scene: Scene, position: Position, path: Sequence, sequences: readonly Sequence[]) {
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
  return children;
}

async function tryRepair(scene: Scene, position: Position, path: Sequence, repair: string): Promise<void> {
  if (scene.isOwnTable && ofOperators(repair)) return;
  const taken = await walk(scene, position, path);
  const isOver = await repairs[repair]?.(taken);
  expect([path, repair, isOver]).toEqual([path, repair, isRepairedBy(taken, repair)]);
  if (isOver) await expectRepaired(taken);
}

const positions: readonly Position[] = ["password", "phished"];

interface Extent {
  /** The seeded sequences. */
  readonly seeded: number;
  /** All sequences, and the paths that they share. */
  readonly sequences: Readonly<Record<Position, number>>;
  readonly paths: Readonly<Record<Position, number>>;
}

export type Extents = Readonly<Record<Ground["database"], Extent>>;

/** Explores what is stated. The numbers are exact, so that no sample becomes empty. */
export function exploreAll(
  ground: Ground,
  extents: { readonly whole: Extents; readonly sample: Extents },
  users: () => ApplicationUsers<ApplicationUser> | undefined,
): void {
  const { seeded, ...extent } = wholeOr(extents.whole, extents.sample)[ground.database];
  it.each(positions)(
    "a thief of the %s changes nothing that the owner has not confirmed, and each repair ends what the thief has",
    async (position) => {
      const scenes: Scene[] = [];
      for (let n = 0; n < 8; n += 1) scenes.push(await openScene(await ground.another(), users()));
      const isInSample = (n: number) => runsOn(ground.database, n + positions.indexOf(position));
      const sequences = sequencesOf(seeded, users() !== undefined, isInSample);
      const paths = await explore(createScenes(scenes), position, [], sequences);
      expect([sequences.length, paths]).toEqual([extent.sequences[position], extent.paths[position]]);
    },
    600_000,
  );
}
