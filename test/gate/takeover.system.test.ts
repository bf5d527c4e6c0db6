// Attempts to keep an account that its owner has taken back, and to take over one that is not proven yet.
import bcrypt from "bcryptjs";
import { describe, expect, it } from "vitest";
import type { ApplicationUser } from "../../dist/index.js";
import { admission, type FullGrant, grantOf, password, type World } from "../world/ampho.js";
import { claimsOf } from "../world/tokens.js";
import { pause } from "../world/wait.js";
import {
  addPerson,
  asked,
  askedReset,
  begin,
  finishReset,
  logInBy,
  type Mailing,
  newPassword,
  openMailing,
  raiseAlarm,
} from "./mailboxes.js";
import { codeOf, link, openOutside, signIn } from "./outside.js";
import { addOwner, codeAt, fullLogin, logIn, onBothDatabases, outcomeOf, setUp } from "./owners.js";
import { addPasskeyOwner, logInWith, passkeyLogin, passkeySettings } from "./passkey-owners.js";

const address = "ann@example.org";

/** A user whom the sign-up of an application has created, with an address that is not proven. */
const unproven = (world: World) => world.ampho.users.create({ login: "mallory", password, email: address });

async function confirmApp(world: World, grant: FullGrant) {
  const { secret, transaction } = await setUp(world, grant.token);
  const body = { transaction, totp: codeAt(secret, world.clock.now()) };
  return { secret, grant: grantOf(await world.call("POST", "/totp/confirm", { bearer: grant.token, body })) };
}

onBothDatabases((ground) => {
  it("a login with a code of the former mailbox that runs beside a change of the address does not live on", async () => {
    const world = await openMailing(ground);
    await addPerson(world, address, password);
    for (let at = 0; at < 12; at++) {
      world.clock.advance(3600);
      const { transaction, mail } = await asked(world, address);
      const running = logInBy(world, { transaction, code: mail.code });
      await pause(at);
      await world.ampho.users.setEmail(address, `ann${at}@example.org`, { reason: "The user has called." });
      const { status, json } = await running;
      if (status === 200) expect(await admission(world.ampho, String(json["token"]))).toBe("invalid_token");
      await world.ampho.users.setEmail(address, address, { reason: "The user has called." });
    }
  });

  describe("the first proof of an address", () => {
    it("a first proof by a mailed code ends the sessions, the password, and what sessions have added", async () => {
      const world = await openMailing(ground);
      const { id } = await unproven(world);
      const attacker = await world.login("mallory");
      const { transaction, mail } = await asked(world, "mallory");
      expect(mail.to).toBe(address);
      const victim = grantOf(await logInBy(world, { transaction, code: mail.code }));
      expect(await admission(world.ampho, attacker.token)).toBe("invalid_token");
      expect((await world.renew(attacker.refresh_token)).error).toBe("session_ended");
      expect(outcomeOf(await logIn(world, "mallory"))).toEqual([401, "invalid_credentials"]);
      expect(await admission(world.ampho, victim.token)).toBe("in");
      expect((await world.ampho.sessions.list(id)).map(({ amr }) => amr)).toEqual([["mail"]]);
      const set = await world.call("POST", "/password", { bearer: victim.token, body: { new_password: newPassword } });
      expect(await admission(world.ampho, grantOf(set).token)).toBe("in");
    });

    it("a first proof keeps the password that an operator has set, and ends the sessions", async () => {
      const world = await openMailing(ground);
      await unproven(world);
      await ground.sql(world, "update ampho_users set password_by_operator = 1");
      const before = await world.login("mallory");
      const { transaction, mail } = await asked(world, "mallory");
      grantOf(await logInBy(world, { transaction, code: mail.code }));
      expect(await admission(world.ampho, before.token)).toBe("invalid_token");
      expect((await logIn(world, "mallory")).status).toBe(200);
    });

    it("a first proof ends the app, the identity and the password of an import that has not proven the address", async () => {
      const outside = await openOutside(ground, { options: { mailLogin: true, throttleAttempts: 1_000_000 } });
      const { world } = outside;
      const secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
      const hash = await bcrypt.hash(password, 4);
      const line = { login: "mallory", email: address, password_hash: hash, totp_secret: secret };
      const identities = [{ provider: "acme", subject: "evil" }];
      await world.ampho.users.import([JSON.stringify({ ...line, identities })]);
      const begun = await begin(world, "/login/mail", { login: "mallory" });
      const code = (await codeOf(outside, address)).replaceAll(" ", "");
      // The factor of the stranger is not asked for.
      const owner = grantOf(await logInBy(world, { transaction: begun.transaction, code }));
      expect(await world.ampho.factors.list(String(claimsOf(owner.token)["sub"]))).toMatchObject({ factors: [] });
      expect((await signIn(outside, { claims: { sub: "evil" } })).status).not.toBe(200);
      expect(outcomeOf(await logIn(world, "mallory"))).toEqual([401, "invalid_credentials"]);
    });

    it("an import that has proven the address keeps its app, and a reset asks for it", async () => {
      const world = await openMailing(ground);
      const secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
      const line = { login: "mallory", email: address, email_proven: true, totp_secret: secret };
      await world.ampho.users.import([JSON.stringify({ ...line, password_hash: await bcrypt.hash(password, 4) })]);
      const { transaction, mail } = await askedReset(world, "mallory");
      expect(outcomeOf(await finishReset(world, { transaction, code: mail.code }))).toEqual([401, "factor_needed"]);
    });

    it("the owner of a mailbox resets an account that a stranger has opened with the address and another login", async () => {
      const world = await openMailing(ground);
      await unproven(world);
      const { transaction, mail } = await askedReset(world, address);
      expect(mail.text).toContain("your account mallory at");
      expect(outcomeOf(await finishReset(world, { transaction, code: mail.code }))).toEqual([204]);
      expect(outcomeOf(await logIn(world, "mallory"))).toEqual([401, "invalid_credentials"]);
      expect((await logIn(world, "mallory", { password: newPassword })).status).toBe(200);
    });

    it("a reset goes to the proven address before the login of another user, and to the login before an address that is not proven", async () => {
      const world = await openMailing(ground);
      await addPerson(world, address, password);
      await world.ampho.users.create({ login: "bob", password, email: "bob@example.org" });
      const taken = await askedReset(world, address);
      expect([taken.mail.to, taken.mail.text]).toEqual([address, expect.stringContaining(`account ${address} at`)]);
      const by = await asked(world, "bob");
      expect(by.mail.to).toBe("bob@example.org");
    });

    it("a mail is in the language of the last code that the user has used, and not of the request for it", async () => {
      const world = await openMailing(ground);
      const inGerman = { headers: { "accept-language": "de" } };
      const { transaction } = await begin(world, "/register", { email: address }, inGerman);
      const { code } = await world.mail("register");
      const body = { transaction, code, password };
      grantOf(await world.call("POST", "/register/finish", { body, ...inGerman }));
      await world.login(address);
      expect((await world.mail("new_device")).language).toBe("de");
      const asking = await begin(
        world,
        "/password/reset",
        { login: address },
        { headers: { "accept-language": "fr" } },
      );
      const mail = await world.mail("reset");
      expect(mail.language).toBe("de");
      const french = { headers: { "accept-language": "fr" } };
      const reset = { transaction: asking.transaction, code: mail.code, new_password: newPassword };
      expect((await world.call("POST", "/password/reset/finish", { body: reset, ...french })).status).toBe(204);
      expect((await askedReset(world, address)).mail.language).toBe("fr");
    });

    it("a thief's request selects no language of a notice or a confirmation, but a login code has that of its request", async () => {
      const world = await openMailing(ground, { mailLogin: true });
      await addPerson(world, address, password);
      await ground.sql(world, "update ampho_accounts set language = null");
      world.clock.advance(301);
      const french = { headers: { "accept-language": "fr" } };
      const login = () => world.call("POST", "/login", { body: { login: address, password }, ...french });
      const { token: bearer } = grantOf(await login());
      expect((await world.mail("new_device")).language).toBe("en");
      const confirming = { bearer, body: { change: "first_factor" }, ...french };
      expect((await world.callOnce("POST", "/account/confirm", confirming)).status).toBe(200);
      expect((await world.mail("confirm")).language).toBe("en");
      const moving = { bearer, body: { email: "eve@new.example", later: true }, ...french };
      expect((await world.callOnce("POST", "/account/email", moving)).status).toBe(200);
      expect((await world.mail("email_leaving")).language).toBe("en");
      await begin(world, "/login/mail", { login: address }, french);
      expect((await world.mail("login")).language).toBe("fr");
    });

    it("a first proof keeps the account of a user who proves the password too", async () => {
      const outside = await openOutside(ground, { options: { mailLogin: true } });
      const { world } = outside;
      const { id } = await unproven(world);
      const before = await world.login("mallory");
      const needed = await signIn(outside, { claims: { sub: "google", email: address, email_verified: true } });
      expect(needed.error).toBe("link_needed");
      const body = { transaction: needed.json["transaction"], login: "mallory", password };
      expect((await world.call("POST", "/login", { body })).status).toBe(200);
      expect(await admission(world.ampho, before.token)).toBe("in");
      expect(await world.ampho.identities.list(id)).toHaveLength(1);
    });

    it("a first proof unlinks the identity that the person before had linked", async () => {
      const mails: Mailing["mails"] = [];
      const outside = await openOutside(ground, {
        options: {
          appUrl: "https://example.org/",
          mailLogin: true,
          mail: async (message) => void mails.push(message),
        },
      });
      const world = { ...outside.world, mails } as unknown as Mailing;
      const { id } = await unproven(world);
      const attacker = await world.login("mallory");
      expect((await link(outside, attacker.token, { claims: { sub: "evil" } })).status).toBe(200);
      const { transaction } = await begin(world, "/login/mail", { login: "mallory" });
      await expect.poll(() => mails.some(({ kind }) => kind === "login")).toBe(true);
      const code = /^\d\d \d\d \d\d \d\d$/m.exec(mails.find(({ kind }) => kind === "login")?.text ?? "")?.[0];
      expect((await logInBy(world, { transaction, code })).status).toBe(200);
      expect(await world.ampho.identities.list(id)).toEqual([]);
      expect((await signIn(outside, { claims: { sub: "evil" } })).status).not.toBe(200);
    });
  });

  describe("a role whose policy asks for more", () => {
    it("a strict role does not reach a session by password alone at its renewal", async () => {
      const world = await ground.open({ factors: { admin: "required" } });
      const user = await world.user("ann", { password });
      const weak = await world.login("ann");
      const second = await world.another({ factors: { "*": "required" } });
      expect((await second.renew(weak.refresh_token)).error).toBe("session_ended");
      expect(await world.ampho.sessions.list(user.id)).toEqual([]);
      expect((await world.events()).at(-1)).toBe("renew_rejected: policy");
    });

    it("a strict role ends weaker sessions as soon as it is given, and keeps those that reach it", async () => {
      const world = await ground.open({ factors: { admin: "required" } });
      const ann = await addOwner(world, "ann");
      const { device } = await fullLogin(world, ann, { remember: true });
      const strong = await fullLogin(world, ann);
      const remembered = grantOf(await logIn(world, "ann", { device }));
      await world.ampho.users.setRoles("ann", { add: ["admin"] });
      expect(await admission(world.ampho, ann.weak.token)).toBe("invalid_token");
      expect(await admission(world.ampho, strong.token)).toBe("in");
      expect(await admission(world.ampho, remembered.token)).toBe("in");
      await world.ampho.factors.setPolicy(ann.id, "phr");
      for (const { token } of [strong, remembered]) expect(await admission(world.ampho, token)).toBe("invalid_token");
    });

    it("a strict role comes to no session of an application's own table by a renewal", async () => {
      let roles: readonly string[] = [];
      const user = (): ApplicationUser => ({ id: "1", login: "ann", roles });
      const world = await ground.open({
        factors: { admin: "phr" },
        users: {
          find: async () => user(),
          findById: async () => user(),
          verify: async (_, given) => given === password,
        },
      });
      const weak = await world.login("ann");
      const renewed = grantOf(await world.renew(weak.refresh_token));
      roles = ["admin"];
      const { authorize } = world.ampho;
      const guarded = authorize({ roles: ["admin"], live: true }, () => new Response());
      const headers = { authorization: `Bearer ${renewed.token}` };
      expect((await guarded(new Request("https://app.example/", { headers }))).status).toBe(401);
      // A weaker policy of the user takes the place of that of the roles, for a reason.
      await world.ampho.factors.setPolicy("1", "optional", { reason: "A robot." });
      expect((await guarded(new Request("https://app.example/", { headers }))).status).toBe(200);
      await world.ampho.factors.setPolicy("1", "default");
      // The application vouches for a session that it has created.
      const created = await world.ampho.sessions.create("1", { authTime: world.clock.now() });
      const vouched = new Request("https://app.example/", { headers: { authorization: `Bearer ${created.token}` } });
      expect((await guarded(vouched)).status).toBe(200);
      await world.ampho.sessions.end(claimsOf(created.token)["sid"] as string);
      expect((await world.renew(renewed.refresh_token)).error).toBe("session_ended");
      expect(await world.ampho.sessions.list("1")).toEqual([]);
    });

    it("a strict role that is given while a login runs comes to no session that has proven less", async () => {
      const world = await ground.open({ factors: { admin: "required" } });
      const ann = await world.user("ann", { password });
      for (let at = 0; at < 12; at++) {
        await world.ampho.users.setRoles("ann", []);
        const running = Array.from({ length: 3 }, () => logIn(world, "ann"));
        await pause(10 * at);
        await world.ampho.users.setRoles("ann", ["admin"]);
        for (const { status, json } of await Promise.all(running)) {
          if (status === 200) expect(await admission(world.ampho, String(json["token"]))).toBe("invalid_token");
          else expect(json["error"]).toBe("factor_needed");
        }
        expect(await world.ampho.sessions.list(ann.id)).toEqual([]);
      }
    });

    it("a strict policy leaves a session that the application has created, until the role is given", async () => {
      const world = await ground.open({ factors: { "*": "required" } });
      const user = await world.user("ann");
      const created = await world.session(user);
      expect((await world.renew(created.refresh_token)).status).toBe(200);
      await world.ampho.users.setRoles("ann", { add: ["editor"] });
      expect(await world.ampho.sessions.list(user.id)).toEqual([]);
    });
  });

  it("an address that an application's own table has not proven leads no other person into the account", async () => {
    const row = { id: "1", login: "mallory", email: address, emailProven: false };
    const outside = await openOutside(ground, {
      options: {
        mailLogin: true,
        users: { find: async () => row, findById: async () => row, verify: async (_, given) => given === password },
      },
      acme: { domains: ["example.org"] },
    });
    const { world, mails } = outside;
    await world.login("mallory");
    const claims = { sub: "victim", email: address, email_verified: true };
    expect((await signIn(outside, { claims })).error).toBe("link_needed");
    await begin(world, "/login/mail", { login: address });
    expect(await ground.sql(world, "select address from ampho_mail where kind in ('login', 'identity')")).toEqual([]);
    row.emailProven = true;
    expect((await signIn(outside, { claims })).status).toBe(200);
    expect(mails.filter(({ kind }) => kind === "login")).toEqual([]);
  });

  it("an id that is used again inherits nothing of the former user", async () => {
    const rows = new Map<string, ApplicationUser & { readonly given: string | undefined }>();
    const world = await openMailing(ground, {
      users: {
        find: async (login) => [...rows.values()].find((row) => row.login === login || row.email === login),
        findById: async (id) => rows.get(id),
        verify: async ({ id }, given) => rows.get(id)?.given === given,
        // As `integer primary key` of SQLite without AUTOINCREMENT.
        create: async ({ login, email, password: given }) => {
          const row = { id: String(rows.size + 1), login, email, emailProven: true, given };
          rows.set(row.id, row);
          return row;
        },
      },
    });
    const former = await addPerson(world, "former@example.org", password);
    const { secret, grant } = await confirmApp(world, former);
    const { alarm } = await world.mail("factor_added", "former@example.org");
    rows.clear();
    world.clock.advance(60);
    const victim = await addPerson(world, "victim@example.org", password);
    expect(claimsOf(victim.token)["sub"]).toBe(claimsOf(former.token)["sub"]);
    expect(await admission(world.ampho, grant.token)).toBe("invalid_token");
    expect((await world.renew(grant.refresh_token)).error).toBe("session_ended");
    expect(outcomeOf(await raiseAlarm(world, alarm))).toEqual([409, "settled"]);
    expect(await admission(world.ampho, victim.token)).toBe("in");
    expect(await world.ampho.factors.list("1")).toMatchObject({ factors: [] });
    world.clock.advance(1);
    const totp = codeAt(secret, world.clock.now());
    expect((await logIn(world, "victim@example.org", { totp })).status).toBe(401);
    expect((await logIn(world, "victim@example.org")).status).toBe(200);
  });

  it("a stolen session of any age voids no reset of the owner (DELETE /devices)", async () => {
    const world = await openMailing(ground);
    const thief = await addPerson(world, address, password);
    world.clock.advance(600);
    const { transaction, mail } = await askedReset(world, address);
    for (const [method, path] of [
      ["DELETE", "/devices"],
      ["DELETE", "/sessions"],
    ] as const)
      expect((await world.call(method, path, { bearer: thief.token })).status).toBe(204);
    expect(outcomeOf(await finishReset(world, { transaction, code: mail.code }))).toEqual([204]);
  });

  it("a copy of the tokens ends in every process when its owner sets a new password", async () => {
    const world = await ground.open({ revocationFeedToken: "f".repeat(32) });
    await world.user("ann", { password });
    const stolen = await world.login("ann");
    const other = await world.another();
    expect(await admission(other.ampho, stolen.token)).toBe("in");
    const body = { password, new_password: newPassword };
    const own = grantOf(await world.call("POST", "/password", { bearer: stolen.token, body }));
    expect(await admission(world.ampho, stolen.token)).toBe("invalid_token");
    await expect.poll(() => admission(other.ampho, stolen.token)).toBe("invalid_token");
    for (const each of [world, other]) expect(await admission(each.ampho, own.token)).toBe("in");
    world.clock.advance(11);
    // The copy is a replay now. It ends the session, because a thief has it.
    expect((await world.renew(stolen.refresh_token)).error).toBe("session_ended");
    expect((await world.renew(own.refresh_token)).error).toBe("session_ended");
  });

  it("a copy of a token that has passed the guard changes nothing after the change of its owner", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const { token } = await fullLogin(world, ann);
    const attempts = Array.from({ length: 12 }, (_, at) =>
      at % 2 === 0
        ? world.call("POST", "/recovery-codes", { bearer: token })
        : world.call("POST", "/password", { bearer: token, body: { password, new_password: newPassword } }),
    );
    const done = (await Promise.all(attempts)).filter(({ status }) => status === 200);
    expect(done).toHaveLength(1);
    for (const response of done) expect(await admission(world.ampho, grantOf(response).token)).toBe("in");
  });

  it("a copy of a replaced token gets no level that its owner proves later", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const { device } = await fullLogin(world, ann, { remember: true });
    const stolen = grantOf(await logIn(world, "ann", { device }));
    const body = { password, new_password: newPassword };
    const own = grantOf(await world.call("POST", "/password", { bearer: stolen.token, body }));
    for (const each of [world, await world.another()]) {
      const totp = ann.nextCode();
      expect((await each.call("POST", "/login", { bearer: stolen.token, body: { totp } })).status).toBe(401);
    }
    expect((await world.renew(own.refresh_token)).status).toBe(200);
  });

  it("a thief who signs out before the reset loses the identity too", async () => {
    const outside = await openOutside(ground, { options: { registration: "open", throttleAttempts: 1_000_000 } });
    const { world, mails } = outside;
    await world.ampho.users.create({ login: "ann", password, email: address });
    const thief = await world.login("ann");
    // Without a proven address, the password alone links it.
    const linked = grantOf(await link(outside, thief.token, { claims: { sub: "evil" } }));
    await ground.sql(world, `update ampho_users set email_proven_at = ${world.clock.now()}`);
    expect((await world.call("POST", "/logout", { bearer: linked.token })).status).toBe(204);
    world.clock.advance(30 * 86_400);
    const { transaction } = await begin(world, "/password/reset", { login: "ann" });
    await expect.poll(() => mails.some(({ kind }) => kind === "reset")).toBe(true);
    const code = /^\d\d \d\d \d\d \d\d$/m.exec(mails.find(({ kind }) => kind === "reset")?.text ?? "")?.[0];
    expect(outcomeOf(await finishReset(world, { transaction, code }))).toEqual([204]);
    expect((await signIn(outside, { claims: { sub: "evil" } })).status).not.toBe(200);
  });

  it("a new password by a session without its second factor removes no passkey of the owner", async () => {
    const world = await ground.open({ ...passkeySettings });
    const ann = await addPasskeyOwner(world, "ann");
    const { id } = ann;
    const { token } = await passkeyLogin(world, ann);
    await confirmApp(world, { ...ann.weak, token });
    const other = grantOf(await logInWith(world, ann));
    world.clock.advance(600);
    const body = { password, new_password: newPassword };
    expect((await world.call("POST", "/password", { bearer: other.token, body })).status).toBe(200);
    const { factors } = await world.ampho.factors.list(id);
    expect(factors.map((factor) => factor.id)).toContain(ann.subject.id.toString("base64url"));
  });

  it("one of 20 new passwords at once wins, and its session has good tokens", async () => {
    const world = await ground.open({ throttleAttempts: 500 });
    await world.user("ann", { password });
    const grant = await world.login("ann");
    const words = ["amber", "tulip", "canoe", "walnut", "heron"];
    const attempts = Array.from({ length: 20 }, (_, at) =>
      world.call("POST", "/password", {
        bearer: grant.token,
        body: { password, new_password: `${words[at % 5]} quartz velvet ${words[(at + 2) % 5]} ${at}` },
      }),
    );
    const done = (await Promise.all(attempts)).filter(({ status }) => status === 200);
    expect(done).toHaveLength(1);
    const [winner] = done;
    if (winner === undefined) throw new Error("no change was made");
    expect(await admission(world.ampho, grantOf(winner).token)).toBe("in");
    expect((await world.renew(grantOf(winner).refresh_token)).status).toBe(200);
  });
});
