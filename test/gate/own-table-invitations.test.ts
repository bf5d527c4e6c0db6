// Invitations of a database whose application has moved its users to its own table since. Each creates one user.
import { describe, expect, it } from "vitest";
import type { ApplicationUser, ApplicationUsers } from "../../dist/index.js";
import { grantOf, password } from "../world/ampho.js";
import { claimsOf } from "../world/tokens.js";
import { begin, mailingOf, mailSettings, openMailing } from "./mailboxes.js";
import { type Ground, onBothDatabases, outcomeOf } from "./owners.js";

const email = "ann@x.example";

async function open(ground: Ground) {
  const before = await openMailing(ground, { registration: "invite" });
  const invited = async () => {
    await before.ampho.users.invite({ email, roles: ["admin"] });
    return (await before.mail("invite", email)).invite;
  };
  const [invite, twin] = [await invited(), await invited()];
  const rows: ApplicationUser[] = [];
  const created: (readonly string[])[] = [];
  const table = { create: async (user: ApplicationUser): Promise<ApplicationUser | undefined> => user };
  const users: ApplicationUsers = {
    find: (login) => rows.find((row) => row.login === login),
    findById: (id) => rows.find((row) => row.id === id),
    verify: (_, given) => given === password,
    async create({ login, roles }) {
      created.push(roles);
      const user = await table.create({ id: `id-${created.length}`, login, email: login, emailProven: true, roles });
      if (user !== undefined) rows.push(user);
      return user;
    },
    remove({ id }) {
      rows.splice(rows.findIndex((row) => row.id === id));
    },
  };
  const world = mailingOf(
    ground,
    await before.another({ ...mailSettings, registration: "invite", users }),
    before.mails,
  );
  const ask = async (by = invite) => {
    const { transaction } = await begin(world, "/register", { email, invite: by });
    const { code } = await world.mail("register", email);
    return () => world.call("POST", "/register/finish", { body: { transaction, code, password } });
  };
  const list = () => before.ampho.users.invitations.list();
  return { before, world, table, created, ask, list, invite, twin, rows };
}

const closed = [403, "registration_closed"];

onBothDatabases((ground) => {
  it("a user who was deleted does not come back with the roles of the same invitation", async () => {
    const { world, ask, created, list, invite } = await open(ground);
    const [finish, again] = [await ask(), await ask()];
    const { token } = grantOf(await finish());
    expect(claimsOf(token)).toMatchObject({ roles: ["admin"] });
    expect((await list())[0]?.used).toBe(world.clock.now());
    expect((await world.call("DELETE", "/account", { bearer: token })).status).toBe(204);
    expect(outcomeOf(await again())).toEqual(closed);
    expect(outcomeOf(await world.call("POST", "/register", { body: { email, invite } }))).toEqual(closed);
    expect(created).toEqual([["admin"]]);
  });

  it("a user who was deleted does not come back with a second invitation", async () => {
    const { world, ask, created, twin } = await open(ground);
    const [finish, again] = [await ask(), await ask(twin)];
    const { token } = grantOf(await finish());
    expect((await world.call("DELETE", "/account", { bearer: token })).status).toBe(204);
    expect(outcomeOf(await again())).toEqual(closed);
    expect(outcomeOf(await world.call("POST", "/register", { body: { email, invite: twin } }))).toEqual(closed);
    expect(created).toEqual([["admin"]]);
  });

  it("a user whom the table has created does not come back with an invitation of before", async () => {
    const { world, rows, twin } = await open(ground);
    rows.push({ id: "id-9", login: email, email, roles: ["admin"] });
    const { token } = await world.login(email);
    expect((await world.call("DELETE", "/account", { bearer: token })).status).toBe(204);
    expect(outcomeOf(await world.call("POST", "/register", { body: { email, invite: twin } }))).toEqual(closed);
  });

  it("one of several registrations with one invitation at once creates a user", async () => {
    const { ask, created, rows } = await open(ground);
    const finishes = [await ask(), await ask(), await ask(), await ask()];
    const responses = await Promise.all(finishes.map((finish) => finish()));
    expect(responses.map(outcomeOf).sort()).toEqual([[200], closed, closed, closed]);
    expect([created, rows.length]).toEqual([[["admin"]], 1]);
  });

  it("an invitation that was taken back after the registration had begun creates no user", async () => {
    const { before, ask, created, list } = await open(ground);
    const finish = await ask();
    for (const { id } of await list()) await before.ampho.users.invitations.remove(id);
    expect(outcomeOf(await finish())).toEqual(closed);
    expect(created).toEqual([]);
  });

  describe("a table that creates no user", () => {
    it.each([
      ["has the login", async (): Promise<undefined> => undefined, [401, "transaction_over"]],
      ["fails", () => Promise.reject(new Error("the table is down")), [503, "unavailable"]],
    ] as const)("the invitation stays usable if the table %s", async (_, create, outcome) => {
      const { ask, table } = await open(ground);
      const [finish, again] = [await ask(), await ask()];
      table.create = create;
      expect(outcomeOf(await finish())).toEqual(outcome);
      table.create = async (user) => user;
      expect(claimsOf(grantOf(await again()).token)).toMatchObject({ roles: ["admin"] });
    });
  });
});
