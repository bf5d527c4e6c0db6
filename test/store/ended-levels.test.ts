// The sessions whose additions a change ends, as the statement selects them, and as the policy decides about a session.
import { expect, it } from "vitest";
import { acrOf } from "../../dist/levels/methods.js";
import { policies, reachesPolicy } from "../../dist/levels/policy.js";
import { levelsOf } from "../../dist/store/sql/effects/added.js";
import { onBothDatabases } from "../gate/owners.js";

const methods = [["pwd"], ["mail"], ["pwd", "dev"], ["pwd", "otp"], ["pwd", "rec"], ["swk", "user"], ["hwk", "dev"]];

onBothDatabases((ground) => {
  it("a statement selects the sessions that a policy does not accept, and no other", async () => {
    const world = await ground.open();
    for (const policy of policies)
      for (const amr of methods) {
        const acr = acrOf(amr);
        const session = `select '${acr}' as acr, '${JSON.stringify(amr)}' as amr`;
        const found = await ground.sql(world, `select 1 from (${session}) as session where 1 = 1 ${levelsOf[policy]}`);
        expect([policy, amr, found.length === 1]).toEqual([policy, amr, !reachesPolicy({ amr, acr }, policy)]);
      }
  });
});
