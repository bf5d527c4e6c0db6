// Applications on PostgreSQL while the server or the way to it fails. Each fault goes through the same trial (trial.ts).
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { pause } from "../world/wait.js";
import type { Held } from "./application.js";
import { takeConnections } from "./few-connections.js";
import { tableOf } from "./ground.js";
import { startLoad } from "./load.js";
import { openPostgresGround, type PostgresGround } from "./postgres-ground.js";
import { type Fault, type Outcome, tryFault } from "./trial.js";

let ground: PostgresGround;
const outcomes: Outcome[] = [];
beforeAll(async () => {
  ground = await openPostgresGround();
});
afterAll(async () => {
  process.stdout.write(tableOf(outcomes));
  await ground.close();
});

const second = async ({ apps }: PostgresGround) => apps.slice(1);
let freeConnections = async () => {};

const faults: readonly Fault<PostgresGround>[] = [
  {
    name: "the server is killed",
    seen: "away",
    holdMs: 500,
    begin: ({ server, apps }) => server.signal("SIGKILL").then(() => apps),
    end: ({ server }) => server.start(),
  },
  {
    name: "the server hangs",
    seen: "away",
    holdMs: 1500,
    begin: ({ server, apps }) => server.signal("SIGSTOP").then(() => apps),
    end: ({ server }) => server.signal("SIGCONT"),
  },
  {
    name: "the server has no connection left",
    seen: "away",
    holdMs: 500,
    begin: async (ground) => {
      freeConnections = await takeConnections(ground.database.runtimeUrl);
      return ground.apps;
    },
    end: () => freeConnections(),
  },
  {
    name: "the network rejects connections",
    seen: "away",
    holdMs: 500,
    begin: async (ground) => {
      ground.proxy.cut({ rejecting: true });
      return second(ground);
    },
    end: async ({ proxy }) => proxy.cut(),
  },
  {
    name: "the network swallows",
    seen: "away",
    holdMs: 500,
    begin: async (ground) => {
      ground.proxy.swallow(true);
      return second(ground);
    },
    end: async ({ proxy }) => proxy.swallow(false),
  },
  {
    name: "the network takes 300 ms there and back",
    seen: "slow",
    holdMs: 500,
    begin: async (ground) => {
      ground.proxy.delay(150);
      return second(ground);
    },
    end: async ({ proxy }) => proxy.delay(0),
  },
];

describe("faults of PostgreSQL", () => {
  it.each(faults)("applications survive while $name, and recover", { timeout: 240_000 }, async (fault) => {
    outcomes.push(await tryFault(ground, fault));
  });
});

it("thirty faults in a row leave no connection, no memory and no timer behind", { timeout: 240_000 }, async () => {
  const { apps, proxy, logins, ledger, connections } = ground;
  const [, app] = apps;
  if (app === undefined) throw new Error("there are two");
  const sizes: Held[] = [];
  for (let cycle = 0; cycle < 35; cycle++) {
    const load = startLoad([app], logins.slice(6, 8), ledger);
    await pause(60);
    proxy.cut({ rejecting: true });
    await pause(60);
    proxy.cut();
    await load.stop();
    sizes.push(await app.held());
  }
  // The first ones fill caches.
  const grown = (of: (held: Held) => number) => {
    const [before, after] = [sizes.slice(3, 8), sizes.slice(-5)].map((some) => Math.min(...some.map(of)));
    return (after ?? 0) - (before ?? 0);
  };
  expect(grown(({ heapBytes }) => heapBytes)).toBeLessThan(3_000_000);
  expect(grown(({ rssBytes }) => rssBytes)).toBeLessThan(50_000_000);
  await vi.waitFor(async () => expect([(await app.held()).timers, (await connections()) <= 20]).toEqual([0, true]), {
    timeout: 60_000,
  });
});
