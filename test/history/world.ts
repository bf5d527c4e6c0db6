// The state that the clients of a run share: the fleet, the recorder, and the accounts as people know them.

import { pause } from "../world/wait.js";
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
  /** The possible passwords. There is more than one while it is unknown whether a change was done. */
  passwords: readonly Secret[];
  /** The last state that the operator set. */
  disabled: boolean;
}

export interface World {
  readonly seed: string;
  readonly fleet: Fleet;
  readonly recorder: Recorder;
  readonly actions: Actions;
  readonly people: readonly Person[];
  readonly targets: readonly Person[];
  /** Starts the time of the run, once all clients have logged in. */
  begin(): void;
  isOver(): boolean;
  msLeft(): number;
  /** One of the running processes. */
  member(random: Random): Promise<Member>;
}

export const sleep = pause;

/** A password that the policy allows, or a key of at least 128 random bits. */
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
