// What the clients of a run share: the fleet, the recorder, and what people know of accounts.
import { type Actions, createActions, type Secret } from "./actions.js";
import type { Fleet, Member } from "./fleet.js";
import type { Random } from "./random.js";
import { createRandom } from "./random.js";
import type { Recorder } from "./recorder.js";

/** An account, as its owner knows it. */
export interface Person {
  readonly login: string;
  readonly first: Secret;
  readonly roles: readonly string[];
  /** What the password may be; more than one while nobody knows whether a change was done. */
  passwords: readonly Secret[];
  /** What the operator has told. */
  disabled: boolean;
}

export interface World {
  readonly seed: string;
  readonly fleet: Fleet;
  readonly recorder: Recorder;
  readonly actions: Actions;
  readonly people: readonly Person[];
  readonly targets: readonly Person[];
  /** The time of the run counts from here: before it everybody logs in. */
  begin(): void;
  isOver(): boolean;
  msLeft(): number;
  /** One of the processes that serve. */
  member(random: Random): Promise<Member>;
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A password that the rules allow, or a key of 128 random bits and more. */
export function makeSecret(random: Random, name: string): Secret {
  const text = Array.from({ length: 28 }, () => random.below(36).toString(36)).join("");
  return { name, text };
}

export function makePeople(seed: string, count: number, kind: string): readonly Person[] {
  return Array.from({ length: count }, (_, at) => {
    const login = `${kind}-${at}`;
    const first = makeSecret(createRandom(`${seed} password of ${login}`), `${login}#0`);
    return { login, first, roles: ["reader", "writer"], passwords: [first], disabled: false };
  });
}

export function createWorld(
  parts: Pick<World, "seed" | "fleet" | "recorder" | "people" | "targets"> & { readonly seconds: number },
): World {
  const { fleet, recorder, seconds } = parts;
  let untilMs = Number.POSITIVE_INFINITY;
  const msLeft = () => untilMs - recorder.now();
  return {
    ...parts,
    actions: createActions(recorder),
    begin() {
      untilMs = recorder.now() + seconds * 1_000;
    },
    msLeft,
    isOver: () => msLeft() <= 0,
    async member(random) {
      for (;;) {
        const found = fleet.at(random.below(fleet.size));
        if (found !== undefined) return found;
        await sleep(5);
      }
    },
  };
}
