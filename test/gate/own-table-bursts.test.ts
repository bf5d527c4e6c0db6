// Bursts of attempts at a login that an application's own table has, and at one that it has not. Decisions and calls are compared, not times.
import { expect, it } from "vitest";
import { password } from "../world/ampho.js";
import { logIn, onBothDatabases } from "./owners.js";

/** The work of a table, which is done or fails. */
function countedWork() {
  const state = { calls: 0, isDown: false };
  async function work(): Promise<void> {
    state.calls += 1;
    if (state.isDown) throw new Error("the table is down");
  }
  return { state, work };
}

onBothDatabases((ground) => {
  it("a burst of attempts gets the same decisions, checks and failures for a login that no user has", async () => {
    const seen = [];
    for (const login of ["ann", "nobody"]) {
      const { state, work } = countedWork();
      const world = await ground.open({
        throttleAddress: 0,
        users: {
          find: async (name) => (name === "ann" ? { id: "1", login: name } : undefined),
          verify: async (_, given) => {
            await work();
            return given === password;
          },
          verifyUnknown: work,
        },
      });
      // A wrong password before, which sets the time that a rejection without the function would take.
      await logIn(world, "ann", { password: "wrong" });
      world.clock.advance(3_600);
      state.calls = 0;
      const burst = Array.from({ length: 20 }, () => logIn(world, login, { password: "wrong" }));
      const outcomes = (await Promise.all(burst)).map(({ status, error }) => `${status} ${error}`).sort();
      world.clock.advance(3_600);
      state.isDown = true;
      const down = await logIn(world, login, { password: "wrong" });
      seen.push({ outcomes, calls: state.calls, down: [down.status, down.error] });
      await world.ampho.close();
    }
    expect(seen[1]).toEqual(seen[0]);
    expect(seen[0]).toMatchObject({ down: [503, "unavailable"] });
    expect(seen[0]?.calls).toBeGreaterThan(4);
  });
});
