// The alarm link of a notice against everything that a thief can have before it. An alarm closes an account, and gives
// nothing: not to a thief of the mailbox, and not to a thief of the password.
import { describe, expect, it } from "vitest";
import type { AmphoOptions, ApplicationUser, ApplicationUsers } from "../../dist/index.js";
import { createSubject } from "../factors/webauthn/authenticator.js";
import { admission, type FullGrant, grantOf, password, type World } from "../world/ampho.js";
import { claimsOf } from "../world/tokens.js";
import {
  addPerson,
  askedReset,
  begin,
  finishReset,
  logInBy,
  type Mailing,
  newPassword,
  openMailing,
  raiseAlarm,
} from "./mailboxes.js";
import { codeAt, type Ground, logIn, onBothDatabases, outcomeOf, setUp, wrong } from "./owners.js";
import { addPasskey, passkeySettings } from "./passkey-owners.js";

const ann = "ann@x.example";
const settled = [409, "settled"];

interface Person extends ApplicationUser {
  login: string;
  email: string;
  password: string | undefined;
}

/** An application's own table, which has every function. */
function ownTable(): ApplicationUsers<Person> {
  const rows: Person[] = [];
  return {
    find: async (login) => rows.find((row) => row.login === login || row.email === login),
    findById: async (id) => rows.find((row) => row.id === id),
    verify: async (user, given) => user.password === given,
    async setPassword(user, given) {
      user.password = given;
    },
    async setEmail(user, email) {
      user.email = email;
      return true;
    },
    async create({ login, email, password: given }) {
      const user = { id: `id of ${login}`, login, email, emailProven: true, password: given };
      rows.push(user);
      return user;
    },
    async remove(user) {
      rows.splice(rows.indexOf(user), 1);
    },
  };
}

async function confirmApp(world: World, grant: FullGrant) {
  const { secret, transaction } = await setUp(world, grant.token);
  const body = { transaction, totp: codeAt(secret, world.clock.now()) };
  return { secret, grant: grantOf(await world.call("POST", "/totp/confirm", { bearer: grant.token, body })) };
}

/** The factors that the owner has confirmed. */
const confirmAll = async (ground: Ground, world: World, confirmed = 1) => {
  for (const table of ["ampho_totp", "ampho_passkeys"])
    await ground.sql(world, `update ${table} set confirmed = ${confirmed}`);
};

const factorsOf = async (ground: Ground, world: World) => {
  const [row] = await ground.sql(world, "select factors from ampho_accounts where factors <> '[]'");
  return row?.["factors"];
};

async function changeAddress(world: Mailing, bearer: string, email: string) {
  const { transaction } = await begin(world, "/account/email", { email }, { bearer });
  const { code } = await world.mail("email");
  return grantOf(await world.call("POST", "/account/email/finish", { bearer, body: { transaction, code } }));
}

/** Signs in a second later, so that the session is not the one of the registration. */
async function enter(world: Mailing, more: object = {}): Promise<FullGrant> {
  world.clock.advance(31);
  return grantOf(await logIn(world, ann, { ...more }));
}

onBothDatabases((ground) => {
  describe.each(["the database", "an application's own table"])("an alarm of users of %s", (where) => {
    const open = (options: AmphoOptions = {}) =>
      openMailing(ground, where === "the database" ? options : { users: ownTable(), ...options });

    it("an alarm ends the sessions of an account without a second factor, and rejects its password until a new one is set", async () => {
      const world = await open();
      await addPerson(world, ann, password);
      const thief = await enter(world);
      const { alarm, text } = await world.mail("new_device", ann);
      expect(text).toContain("signs out all devices");
      expect((await raiseAlarm(world, alarm)).status).toBe(204);
      expect(await admission(world.ampho, thief.token)).toBe("invalid_token");
      expect((await world.renew(thief.refresh_token)).error).toBe("session_ended");
      world.clock.advance(5);
      const [frozen, bad] = [await logIn(world, ann), await logIn(world, ann, { password: "another one" })];
      expect([frozen.status, frozen.text]).toEqual([bad.status, bad.text]);
      expect(outcomeOf(frozen)).toEqual(wrong);
      const { link } = await world.mail("alarm_reset", ann);
      expect(outcomeOf(await finishReset(world, { link }))).toEqual([204]);
      world.clock.advance(120);
      expect(outcomeOf(await logIn(world, ann))).toEqual(wrong);
      expect((await logIn(world, ann, { password: newPassword })).status).toBe(200);
    });

    it("the alarm closes the account of a table that finds users by their login alone, also without a session", async () => {
      const { findById: _, ...users } = ownTable();
      const world = await open({ users, apiKeys: 5, scopes: { "*": ["read"] } });
      await addPerson(world, ann, password);
      const thief = await enter(world);
      expect((await world.call("DELETE", "/sessions", { bearer: thief.token })).status).toBe(204);
      const { alarm } = await world.mail("new_device", ann);
      expect((await raiseAlarm(world, alarm)).status).toBe(204);
      const { link } = await world.mail("alarm_reset", ann);
      expect(outcomeOf(await logIn(world, ann))).toEqual([401, "invalid_credentials"]);
      expect(outcomeOf(await finishReset(world, { link }))).toEqual([204]);
    });

    it("the alarm closes what has the id of a user whom a table without findById finds no more", async () => {
      const rows: Person[] = [];
      const { findById: _, ...table } = ownTable();
      const users = { ...table, find: async (login: string) => rows[0] ?? table.find(login) };
      const world = await open({ users, apiKeys: 5, scopes: { "*": ["read"] } });
      await addPerson(world, ann, password);
      const thief = await enter(world);
      const made = await world.call("POST", "/api-keys", {
        bearer: thief.token,
        body: { name: "k", scopes: ["read"] },
      });
      const { alarm } = await world.mail("new_device", ann);
      await world.call("POST", "/logout", { bearer: thief.token });
      rows.push({ id: "another", login: "another", email: "a@x.example", emailProven: true, password: undefined });
      expect((await raiseAlarm(world, alarm)).status).toBe(204);
      rows.pop();
      expect(made.status).toBe(201);
      expect(await ground.sql(world, "select id from ampho_api_keys")).toEqual([]);
      expect(outcomeOf(await logIn(world, ann))).toEqual([401, "invalid_credentials"]);
    });

    it("a thief of the password who tries it 1 000 times voids no reset of the owner", async () => {
      const world = await open({
        throttleAttempts: 10_000,
        throttleLock: 10_000,
        throttleAddress: 0,
      });
      await addPerson(world, ann, password);
      await enter(world);
      const { alarm } = await world.mail("new_device", ann);
      expect((await raiseAlarm(world, alarm)).status).toBe(204);
      const { link } = await world.mail("alarm_reset", ann);
      const rounds = where === "the database" ? 40 : 1_000;
      for (let at = 0; at < rounds; at += 1) {
        const { status, json } = await logIn(world, ann);
        expect([status, json["token"]]).toEqual([401, undefined]);
      }
      expect(outcomeOf(await finishReset(world, { link }))).toEqual([204]);
    });

    it.each(["optional", "required", "phr"] as const)(
      "every alarm by the mailbox alone takes no second factor, with the policy %s, and its reset asks for one",
      async (policy) => {
        const world = await open({ ...passkeySettings, factors: {} });
        const owner = await addPerson(world, ann, password);
        const { grant } = await confirmApp(world, owner);
        const { alarm: ofApp } = await world.mail("factor_added", ann);
        world.clock.advance(60);
        await addPasskey(world, grant.token, createSubject(-7));
        const { alarm: ofPasskey } = await world.mail("factor_added", ann);
        await world.ampho.factors.setPolicy(String(claimsOf(owner.token)["sub"]), policy);
        const before = await factorsOf(ground, world);
        await confirmAll(ground, world);
        for (const alarm of [ofPasskey, ofApp]) {
          expect((await raiseAlarm(world, alarm)).status).toBe(204);
          const mailed = await world.mail("alarm_reset", ann);
          expect(outcomeOf(await finishReset(world, { link: mailed.link }))).toEqual([401, "factor_needed"]);
        }
        expect(await factorsOf(ground, world)).toEqual(before);
        const { transaction, mail } = await askedReset(world, ann);
        expect(outcomeOf(await finishReset(world, { transaction, code: mail.code }))).toEqual([401, "factor_needed"]);
        // The password stays good, against a mailbox that is not the owner's any more.
        expect(outcomeOf(await logIn(world, ann))).toEqual([401, "factor_needed"]);
      },
    );

    it("factors that were never confirmed end, but for the eldest", async () => {
      const world = await open(passkeySettings);
      const owner = await addPerson(world, ann, password);
      const { grant } = await confirmApp(world, owner);
      await world.mail("factor_added", ann);
      world.clock.advance(60);
      await addPasskey(world, grant.token, createSubject(-7));
      const { alarm } = await world.mail("factor_added", ann);
      await confirmAll(ground, world, 0);
      expect((await raiseAlarm(world, alarm)).status).toBe(204);
      expect(await factorsOf(ground, world)).toBe('["totp","recovery_code"]');
      expect(outcomeOf(await logIn(world, ann))).toEqual([401, "factor_needed"]);
    });

    it("the eldest passkey stays of the factors that were never confirmed, where the policy asks for one", async () => {
      const world = await open(passkeySettings);
      const owner = await addPerson(world, ann, password);
      const { grant } = await confirmApp(world, owner);
      await world.mail("factor_added", ann);
      world.clock.advance(60);
      await addPasskey(world, grant.token, createSubject(-7));
      await world.ampho.factors.setPolicy(String(claimsOf(owner.token)["sub"]), "phr");
      const { alarm } = await world.mail("factor_added", ann);
      await confirmAll(ground, world, 0);
      expect((await raiseAlarm(world, alarm)).status).toBe(204);
      expect(await factorsOf(ground, world)).toBe('["passkey"]');
    });

    it("a confirmed app stays at a reset of the next day, and the reset asks for it", async () => {
      const world = await open();
      const owner = await addPerson(world, ann, password);
      const { secret } = await confirmApp(world, owner);
      await confirmAll(ground, world);
      world.clock.advance(86_400);
      const { transaction, mail } = await askedReset(world, ann);
      const totp = () => codeAt(secret, world.clock.now());
      expect(outcomeOf(await finishReset(world, { transaction, code: mail.code, totp: totp() }))).toEqual([204]);
      world.clock.advance(60);
      const again = await logIn(world, ann, { password: newPassword, totp: totp() });
      expect(again.status, again.text).toBe(200);
    });

    it("a thief of the password and a thief of the mailbox are both kept out of an account with a factor", async () => {
      const world = await open();
      const owner = await addPerson(world, ann, password);
      await confirmApp(world, owner);
      await confirmAll(ground, world);
      const { alarm } = await world.mail("factor_added", ann);
      expect((await raiseAlarm(world, alarm)).status).toBe(204);
      expect(outcomeOf(await logIn(world, ann))).toEqual([401, "factor_needed"]);
      const { link } = await world.mail("alarm_reset", ann);
      expect(outcomeOf(await finishReset(world, { link }))).toEqual([401, "factor_needed"]);
      const { transaction } = await begin(world, "/login/mail", { login: ann });
      const { code } = await world.mail("login", ann);
      expect(outcomeOf(await logInBy(world, { transaction, code }))).toEqual([401, "factor_needed"]);
    });

    it("a former mailbox gets no link, and its earlier links change nothing", async () => {
      const world = await open({ mailContact: "help@x.example" });
      const owner = await addPerson(world, ann, password);
      const moved = await changeAddress(world, owner.token, "ann@new.example");
      const last = await world.mail("email_changed", ann);
      expect(last.alarm).toBe("");
      expect(last.text).toContain("This is the last mail to this address.");
      expect(last.text).toContain("write to help@x.example");
      const { token } = grantOf(await logIn(world, ann));
      await world.mail("new_device", "ann@new.example");
      const body = { password, new_password: newPassword };
      const session = grantOf(await world.call("POST", "/password", { bearer: token, body }));
      const { alarm } = await world.mail("password_changed", "ann@new.example");
      world.clock.advance(61);
      await changeAddress(world, session.token, "ann@third.example");
      await world.mail("email_changed", "ann@new.example");
      const kept = await enter(world, { password: newPassword });
      for (let use = 0; use < 3; use += 1) expect(outcomeOf(await raiseAlarm(world, alarm))).toEqual(settled);
      expect(await admission(world.ampho, kept.token)).toBe("in");
      expect((await world.events()).filter((event) => event === "alarm_settled")).toHaveLength(1);
      expect(moved.token).toBeTruthy();
    });

    it("a request without the change that the notice reported, or with another one, changes nothing", async () => {
      const world = await open();
      await addPerson(world, ann, password);
      const live = await enter(world);
      const { alarm } = await world.mail("new_device", ann);
      for (const body of [{ alarm }, { alarm, change: "" }, { alarm, change: "factor_added" }])
        expect(outcomeOf(await world.call("POST", "/alarm", { body }))).toEqual([400, "invalid_request"]);
      expect(await admission(world.ampho, live.token)).toBe("in");
      expect((await raiseAlarm(world, alarm)).status).toBe(204);
      expect(await admission(world.ampho, live.token)).toBe("invalid_token");
    });

    it("20 alarms at once act once, and a second use has no effect", async () => {
      const world = await open();
      await addPerson(world, ann, password);
      await enter(world);
      const { alarm } = await world.mail("new_device", ann);
      const raised = await Promise.all(Array.from({ length: 20 }, () => raiseAlarm(world, alarm)));
      expect(new Set(raised.map(({ status }) => status))).toEqual(new Set([204]));
      expect((await world.events()).filter((event) => event === "alarm")).toHaveLength(1);
      expect(await world.countMails("alarm_reset")).toBe(1);
      const { link } = await world.mail("alarm_reset", ann);
      expect(outcomeOf(await finishReset(world, { link }))).toEqual([204]);
      const after = await enter(world, { password: newPassword });
      expect((await raiseAlarm(world, alarm)).status).toBe(204);
      expect(await admission(world.ampho, after.token)).toBe("in");
    });

    it("five of 20 alarms a day work, and a user with a factor signs in", async () => {
      const world = await open();
      const owner = await addPerson(world, ann, password);
      const { secret } = await confirmApp(world, owner);
      await confirmAll(ground, world);
      await world.mail("factor_added", ann);
      const outcomes: unknown[] = [];
      for (let at = 0; at < 20; at += 1) {
        world.clock.advance(3_700);
        await enter(world, { totp: codeAt(secret, world.clock.now() + 31) });
        const { alarm } = await world.mail("new_device", ann);
        outcomes.push((await raiseAlarm(world, alarm)).status);
      }
      expect(outcomes).toEqual([...Array(5).fill(204), ...Array(15).fill(429)]);
      expect((await enter(world, { totp: codeAt(secret, world.clock.now() + 31) })).token).toBeTruthy();
      expect(await world.countMails("alarm_reset")).toBe(5);
    });

    it("the alarm of a deletion is recorded for operators, and brings nothing back", async () => {
      const world = await open();
      const { token } = await addPerson(world, ann, password);
      const id = claimsOf(token)["sub"];
      expect((await world.call("DELETE", "/account", { bearer: token })).status).toBe(204);
      const { alarm } = await world.mail("account_deleted", ann);
      expect((await raiseAlarm(world, alarm)).status).toBe(204);
      const last = (await world.ampho.audit.list()).filter(({ event }) => event === "alarm").at(-1);
      expect(last).toMatchObject({ userId: id });
      expect(await ground.sql(world, "select user_id from ampho_accounts")).toEqual([]);
    });
  });

  it("an alarm gives no login name back, so the account that has taken it keeps it", async () => {
    const world = await openMailing(ground);
    const { token } = await addPerson(world, ann, password);
    const rename = async (bearer: string, login: string) =>
      outcomeOf(await world.call("POST", "/account/login", { bearer, body: { login } }));
    const named = "ann";
    expect(await rename(token, named)).toEqual([204]);
    const second = grantOf(await logInBy(world, { login: named, password }));
    world.clock.advance(61);
    expect(await rename(second.token, "anna")).toEqual([204]);
    const bob = await addPerson(world, "bob@x.example", password);
    expect(await rename(bob.token, named)).toEqual([204]);
    const bobs = grantOf(await logInBy(world, { login: named, password }));
    const names = () => ground.sql(world, "select id, login, canonical, email from ampho_users order by id");
    const before = await names();
    for (let at = 0; at < 2; at += 1) {
      const { alarm } = await world.mail("login_changed", ann);
      expect((await raiseAlarm(world, alarm)).status).toBe(204);
    }
    expect(await names()).toEqual(before);
    expect(await admission(world.ampho, bobs.token)).toBe("in");
    expect((await logInBy(world, { login: named, password })).status).toBe(200);
  });
});
