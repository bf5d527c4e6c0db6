// kill -9 in the middle of each write. The tests decide what is killed and when, and the rules for afterwards are here.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { expect } from "vitest";
import type { Ampho } from "../../dist/instance.js";
import { binary } from "../world/command.js";
import { type Place, type Served, startServe } from "../world/serve.js";
import { ask } from "./application.js";
import { contradictions } from "./ledger.js";
import { makeSubject, movedBetween, type Subject, tallyOf, tallySql, type Write } from "./writes.js";

export interface KillGround {
  readonly place: Place;
  readonly beside: Ampho;
  rows(sql: string): Promise<readonly Record<string, unknown>[]>;
}

export interface Killer {
  /** From now on the next write kills a process in its middle: the writer, by `kill`, or another. */
  arm(kill: () => void): void;
  /** Resolves to whether a process was killed. Afterwards everything runs again. */
  disarm(): Promise<boolean>;
}

let served: Served | undefined;
let running: ChildProcess | undefined;

async function server(place: Place): Promise<Served> {
  if (served === undefined || served.process.killed) served = await startServe(place);
  return served;
}

/** Does it once completely, and resolves to what it changes. */
export async function learn(ground: KillGround, write: Write): Promise<Readonly<Record<string, number>>> {
  const subject = await subjectFor(ground, write);
  const before = tallyOf(await ground.rows(tallySql));
  expect(await attempt(ground, write, subject), write.name).toBe(true);
  const moved = movedBetween(before, tallyOf(await ground.rows(tallySql)));
  expect(Object.keys(moved), "it writes").not.toEqual([]);
  return moved;
}

/** Kills it in the middle. All of it is there or nothing, and all if it was acknowledged. Resolves to whether it was killed. */
export async function expectWhole(
  ground: KillGround,
  write: Write,
  whole: Readonly<Record<string, number>>,
  killer: Killer,
): Promise<boolean> {
  const subject = await subjectFor(ground, write);
  const before = tallyOf(await ground.rows(tallySql));
  killer.arm(() => void (write.command === undefined ? served?.process : running)?.kill("SIGKILL"));
  const acknowledged = await attempt(ground, write, subject);
  const killed = await killer.disarm();
  const moved = movedBetween(before, tallyOf(await ground.rows(tallySql)));
  const allowed = acknowledged ? [whole] : [whole, {}];
  expect(allowed, write.name).toContainEqual(moved);
  expect(await ground.rows(contradictions)).toEqual([]);
  return killed;
}

async function subjectFor({ beside, place }: KillGround, write: Write): Promise<Subject> {
  if (write.ask !== undefined) await server(place);
  const subject = await makeSubject(beside, write.password === true);
  await write.prepare?.(beside, subject);
  return subject;
}

/** Resolves to whether it was acknowledged. */
async function attempt({ place }: KillGround, write: Write, subject: Subject): Promise<boolean> {
  if (write.command !== undefined) {
    const { args, stdin = "" } = write.command(subject);
    running = spawn(process.execPath, [binary, ...args], { ...place, stdio: ["pipe", "ignore", "ignore"] });
    // The process can be dead before it has read the request.
    running.stdin?.on("error", () => undefined).end(stdin);
    const [code] = await once(running, "close");
    return code === 0;
  }
  const asked = write.ask?.(subject);
  if (asked === undefined) throw new Error("a write needs a request or a command");
  try {
    const { status } = await ask(`${(await server(place)).url}${asked.path}`, asked);
    expect([200, 204, 503]).toContain(status);
    return status !== 503;
  } catch (error) {
    // The server died during the request.
    if (error instanceof TypeError) return false;
    throw error;
  }
}
