// A stranger signs up in an application with its own table, under the address of another person. The address is not proven.
// The person takes the account over by a reset, long after the sessions of the stranger have ended.
import { expect, it } from "vitest";
import type { ApplicationUser } from "../../dist/index.js";
import { askGuard, readers, scopes } from "../api-keys/worlds.js";
import { afterChange, grantOf, password } from "../world/ampho.js";
import { finishReset, logInBy, mailingOf, mailSettings, newPassword } from "./mailboxes.js";
import { link, openOutside, signIn } from "./outside.js";
import { onBothDatabases } from "./owners.js";

const victim = "ann@x.example";

onBothDatabases((ground) => {
  it.each([
    [false, "invalid_token", 403],
    [true, "invalid_token", 200],
  ])(
    "a reset ends a key of an old session, and leaves a confirmed identity if the address was proven: %s",
    async (...given) => {
      const [emailProven, key, status] = given;
      const row = { id: "ann", login: victim, email: victim, emailProven, roles: ["editor"], password };
      const users = {
        find: async (login: string) => (login === victim ? { ...row } : undefined),
        findById: async () => ({ ...row }),
        verify: async (_: ApplicationUser, text: string) => text === row.password,
        setPassword: async (_: ApplicationUser, text: string) => void Object.assign(row, { password: text }),
      };
      const mails: never[] = [];
      const mail = async (message: unknown) => void (mails as unknown[]).push(message);
      const options = { ...mailSettings, registration: "closed", users, mail, scopes, apiKeys: 5 } as const;
      const outside = await openOutside(ground, { options });
      const { world } = outside;
      const mailing = mailingOf(ground, world, mails);
      const stranger = await world.login(victim);
      const linked = await link({ ...outside, world: mailing }, stranger.token, { claims: { sub: "stranger" } });
      const bearer = afterChange(stranger, linked).token;
      const body = { name: "Backup", scopes: ["articles:read"], expires: world.clock.now() + 300 * 86_400 };
      const created = await world.call("POST", "/api-keys", { bearer, body });
      expect(created.status, created.text).toBe(201);
      world.clock.advance(40 * 86_400);

      const begun = await world.call("POST", "/password/reset", { body: { login: victim } });
      const { code } = await mailing.mail("reset");
      const { transaction } = begun.json as { transaction: string };
      expect((await finishReset(world, { transaction, code })).status).toBe(204);
      grantOf(await logInBy(world, { login: victim, password: newPassword }));
      expect(await askGuard(world, String(created.json["key"]), readers)).toBe(key);
      expect((await signIn(outside, { claims: { sub: "stranger" } })).status).toBe(status);
    },
  );
});
