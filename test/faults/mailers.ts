// Processes that send mails to the same people, and the rules for what arrives.
import { simpleParser } from "mailparser";
import { expect } from "vitest";
import { type Instance, startInstance } from "../ampho/processes.js";
import { mailSettings, proofsOf } from "../gate/mailboxes.js";
import type { Ground } from "../gate/owners.js";
import type { World } from "../world/ampho.js";
import { runningClock } from "../world/clock.js";

export const people = Array.from({ length: 12 }, (_, n) => `user-${n}@x.example`);
/** Another process takes a mail so long after the process that took it first. */
export const holdMs = 60_000;

/** The users, on a database that no process of this test uses. */
export async function prepare(ground: Ground): Promise<World> {
  const world = await ground.open({ clock: runningClock() });
  for (const login of people) await world.ampho.users.create({ login });
  await world.ampho.close();
  return world;
}

export const start = (ground: Ground, world: World, port: number): Promise<Instance> =>
  startInstance(world, {
    ...mailSettings,
    databaseUrl: ground.urlOf(world),
    databaseMigrate: "off",
    mailUrl: `smtp://127.0.0.1:${port}`,
    mailFrom: "no-reply@example.org",
  });

/** Returns the logins of the requests that were acknowledged. */
export async function askAll(instance: Instance, logins: readonly string[]): Promise<readonly string[]> {
  const responses = await instance.all(
    logins.map((login) => ({ method: "POST", path: "/login/mail", body: { login } })),
  );
  return logins.filter((_, at) => responses[at]?.status === 200);
}

/** The codes that arrived at each mailbox. */
export async function codesOf(
  arrived: readonly { readonly raw: string }[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const codes = new Map<string, string[]>();
  for (const { raw } of arrived) {
    const { to, text = "" } = await simpleParser(raw);
    const address = [to].flat()[0]?.text ?? "";
    codes.set(address, [...(codes.get(address) ?? []), proofsOf(text).code]);
  }
  return codes;
}

export async function expectWhole(arrived: readonly { readonly raw: string }[], acknowledged: readonly string[]) {
  const codes = await codesOf(arrived);
  expect([...codes.keys()].sort()).toEqual([...acknowledged].sort());
  for (const copies of codes.values()) {
    expect(copies.length).toBeLessThanOrEqual(2);
    expect(new Set(copies).size).toBe(1);
    expect(copies[0]).toMatch(/\d/);
  }
}
