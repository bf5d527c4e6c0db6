// An attacker who knows the password and waits between wrong codes, so that no window has as many as are free.
import { expect, it } from "vitest";
import { addOwner, logIn, onBothDatabases, outcomeOf, wrong, wrongCode } from "./owners.js";

onBothDatabases((ground) => {
  it("slow attempts at the second factor are reported, and less often the longer they go on", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const reported: number[] = [];
    let count = 0;
    for (let attempt = 1; attempt <= 48; attempt++) {
      const totp = wrongCode(ann.secret, world.clock.now());
      expect(outcomeOf(await logIn(world, "ann", { totp }))).toEqual(wrong);
      const events = (await world.events()).filter((event) => event === "factor_attacked");
      if (events.length > count) reported.push(attempt);
      count = events.length;
      // Four wrong codes fall into a window, and then they are forgotten.
      if (attempt % 4 === 0) world.clock.advance(1000);
    }
    expect(reported).toEqual([5, 10, 20, 40]);
    expect((await logIn(world, "ann", { totp: ann.nextCode() })).status).toBe(200);
    expect((await world.events()).filter((event) => event.startsWith("factor_throttled"))).toEqual([]);
  });
});
