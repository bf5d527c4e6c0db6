// Logs in, renews and ends sessions without pause, several at once, and prints each thing that was acknowledged. The next
// step waits until that is in the pipe: what waits in the process while a slow reader's pipe is full is lost by a kill.
import { openSqlite } from "../../../dist/store/sqlite/store.js";

const [, , path, prefix] = process.argv;
const store = await openSqlite({ path, migrate: true, log: () => {} });
const origin = { actor: "user" };
const limits = { now: 1_790_000_000, accessTtlSeconds: 900, idleSeconds: 10_000, stored: false, origin };

const proven = { amr: ["pwd"], provenAt: limits.now, gate: { roles: [], rolePolicies: {} } };

const report = (line) => new Promise((resolve) => process.stdout.write(`${line}\n`, resolve));

async function work(name) {
  for (let count = 0; ; count++) {
    const random = `${prefix}-${name}-${count}`;
    const user = { userId: random, login: "ann" };
    await store.grantSession({
      ...limits,
      ...proven,
      ...user,
      create: { random, maxSeconds: 50_000, sessionsPerUser: 100 },
    });
    const id = `0.${random}`;
    await report(`created ${id} 0`);
    for (let gen = 0; gen < 3; gen++) {
      await store.renewSession({
        ...limits,
        sessionId: id,
        gen,
        graceSeconds: 10,
        by: "refresh_token",
        ownRoles: [],
        rolePolicies: {},
      });
      await report(`renewed ${id} ${gen + 1}`);
    }
    if (count % 2 === 0) continue;
    await store.endSession({ id, userId: undefined, now: limits.now, reason: "logout", origin });
    await report(`ended ${id} 3`);
  }
}
await Promise.all(Array.from({ length: 8 }, (_, name) => work(name)));
