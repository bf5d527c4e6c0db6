// Processes that die between a request and the mail server. No mail that a request has acknowledged is lost, none arrives more
// than twice, and each copy has the same code.
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { onBothDatabases } from "../gate/owners.js";
import { startMailServer } from "../mail/mail-server.js";
import { askAll, codesOf, expectWhole, holdMs, people, prepare, start } from "./mailers.js";

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
