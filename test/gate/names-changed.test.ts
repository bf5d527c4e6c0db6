// A new address that becomes the login name in the same step (docs/guides/mail-flows.md).
import { expect, it } from "vitest";
import type { ApplicationUser, ApplicationUsers } from "../../dist/index.js";
import { admission, type FullGrant, grantOf, password, type ReadResponse, type World } from "../world/ampho.js";
import { claimsOf, sessionOf } from "../world/tokens.js";
import { addPerson, begin, type Mailing, openMailing, over } from "./mailboxes.js";
import { onBothDatabases, outcomeOf } from "./owners.js";

const [before, after] = ["ann@x.example", "ann@new.example"];

/** Begins the change, and returns what finishes it. */
async function begun(world: Mailing, { token: bearer }: FullGrant, email = after) {
  const { transaction } = await begin(world, "/account/email", { email, login: true }, { bearer });
  return { transaction, code: (await world.mail("email", email)).code };
}

const finish = (world: World, { token: bearer }: FullGrant, body: object): Promise<ReadResponse> =>
  world.call("POST", "/account/email/finish", { bearer, body });

const logIn = (world: World, login: string) => world.call("POST", "/login", { body: { login, password } });

onBothDatabases((ground) => {
  it("a proven address becomes the login name too, and the session that asked goes on alone", async () => {
    const world = await openMailing(ground);
    const ann = await addPerson(world, before, password);
    const other = grantOf(await logIn(world, before));
    const body = await begun(world, ann);
    const changed = grantOf(await finish(world, ann, body));
    expect(claimsOf(changed.token)).toMatchObject({ login: after, sid: sessionOf(ann) });
    expect(claimsOf(grantOf(await world.renew(changed.refresh_token)).token)).toMatchObject({ login: after });
    for (const { token } of [ann, other]) expect(await admission(world.ampho, token)).toBe("invalid_token");
    expect((await world.renew(other.refresh_token)).status).toBe(401);
    expect(outcomeOf(await logIn(world, before))).toEqual([401, "invalid_credentials"]);
    const { token } = grantOf(await logIn(world, after));
    const account = await world.call("GET", "/account", { bearer: token });
    expect(account.json).toMatchObject({ login: after, email: after, email_proven: true });
    // A used code changes nothing again.
    expect(outcomeOf(await finish(world, changed, body))).toEqual(over);
  });

  it("the notice to the old address has no link", async () => {
    const world = await openMailing(ground);
    const ann = await addPerson(world, before, password);
    grantOf(await finish(world, ann, await begun(world, ann)));
    const { alarm, text } = await world.mail("email_changed", before);
    expect(alarm).toBe("");
    expect(text).toContain(`The address of your account ${before} at`);
    expect(await world.countMails("login_changed")).toBe(0);
    expect(await world.ampho.users.find(before)).toBeUndefined();
  });

  it("an address that another user takes meanwhile or at once is no login name of two users, in any spelling", async () => {
    const world = await openMailing(ground);
    const [ann, bob] = [await addPerson(world, before, password), await addPerson(world, "bob@x.example", password)];
    const first = await begun(world, ann);
    // A twin with full-width signs is the same address.
    const full = "ａnn＠new.example";
    const twin = await world.call("POST", "/account/email", { bearer: bob.token, body: { email: full, login: true } });
    expect([400, 429]).toContain(twin.status);
    const second = await begun(world, bob, after.toUpperCase().replace("NEW.EXAMPLE", "new.example"));
    const responses = await Promise.all([finish(world, ann, first), finish(world, bob, second)]);
    expect(responses.map(({ status }) => status).sort()).toEqual([200, 409]);
    expect(responses.map(({ error }) => error)).toContain("email_taken");
    const names = await ground.sql(world, "select login, email from ampho_users");
    expect(names.filter(({ login }) => String(login).toLowerCase() === after)).toHaveLength(1);
    // The loser has both names from before.
    const loser = responses[0].status === 200 ? "bob@x.example" : before;
    expect(names).toContainEqual({ login: loser, email: loser });
  });

  it("the transaction of one session is good for no other session, user or spent code", async () => {
    const world = await openMailing(ground);
    const ann = await addPerson(world, before, password);
    const bob = await addPerson(world, "bob@x.example", password);
    const other = grantOf(await logIn(world, before));
    const body = await begun(world, ann);
    for (const thief of [bob, other]) expect(outcomeOf(await finish(world, thief, body))).toEqual(over);
    const both = await Promise.all([finish(world, ann, body), finish(world, ann, body)]);
    expect(both.filter(({ status }) => status === 200)).toHaveLength(1);
    expect((await world.ampho.users.find("bob@x.example"))?.email).toBe("bob@x.example");
  });

  it("an own table gets the login name first, and one without setLogin offers no such change", async () => {
    const row = { id: "1", login: "ann", email: before };
    const calls: string[] = [];
    const users: ApplicationUsers<ApplicationUser> = {
      find: async (name) => ([row.login, row.email].includes(name) ? { ...row, emailProven: true } : undefined),
      findById: async (id) => (id === "1" ? { ...row, emailProven: true } : undefined),
      verify: async (_, given) => given === password,
      setEmail: async (_, email) => {
        calls.push("setEmail");
        row.email = email;
        return true;
      },
    };
    const none = await openMailing(ground, { users });
    const { token: bearer } = grantOf(await logIn(none, "ann"));
    const body = { email: after, login: true };
    expect((await none.call("POST", "/account/email", { bearer, body })).status).toBe(404);
    let isTaken = true;
    const setLogin = async (_: ApplicationUser, login: string) => {
      calls.push("setLogin");
      if (isTaken) return false;
      row.login = login;
      return true;
    };
    const world = await openMailing(ground, { users: { ...users, setLogin } });
    const ann = grantOf(await logIn(world, "ann"));
    const taken = await finish(world, ann, await begun(world, ann));
    expect([outcomeOf(taken), row]).toEqual([[409, "email_taken"], { id: "1", login: "ann", email: before }]);
    expect(await world.countMails("email_changed")).toBe(0);
    isTaken = false;
    const changed = grantOf(await finish(world, ann, await begun(world, ann)));
    expect(calls).toEqual(["setLogin", "setLogin", "setEmail"]);
    expect(claimsOf(changed.token)).toMatchObject({ login: after, sid: sessionOf(ann) });
    expect((await world.call("GET", "/session", { bearer: changed.token })).status).toBe(200);
    expect((await world.mail("email_changed", before)).alarm).toBe("");
    expect(row).toMatchObject({ login: after, email: after });
  });
});
