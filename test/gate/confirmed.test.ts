// A change of how a user signs in is confirmed before it happens (docs/reference/changes.md).
import { describe, expect, it } from "vitest";
import { grantOf, password } from "../world/ampho.js";
import { addPerson, openMailing } from "./mailboxes.js";
import { codeAt, onBothDatabases, outcomeOf, setUp } from "./owners.js";

const address = "ann@example.org";

onBothDatabases((ground) => {
  describe("a session that has proven the password alone", () => {
    it("a mailed code confirms one change, and the session goes on with new tokens", async () => {
      const world = await openMailing(ground);
      await addPerson(world, address, password);
      const session = await world.login(address);
      const rejected = await world.callOnce("POST", "/totp", { bearer: session.token });
      expect(outcomeOf(rejected)).toEqual([401, "confirmation_needed"]);
      expect(rejected.json).toMatchObject({ change: "first_factor", ways: ["mail"] });
      const begun = await world.callOnce("POST", "/account/confirm", {
        bearer: session.token,
        body: { change: "first_factor" },
      });
      expect(begun.status, begun.text).toBe(200);
      const { code, text, alarm } = await world.mail("confirm", address);
      expect(text).toContain("wants to add a passkey or an authenticator app");
      expect(alarm).not.toBe("");
      const body = { transaction: begun.json["transaction"], code };
      const confirmed = grantOf(
        await world.callOnce("POST", "/account/confirm/finish", { bearer: session.token, body }),
      );
      expect((await world.callOnce("GET", "/account", { bearer: session.token })).status).toBe(401);
      const { secret, transaction } = await setUp(world, confirmed.token);
      const totp = codeAt(secret, world.clock.now());
      const added = await world.callOnce("POST", "/totp/confirm", {
        bearer: confirmed.token,
        body: { transaction, totp },
      });
      expect(added.status, added.text).toBe(200);
      const [row] = await ground.sql(world, "select confirmed from ampho_totp");
      expect(Number(row?.["confirmed"])).toBe(1);
      const next = grantOf(added);
      const again = await world.callOnce("POST", "/recovery-codes", { bearer: next.token });
      expect(outcomeOf(again)).toEqual([401, "confirmation_needed"]);
    });
  });

  it("right after a registration nothing is asked", async () => {
    const world = await openMailing(ground);
    const { token } = await addPerson(world, address, password);
    await setUp(world, token);
  });
});
