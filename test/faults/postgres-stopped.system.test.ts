// PostgreSQL is down for half a minute under a fleet, and comes back.
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

it("applications return 503 while PostgreSQL is stopped for 30 s, and recover within 5 s", {
  timeout: 90_000,
}, async () => {
  process.stdout.write(tableOf([await tryFault(ground, stopped)]));
});
