// The first proof of an address by a login without the password, where its response is lost.
import { expect, it } from "vitest";
import { grantOf, password } from "../world/ampho.js";
import { sessionOf } from "../world/tokens.js";
import { asked, logInBy, openMailing } from "./mailboxes.js";
import { onBothDatabases } from "./owners.js";

const ann = "ann@x.example";

onBothDatabases((ground) => {
  it.each(["code", "link"] as const)(
    "a lost response to the first login by a mailed %s is returned again for its Idempotency-Key (W-13)",
    async (by) => {
      const world = await openMailing(ground);
      await world.ampho.users.create({ login: ann, password });
      const { transaction, match, mail } = await asked(world, ann);
      const body = by === "code" ? { transaction, code: mail.code } : { link: mail.link, match };
      const headers = { "Idempotency-Key": "one-0123456789abcdef" };
      const first = grantOf(await world.call("POST", "/login", { body, headers }));
      const again = await world.call("POST", "/login", { body, headers });
      expect(sessionOf(grantOf(again))).toBe(sessionOf(first));
      expect((await logInBy(world, body)).status).toBe(401);
    },
  );
});
