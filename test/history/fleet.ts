// Several `ampho serve` on one database. The start, the readiness and the end of each are recorded.
import { type Place, type Served, startServe } from "../world/serve.js";
import type { Life } from "./history.js";

export interface Member {
  /** With its incarnation: `2.1` is the second process at position 2. */
  readonly process: string;
  readonly served: Served;
}

export interface Fleet {
  readonly size: number;
  /** Undefined while no process runs there. */
  at(index: number): Member | undefined;
  readonly lives: readonly Life[];
  /** `SIGKILL`, or a rolling restart by `SIGTERM`. Resolves when the successor serves. */
  restart(index: number, signal: "SIGKILL" | "SIGTERM"): Promise<void>;
  stop(): Promise<void>;
}

export async function startFleet(place: Place, size: number, now: () => number): Promise<Fleet> {
  const members: (Member | undefined)[] = [];
  const lives: { -readonly [K in keyof Life]: Life[K] }[] = [];

  async function start(index: number, incarnation: number): Promise<void> {
    const process = `${index}.${incarnation}`;
    const begun = now();
    const served = await startServe(place);
    members[index] = { process, served };
    lives.push({ process, start: begun, ready: now(), end: undefined });
  }

  async function end(index: number, signal: NodeJS.Signals): Promise<void> {
    const member = members[index];
    members[index] = undefined;
    const life = lives.find(({ process }) => process === member?.process);
    await member?.served.stop(signal);
    if (life !== undefined) life.end = now();
  }

  await Promise.all(Array.from({ length: size }, (_, index) => start(index, 0)));
  return {
    size,
    at: (index) => members[index],
    lives,
    async restart(index, signal) {
      const incarnation = Number(members[index]?.process.split(".")[1] ?? 0) + 1;
      await end(index, signal);
      await start(index, incarnation);
    },
    async stop() {
      await Promise.all(members.map((_, index) => end(index, "SIGTERM")));
    },
  };
}
