// The lock of second factors after a hundred wrong codes in a row (NIST SP 800-63B-4 §3.2.2).
import { expect, it } from "vitest";
import type { World } from "../world/ampho.js";
import { addOwner, type Owner, onBothDatabases, outcomeOf, pendingLogin, wrong, wrongCode } from "./owners.js";

const tooMany = [429, "too_many_attempts"];
const guess = ({ secret }: Owner, world: World) => wrongCode(secret, world.clock.now());
const second = (world: World, transaction: string, totp: string) =>
  world.call("POST", "/login", { body: { transaction, totp } });

onBothDatabases((ground) => {
  it("a hundred wrong codes behind a right password lock the account, and time alone does not unlock it", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    for (let n = 0; n < 100; n++) {
      const transaction = await pendingLogin(world, "ann");
      expect([n, ...outcomeOf(await second(world, transaction, guess(ann, world)))]).toEqual([n, ...wrong]);
      world.clock.advance(900);
    }
    world.clock.advance(86_400);
    expect(outcomeOf(await second(world, await pendingLogin(world, "ann"), ann.nextCode()))).toEqual(tooMany);
    const locked = (await world.ampho.throttle.list()).filter(({ kind }) => kind === "factor");
    expect(locked).toMatchObject([{ login: "ann", locked: true, failures: 100 }]);
    expect(await world.events()).toContain("factor_throttled: locked");
  });
});
