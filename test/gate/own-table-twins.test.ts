// Two users of an application's own table whose logins are one login for Ampho's own users. Nothing that one of them
// does has an effect on the other one, because Ampho keeps them apart by their ids.
import { describe, expect, it } from "vitest";
import type { ApplicationUser } from "../../dist/index.js";
import { admission, grantOf, password, type Sent } from "../world/ampho.js";
import { start } from "../world/clock.js";
import { foreignToken } from "../world/tokens.js";
import { asked, logInBy, type Mailing, openMailing, otherDigits } from "./mailboxes.js";
import { type Ground, onBothDatabases, outcomeOf } from "./owners.js";

const victim = "Ann";

/** How a table looks a login up, and a login that is another one for it. */
const tables = [
  { title: "a table where case matters", twin: "ann", find: (login: string) => login },
  { title: "a table that compares in lower case", twin: "ａnn", find: (login: string) => login.toLowerCase() },
] as const;

type Table = (typeof tables)[number];

const passwords: Readonly<Record<string, string>> = { [victim]: `${password} of the victim` };

async function open(ground: Ground, { twin, find }: Table, options = {}) {
  const rows = new Map<string, ApplicationUser>(
    [victim, twin, "bob"].map((login, n) => [
      find(login),
      { id: `id-${n}`, login, email: `user-${n}@x.example`, emailProven: true },
    ]),
  );
  const byId = (id: string) => [...rows.values()].find((row) => row.id === id);
  const world = await openMailing(ground, {
    throttleAttempts: 5,
    users: {
      find: (login) => rows.get(find(login)),
      findById: byId,
      verify: ({ login }, given) => given === (passwords[login] ?? password),
      remove: ({ login }) => void rows.delete(find(login)),
      setLogin: (user, login) => {
        rows.delete(find(user.login));
        rows.set(find(login), { ...user, login });
        return true;
      },
    },
    ...options,
  });
  return { world, rows };
}

const address = "198.51.100.9";
const from = (sent: Sent = {}): Sent => ({ address, ...sent });

/**
 * An attacker attacks the victim, and logs in to the own account between the attempts. Returns the responses about the
 * victim.
 */
type Attack = (world: Mailing, own: string) => Promise<readonly Outcome[]>;
type Outcome = ReturnType<typeof outcomeOf>;

const attacks: Readonly<Record<string, Attack>> = {
  async passwords(world, own) {
    const seen: Outcome[] = [];
    for (let round = 0; round < 8; round++) {
      for (let n = 0; n < 3; n++)
        seen.push(outcomeOf(await logInBy(world, { login: victim, password: "wrong" }, from())));
      grantOf(await logInBy(world, { login: own, password }, from()));
    }
    return seen;
  },

  async "mailed codes"(world, own) {
    const seen: Outcome[] = [];
    for (let round = 0; round < 5; round++) {
      const { transaction, mail } = await asked(world, victim, from());
      for (let n = 0; n < 4; n++)
        seen.push(outcomeOf(await logInBy(world, { transaction, code: otherDigits(mail.code) }, from())));
      const mine = await asked(world, own, from());
      grantOf(await logInBy(world, { transaction: mine.transaction, code: mine.mail.code }, from()));
    }
    return seen;
  },

  async "codes of a set-up"(world, own) {
    const seen: Outcome[] = [];
    for (const id of ["id-0", "id-1", "id-2"]) await world.ampho.factors.setPolicy(id, "required");
    const pending = async (login: string) =>
      (await logInBy(world, { login, password: passwords[login] ?? password }, from())).json["transaction"];
    const setUp = async (transaction: unknown, code: string) =>
      outcomeOf(await world.call("POST", "/totp", from({ body: { transaction, code } })));
    for (let round = 0; round < 3; round++) {
      const transaction = await pending(victim);
      for (let n = 0; n < 4; n++) seen.push(await setUp(transaction, "00000000"));
      const mine = await pending(own);
      const { code } = await world.mail("enroll", "user-1@x.example");
      expect(await setUp(mine, code)).toEqual([200]);
    }
    return seen;
  },

  async mails(world, own) {
    const ask = (login: string) => world.call("POST", "/login/mail", from({ body: { login } }));
    const seen: Outcome[] = [];
    for (const login of [own, victim, victim]) seen.push(outcomeOf(await ask(login)));
    return seen;
  },
};

/** How many attempts are accepted if the account between them is no twin. */
const accepted: Readonly<Record<string, number>> = {
  passwords: 5,
  // Ten are free, and then the clock moves on by two minutes for each mail of the attacker.
  "mailed codes": 12,
  "codes of a set-up": 10,
  mails: 2,
};

onBothDatabases((ground) => {
  describe.each(tables)("$title", (table) => {
    it.each(Object.entries(attacks))(
      "a twin of the login gives an attacker of the victim no further %s",
      async (name, attack) => {
        const { world } = await open(ground, table);
        const seen = await attack(world, table.twin);
        expect(seen.filter(([status]) => status === 429)).toHaveLength(seen.length - (accepted[name] ?? 0));
      },
    );

    it("logins of a twin end no streak of failures, so that the victim is locked", async () => {
      const { world } = await open(ground, table, { throttleAttempts: 1000, throttleLock: 20 });
      for (let n = 0; n < 20; n++) {
        expect((await logInBy(world, { login: victim, password: "wrong" }, from())).status).toBe(401);
        grantOf(await logInBy(world, { login: table.twin, password }, from()));
      }
      expect((await logInBy(world, { login: victim, password: "wrong" }, from())).status).toBe(429);
      expect(await world.ampho.throttle.list()).toMatchObject([{ kind: "login", login: victim, locked: true }]);
      expect(await world.ampho.throttle.clear({ login: table.twin })).toBe(0);
      expect((await logInBy(world, { login: victim, password: "wrong" }, from())).status).toBe(429);
      expect(await world.ampho.throttle.clear({ login: victim })).toBe(1);
      expect((await logInBy(world, { login: victim, password: passwords[victim] }, from())).status).toBe(200);
    });

    it("an attacker who locks a twin does not make the victim wait", async () => {
      const { world } = await open(ground, table);
      for (let n = 0; n < 6; n++) await logInBy(world, { login: table.twin, password: "wrong" }, from());
      grantOf(await logInBy(world, { login: victim, password: passwords[victim] }, { address: "203.0.113.4" }));
    });

    it.each([
      ["deletes the account", "DELETE", "/account", undefined],
      ["takes another login", "POST", "/account/login", { login: "carl" }],
    ] as const)("a twin who %s revokes no token of the victim", async (_, method, path, body) => {
      const { world } = await open(ground, table);
      const { twin } = table;
      const token = (login: string) => foreignToken(world.key, { exp: start + 60_000, iat: world.clock.now(), login });
      const [theirs, own] = [token(victim), token(twin)];
      const { token: bearer } = grantOf(await logInBy(world, { login: twin, password }, from()));
      expect((await world.call(method, path, { bearer, body })).status).toBe(204);
      expect(await admission(world.ampho, own)).not.toBe("in");
      expect(await admission(world.ampho, theirs)).toBe("in");
    });

    it("an operator who ends the sessions of a login does not end those of its twin", async () => {
      const { world } = await open(ground, table);
      await logInBy(world, { login: table.twin, password }, from());
      await logInBy(world, { login: victim, password: passwords[victim] }, from());
      expect(await world.ampho.sessions.findUserIds(table.twin)).toEqual(["id-1"]);
      expect(await world.ampho.sessions.findUserIds(victim)).toEqual(["id-0"]);
    });
  });

  it("a change of the spelling ends the sessions in an own table, because another user can take the former one", async () => {
    const { world } = await open(ground, tables[0]);
    const { token: bearer } = grantOf(await logInBy(world, { login: "bob", password }, from()));
    expect((await world.call("POST", "/account/login", { bearer, body: { login: "Bob" } })).status).toBe(204);
    expect(await admission(world.ampho, bearer)).not.toBe("in");
  });
});
