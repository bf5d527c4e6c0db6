// Processes that die while they send mails. No mail that a request has acknowledged is lost, none arrives more than twice, and each
// copy has the same code.
import { setTimeout as sleep } from "node:timers/promises";
import { simpleParser } from "mailparser";
import { expect, it } from "vitest";
import { type Instance, startInstance } from "../ampho/processes.js";
import { mailSettings, proofsOf } from "../gate/mailboxes.js";
import { type Ground, onBothDatabases } from "../gate/owners.js";
import { startMailServer } from "../mail/mail-server.js";
import type { World } from "../world/ampho.js";
import { runningClock } from "../world/clock.js";

const people = Array.from({ length: 12 }, (_, n) => `user-${n}@x.example`);
/** Another process takes a mail so long after the process that took it first. */
const holdMs = 60_000;

/** The users, on a database that no process of this test uses. */
async function prepare(ground: Ground): Promise<World> {
  const world = await ground.open({ clock: runningClock() });
  for (const login of people) await world.ampho.users.create({ login });
  await world.ampho.close();
  return world;
}

const start = (ground: Ground, world: World, port: number): Promise<Instance> =>
  startInstance(world, {
    ...mailSettings,
    databaseUrl: ground.urlOf(world),
    databaseMigrate: "off",
    mailUrl: `smtp://127.0.0.1:${port}`,
    mailFrom: "no-reply@example.org",
  });

/** Returns the logins of the requests that were acknowledged. */
async function askAll(instance: Instance, logins: readonly string[]): Promise<readonly string[]> {
  const responses = await instance.all(
    logins.map((login) => ({ method: "POST", path: "/login/mail", body: { login } })),
  );
  return logins.filter((_, at) => responses[at]?.status === 200);
}

/** The codes that arrived at each mailbox. */
async function codesOf(arrived: readonly { readonly raw: string }[]): Promise<ReadonlyMap<string, readonly string[]>> {
  const codes = new Map<string, string[]>();
  for (const { raw } of arrived) {
    const { to, text = "" } = await simpleParser(raw);
    const address = [to].flat()[0]?.text ?? "";
    codes.set(address, [...(codes.get(address) ?? []), proofsOf(text).code]);
  }
  return codes;
}

async function expectWhole(arrived: readonly { readonly raw: string }[], acknowledged: readonly string[]) {
  const codes = await codesOf(arrived);
  expect([...codes.keys()].sort()).toEqual([...acknowledged].sort());
  for (const copies of codes.values()) {
    expect(copies.length).toBeLessThanOrEqual(2);
    expect(new Set(copies).size).toBe(1);
    expect(copies[0]).toMatch(/\d/);
  }
}

onBothDatabases((ground) => {
  it("a kill between the request and the mail server loses no mail", async () => {
    const world = await prepare(ground);
    const server = await startMailServer();
    const first = await start(ground, world, server.port);
    const acknowledged = await askAll(first, people);
    await first.kill();
    expect(acknowledged.length).toBeGreaterThan(0);
    await start(ground, world, server.port);
    const arrivals = async () => (await codesOf(server.arrived)).size;
    await expect.poll(arrivals, { timeout: 2 * holdMs, interval: 500 }).toBe(acknowledged.length);
    await expectWhole(server.arrived, acknowledged);
  });

  it("a kill after the mail server has accepted a mail sends it once more, with the same code", async () => {
    const world = await prepare(ground);
    const received: { raw: string }[] = [];
    let first: Instance | undefined;
    let asked: Promise<readonly string[]> | undefined;
    let killed: Promise<void> | undefined;
    const server = await startMailServer({
      onData(stream, _, callback) {
        const chunks: Buffer[] = [];
        stream.on("data", (chunk: Buffer) => chunks.push(chunk));
        stream.on("end", () => {
          received.push({ raw: Buffer.concat(chunks).toString("utf8") });
          // The process that sends it dies before it knows, and after it has reported which requests it acknowledged.
          killed ??= asked?.then(() => first?.kill());
          void (killed ?? Promise.resolve()).then(() => callback(null));
        });
      },
    });
    first = await start(ground, world, server.port);
    asked = askAll(first, people);
    const acknowledged = await asked;
    await expect.poll(() => killed !== undefined, { timeout: holdMs }).toBe(true);
    await killed;
    await start(ground, world, server.port);
    const isWhole = async () => {
      const rows = await ground.sql(world, "select n from ampho_mail where sent_at is null");
      return rows.length;
    };
    await expect.poll(isWhole, { timeout: 3 * holdMs, interval: 500 }).toBe(0);
    await expectWhole(received, acknowledged);
    expect(received.length).toBeGreaterThan(acknowledged.length);
  });

  it("two processes on one database send each mail once", async () => {
    const world = await prepare(ground);
    const server = await startMailServer();
    const instances = [await start(ground, world, server.port), await start(ground, world, server.port)] as const;
    const halves = await Promise.all([askAll(instances[0], people.slice(0, 6)), askAll(instances[1], people.slice(6))]);
    const acknowledged = halves.flat();
    await expect.poll(() => server.arrived.length, { timeout: holdMs, interval: 100 }).toBe(acknowledged.length);
    // Both have looked for mails once more.
    await sleep(2 * 2_000 + 500);
    expect(server.arrived).toHaveLength(acknowledged.length);
    await expectWhole(server.arrived, acknowledged);
  });
});
