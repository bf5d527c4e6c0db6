// The clocks of two machines are off by two hours, one ahead and one behind. The processes on them decide as all others do,
// by the clock of the database.
import { expect, it } from "vitest";
import { requireProgram } from "../deploy/programs.js";
import { installMs } from "../world/debian.js";
import { claimsOf } from "./ledger.js";
import { logIn } from "./load.js";
import { openPostgresGround, type PostgresGround } from "./postgres-ground.js";
import { type Fault, tryFault } from "./trial.js";

const clocks = [
  ["+2h", "ahead of"],
  ["-2h", "behind"],
] as const;

const nothing: Fault<PostgresGround> = {
  name: "clocks are off",
  seen: "nothing",
  holdMs: 500,
  begin: async ({ apps }) => apps,
  end: async () => {},
};

it("a process whose clock is off by two hours responds as always, issues tokens of the right time, and logs the offset", {
  timeout: installMs,
}, async () => {
  const faketime = requireProgram("faketime", "faketime");
  const through = clocks.map(([offset]) => [faketime, "--exclude-monotonic", "-f", offset]);
  const ground = await openPostgresGround({ through });
  const { apps, ledger, logins } = ground;
  expect(await tryFault(ground, nothing)).toMatchObject({ lost: 0 });
  for (const [at, [, side]] of clocks.entries()) {
    const app = apps[at];
    const { token } = await logIn(app?.url ?? "", logins[0] ?? "", ledger);
    expect(Math.abs(claimsOf(token).iat - Date.now() / 1000)).toBeLessThan(60);
    const log = new RegExp(`^This machine's clock is 7\\d\\d\\d s ${side} the database's`);
    expect(app?.errors()).toMatch(log);
    // A token of one is valid in the other, although the clocks differ by four hours.
    const other = apps[1 - at];
    const response = await fetch(`${other?.guards}/plain`, { headers: { authorization: `Bearer ${token}` } });
    expect(response.status).toBe(200);
  }
  await ground.close();
});
