// Sequences of moves of a thief, of the owner and of operators, against users of the database. Each repair follows at
// the end of each. explore.ts states the sample.
import { expect, it } from "vitest";
import { type Extents, exploreAll } from "./explore.js";
import { onBothDatabases } from "./owners.js";
import { beginCase, expectClosedToMailbox, openScene, repairs, run } from "./sequences.js";

// The hash of passwords takes most of the time.
const whole: Extents = {
  SQLite: { seeded: 300, sequences: { password: 791, phished: 791 }, paths: { password: 121, phished: 79 } },
  PostgreSQL: { seeded: 40, sequences: { password: 531, phished: 531 }, paths: { password: 72, phished: 43 } },
};
const sample: Extents = {
  SQLite: { seeded: 20, sequences: { password: 256, phished: 255 }, paths: { password: 37, phished: 26 } },
  PostgreSQL: { seeded: 20, sequences: { password: 255, phished: 256 }, paths: { password: 44, phished: 23 } },
};

onBothDatabases((ground) => {
  exploreAll(ground, { whole, sample }, () => undefined);

  it("the comparison finds a thief who reads the mailed codes, and a factor that is gone", async () => {
    const scene = await openScene(ground);
    const both = await beginCase(scene, "password");
    both.hasMailbox = true;
    expect(await run(both, "set up an app")).toBe(true);
    both.hasMailbox = false;
    const reset = repairs["the owner resets the password"];
    expect(await reset?.(both)).toBe(false);
    const owner = await beginCase(scene, "phished");
    for (const table of ["ampho_totp", "ampho_recovery"])
      await ground.sql(scene.world, `delete from ${table} where user_id = '${owner.id}'`);
    await ground.sql(scene.world, `update ampho_accounts set factors = '[]' where user_id = '${owner.id}'`);
    await expect(expectClosedToMailbox(owner)).rejects.toThrow("factor_needed");
  });
});
