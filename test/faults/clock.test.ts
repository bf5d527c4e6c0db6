// One machine's clock is off by two hours: the process on it decides as all others do, by the clock of the store.
import { describe, expect, it } from "vitest";
import { installMs, requireProgram } from "../deploy/programs.js";
import { claimsOf } from "./ledger.js";
import { logIn } from "./load.js";
import { openPostgresGround, type PostgresGround } from "./postgres-ground.js";
import { type Fault, tryFault } from "./trial.js";

const nothing: Fault<PostgresGround> = {
  name: "a clock is off",
  seen: "nothing",
  holdMs: 500,
  begin: async ({ apps }) => apps,
  end: async () => {},
};

describe.each([
  ["+2h", "ahead of"],
  ["-2h", "behind"],
])("a process whose machine's clock is off by %s", (offset, side) => {
  it("answers as always, gives tokens of the time that it is, and says what it sees", {
    timeout: installMs,
  }, async () => {
    const faketime = requireProgram("faketime", "faketime");
    const ground = await openPostgresGround({ secondThrough: [faketime, "--exclude-monotonic", "-f", offset] });
    const { apps, ledger, logins } = ground;
    expect(await tryFault(ground, nothing)).toMatchObject({ lost: 0 });
    for (const app of apps) {
      const { token } = await logIn(app.url, logins[0] ?? "", ledger);
      expect(Math.abs(claimsOf(token).iat - Date.now() / 1000)).toBeLessThan(60);
    }
    const notices = apps.map((app) => app.errors());
    expect(notices).toEqual([
      "",
      expect.stringMatching(
        new RegExp(`^the clock of this machine is 7\\d\\d\\d s ${side} the store's, which is used`),
      ),
    ]);
    await ground.close();
  });
});
