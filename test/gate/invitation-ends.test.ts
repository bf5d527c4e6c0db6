// A user who has lost the account, the address or a role, with another invitation for an address that was theirs.
import { expect, it } from "vitest";
import { grantOf, password } from "../world/ampho.js";
import { claimsOf } from "../world/tokens.js";
import { begin, type Mailing, openMailing } from "./mailboxes.js";
import { onBothDatabases, outcomeOf } from "./owners.js";

const email = "ann@x.example";
const closed = [403, "registration_closed"];

const invited = async (world: Mailing, to = email) => {
  await world.ampho.users.invite({ email: to, roles: ["admin"] });
  return (await world.mail("invite", to)).invite;
};

const asked = (world: Mailing, invite: string) => world.call("POST", "/register", { body: { email, invite } });

async function join(world: Mailing, invite: string) {
  const { transaction } = await begin(world, "/register", { email, invite });
  const { code } = await world.mail("register", email);
  return grantOf(await world.call("POST", "/register/finish", { body: { transaction, code, password } }));
}

async function move(world: Mailing, bearer: string, to: string) {
  const { transaction } = await begin(world, "/account/email", { email: to }, { bearer });
  const { code } = await world.mail("email", to);
  const response = await world.call("POST", "/account/email/finish", { bearer, body: { transaction, code } });
  return grantOf(response).token;
}

onBothDatabases((ground) => {
  it("a user who has lost the role has no invitation that gives it back", async () => {
    const world = await openMailing(ground, { registration: "invite" });
    const invites = [await invited(world), await invited(world)];
    await join(world, invites[0] ?? "");
    await world.ampho.users.setRoles(email, []);
    for (const { used, removed } of await world.ampho.users.invitations.list())
      expect(used ?? removed).toBeTypeOf("number");
    for (const invite of invites) expect(outcomeOf(await asked(world, invite))).toEqual(closed);
  });

  it.each([
    ["is deleted", (world: Mailing) => world.ampho.users.remove("ann")],
    ["loses a role", (world: Mailing) => world.ampho.users.setRoles("ann", [])],
    [
      "gets another address",
      (world: Mailing) => world.ampho.users.setEmail("ann", "ann@elsewhere.example", { reason: "ticket 4711" }),
    ],
    ["loses the address", (world: Mailing) => world.ampho.users.setEmail("ann", undefined, { reason: "ticket 4711" })],
  ] as const)("an invitation that was never used ends when the user with its address %s", async (_, lose) => {
    const world = await openMailing(ground, { registration: "invite" });
    const invite = await invited(world);
    await world.ampho.users.create({ login: "ann", email, password, roles: ["admin"] });
    await lose(world);
    if (await world.ampho.users.find("ann")) await world.ampho.users.remove("ann");
    expect(outcomeOf(await asked(world, invite))).toEqual(closed);
  });

  it("a user who has moved to another address and is deleted does not register with the second invitation", async () => {
    const world = await openMailing(ground, { registration: "invite" });
    const [first, second] = [await invited(world), await invited(world)];
    const { token } = await join(world, first);
    await move(world, token, "ann@elsewhere.example");
    await world.ampho.users.remove(email);
    world.clock.advance(61);
    expect(outcomeOf(await asked(world, second))).toEqual(closed);
  });

  it("a registration that was begun with the second invitation creates no user", async () => {
    const world = await openMailing(ground, { registration: "invite" });
    const [first, second] = [await invited(world), await invited(world)];
    const { transaction } = await begin(world, "/register", { email, invite: second });
    const { code } = await world.mail("register", email);
    await join(world, first);
    await world.ampho.users.remove(email);
    const finish = await world.call("POST", "/register/finish", { body: { transaction, code, password } });
    expect(outcomeOf(finish)).toEqual(closed);
  });

  it("one of two users who join with two invitations for one address at once gets the account", async () => {
    const world = await openMailing(ground, { registration: "invite" });
    const invites = [await invited(world), await invited(world)];
    const begun = [];
    for (const invite of invites) {
      const { transaction } = await begin(world, "/register", { email, invite });
      begun.push({ transaction, code: (await world.mail("register", email)).code, password });
    }
    const finish = (body: object) => world.call("POST", "/register/finish", { body });
    const responses = await Promise.all(begun.map(finish));
    expect(responses.map(({ status }) => status).filter((status) => status === 200)).toHaveLength(1);
    expect((await world.ampho.users.invitations.list()).map(({ used }) => used === null)).toEqual([false, false]);
  });

  it("an invitation for the address of another user stays", async () => {
    const world = await openMailing(ground, { registration: "invite" });
    const invite = await invited(world);
    await world.ampho.users.create({ login: "bob@x.example", password, roles: ["admin"] });
    await world.ampho.users.setRoles("bob@x.example", []);
    await world.ampho.users.remove("bob@x.example");
    expect(claimsOf((await join(world, invite)).token)).toMatchObject({ roles: ["admin"] });
  });
});
