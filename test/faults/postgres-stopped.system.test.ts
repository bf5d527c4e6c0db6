// PostgreSQL is gone for half a minute under a fleet, and comes back.
import { afterAll, beforeAll, it } from "vitest";
import { tableOf } from "./ground.js";
import { openPostgresGround, type PostgresGround } from "./postgres-ground.js";
import { type Fault, tryFault } from "./trial.js";

let ground: PostgresGround;
beforeAll(async () => {
  ground = await openPostgresGround();
});
afterAll(() => ground.close());

const stopped: Fault<PostgresGround> = {
  name: "the server is stopped for 30 s",
  seen: "away",
  holdMs: 30_000,
  begin: async ({ server, apps }) => {
    await server.signal("SIGINT");
    return apps;
  },
  end: ({ server }) => server.start(),
};

it("a server that is stopped for 30 s and started: 503 meanwhile, everything within 5 s afterwards", {
  timeout: 90_000,
}, async () => {
  process.stdout.write(tableOf([await tryFault(ground, stopped)]));
});
