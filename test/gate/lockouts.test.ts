// Lockouts by strangers who know the login, and by those who know the password too.
import { expect, it } from "vitest";
import { grantOf, password } from "../world/ampho.js";
import { addOwner, fullLogin, logIn, onBothDatabases, outcomeOf, pendingLogin, wrongCode } from "./owners.js";

const locked = [429, "too_many_attempts"];

onBothDatabases((ground) => {
  it("a lock of password and app by strangers keeps out neither a known device nor a live session", async () => {
    const world = await ground.open({ throttleAttempts: 1000, throttleLock: 10 });
    const ann = await addOwner(world, "ann");
    const { device, token: bearer } = await fullLogin(world, ann);
    for (let count = 0; count < 10; count++) {
      const body = { transaction: await pendingLogin(world, "ann"), totp: wrongCode(ann.secret, world.clock.now()) };
      expect((await world.call("POST", "/login", { body })).status).toBe(401);
    }
    expect(outcomeOf(await logIn(world, "ann", { totp: ann.nextCode() }))).toEqual(locked);
    for (let count = 0; count < 10; count++)
      expect((await logIn(world, "ann", { password: "a stranger's guess" })).status).toBe(401);
    expect(outcomeOf(await logIn(world, "ann"))).toEqual(locked);

    grantOf(await world.call("POST", "/login", { body: { totp: ann.nextCode() }, bearer }));
    const pending = await logIn(world, "ann", { device });
    expect(pending.error).toBe("factor_needed");
    const second = { transaction: pending.json["transaction"], totp: ann.nextCode() };
    grantOf(await world.call("POST", "/login", { body: second }));
    grantOf(await logIn(world, "ann", { password, device, totp: ann.nextCode() }));
  });
});
