// Login names and addresses in every spelling: no name takes the address of another person, and no mail goes to another
// mailbox.
import { expect, it } from "vitest";
import type { AmphoOptions, ApplicationUser, ApplicationUsers } from "../../dist/index.js";
import { grantOf, password, type World } from "../world/ampho.js";
import { claimsOf } from "../world/tokens.js";
import {
  addPerson,
  asked,
  askedReset,
  begin,
  finishReset,
  logInBy,
  newPassword,
  openMailing,
  raiseAlarm,
} from "./mailboxes.js";
import { codeOf, identities, openOutside, signIn } from "./outside.js";
import { onBothDatabases, outcomeOf } from "./owners.js";

const [ann, eve] = ["ann@acme.example", "eve@evil.example"];

/** Texts whose canonical form is the address of ann, or an address that is none of the user's. */
const disguises = [
  "ann＠acme.example",
  "ann﹫acme.example",
  "ａnn@acme.example",
  "ann@acme．example",
  "Ann＠ACME.example",
  "ann@ａcme.example",
  "ann@acme。example",
  "ann＠acme",
  "＠",
];

const rejected = [400, "invalid_request"];
const needed = [401, "link_needed"];
const logInAs = (world: World, login: string) => world.call("POST", "/login", { body: { login, password } });

interface Person extends ApplicationUser {
  login: string;
  readonly email: string;
}

/** An application's own table, which compares texts byte by byte. */
function ownTable() {
  const rows: Person[] = [];
  const find = async (text: string) => rows.find(({ login, email }) => text === login || text === email);
  const add = ({ login, email }: { readonly login: string; readonly email: string }) => {
    const row = { id: `id-${rows.length + 1}`, login, email, emailProven: true };
    rows.push(row);
    return row;
  };
  const users: ApplicationUsers<Person> = {
    find,
    findById: async (id) => rows.find((row) => row.id === id),
    verify: async (_, typed) => typed === password,
    setPassword: async () => {},
    create: async ({ login, email }) =>
      ((await find(login)) ?? (await find(email))) ? undefined : add({ login, email }),
    setLogin: async ({ id }, login) => {
      const [row, holder] = [rows.find((each) => each.id === id), await find(login)];
      if (row === undefined || (holder !== undefined && holder !== row)) return false;
      row.login = login;
      return true;
    },
  };
  return { rows, users };
}

const tables: readonly (readonly [name: string, options: () => AmphoOptions])[] = [
  ["Ampho's own table", () => ({})],
  ["an application's own table", () => ({ users: ownTable().users })],
];

onBothDatabases((ground) => {
  for (const [name, options] of tables) {
    it(`no spelling of another person's address becomes a login in ${name}`, async () => {
      const world = await openMailing(ground, options());
      const { token: bearer } = await addPerson(world, eve, password);
      for (const login of [...disguises, ann]) {
        const begun = await world.call("POST", "/register", { body: { email: "new@evil.example", login } });
        expect([login, ...outcomeOf(begun)]).toEqual([login, ...rejected]);
        const changed = await world.call("POST", "/account/login", { bearer, body: { login } });
        expect([login, ...outcomeOf(changed)]).toEqual([login, ...rejected]);
      }
      const grant = await addPerson(world, ann, password);
      expect(claimsOf(grant.token)["login"]).toBe(ann);
    });

    it(`no login name has the form of the id of a service account in ${name}`, async () => {
      const world = await openMailing(ground, { tokenEndpoint: true, ...options() });
      const { id } = await world.ampho.services.add({ name: "nightly", scopes: [] });
      const { token: bearer } = await addPerson(world, eve, password);
      for (const login of [id, id.toUpperCase(), id.toLowerCase()]) {
        const begun = await world.call("POST", "/register", { body: { email: "new@evil.example", login } });
        expect([login, ...outcomeOf(begun)]).toEqual([login, ...rejected]);
        const changed = await world.call("POST", "/account/login", { bearer, body: { login } });
        expect([login, ...outcomeOf(changed)]).toEqual([login, ...rejected]);
      }
      // A mailbox can have this name, because no id has an @.
      await addPerson(world, `${id.toLowerCase()}@acme.example`, password);
      expect((await world.call("POST", "/account/login", { bearer, body: { login: "svc_backup" } })).status).toBe(204);
    });

    it(`an address with a domain in Unicode is one login and one mailbox in every spelling, in ${name}`, async () => {
      const world = await openMailing(ground, options());
      const [unicode, ascii] = ["user@bücher.example", "user@xn--bcher-kva.example"];
      const { transaction } = await begin(world, "/register", { email: unicode });
      const { code } = await world.mail("register", ascii);
      grantOf(await world.call("POST", "/register/finish", { body: { transaction, code, password } }));
      for (const login of [unicode, ascii, "user@BÜCHER.example"]) {
        const { token: bearer } = grantOf(await logInAs(world, login));
        expect((await world.call("POST", "/account/login", { bearer, body: { login: unicode } })).status).toBe(204);
        const byMail = await asked(world, login);
        expect(byMail.mail.to).toBe(ascii);
        grantOf(await logInBy(world, { transaction: byMail.transaction, code: byMail.mail.code }));
        await begin(world, "/register", { email: login });
        expect((await world.mail("account_exists")).to).toBe(ascii);
        const reset = await askedReset(world, login);
        const body = { transaction: reset.transaction, code: reset.mail.code, new_password: password };
        expect((await finishReset(world, body)).status).toBe(204);
      }
    });

    it(`a login whose canonical form is too long is an unknown login of ${name} (T-125)`, async () => {
      const world = await openMailing(ground, options());
      const { token: bearer } = await addPerson(world, eve, password);
      for (const sign of ["\ufdfa", "\ufdfb", "ΐ"]) {
        const login = sign.repeat(254);
        for (const path of ["/password/reset", "/login/mail"]) {
          const known = await begin(world, path, { login: "unknown" });
          const { transaction } = await begin(world, path, { login });
          const finish = path === "/login/mail" ? "/login" : "/password/reset/finish";
          for (const each of [transaction, known.transaction]) {
            const body = {
              transaction: each,
              code: "12345678",
              ...(finish !== "/login" && { new_password: newPassword }),
            };
            expect(outcomeOf(await world.call("POST", finish, { body }))).toEqual([401, "invalid_credentials"]);
          }
        }
        expect(outcomeOf(await logInAs(world, login))).toEqual([401, "invalid_credentials"]);
        const begun = await world.call("POST", "/register", { body: { email: "new@evil.example", login } });
        expect(begun.status).toBeLessThan(500);
        expect((await world.call("POST", "/account/login", { bearer, body: { login } })).status).toBeLessThan(500);
        expect((await world.call("POST", "/register", { body: { email: `${login}@x.example` } })).status).toBe(400);
      }
      expect(world.notices.filter((line) => line.includes("RangeError"))).toEqual([]);
    });
  }

  it("an operator creates and imports no login that is an address other than the user's", async () => {
    const world = await openMailing(ground);
    const { users } = world.ampho;
    for (const login of disguises.slice(0, 5))
      for (const email of [undefined, eve]) {
        await expect(users.create({ login, email })).rejects.toMatchObject({ code: "invalid_request" });
        const line = JSON.stringify({ login, ...(email && { email }) });
        await expect(users.import([line])).rejects.toMatchObject({ code: "invalid_request" });
      }
    await expect(users.create({ login: ann, email: eve })).rejects.toMatchObject({ code: "invalid_request" });
    await users.create({ login: "ann＠acme.example", email: ann });
    expect(await users.find(ann)).toMatchObject({ email: ann });
    // A login with another sign is no address, and counts as no mailbox.
    expect(await users.create({ login: "ann@acme" })).toMatchObject({ email: null });
    await users.import([JSON.stringify({ login: "a..b@docomo.example" })]);
    expect(await users.find("a..b@docomo.example")).toMatchObject({ email: null });
  });

  it("an operator creates and imports no login that has the form of the id of a service account", async () => {
    const world = await openMailing(ground);
    const { users, services } = world.ampho;
    const { id } = await services.add({ name: "nightly", scopes: [] });
    for (const login of [id, id.toUpperCase(), id.replace("svc", "ｓｖｃ"), id.replace("_", "\u00AD_")]) {
      await expect(users.create({ login })).rejects.toMatchObject({ code: "invalid_request" });
      await expect(users.import([JSON.stringify({ login })])).rejects.toMatchObject({ code: "invalid_request" });
    }
  });

  it("an application's own table gives no user the id of a service account", async () => {
    const { rows, users } = ownTable();
    const world = await openMailing(ground, { users });
    const { id } = await world.ampho.services.add({ name: "nightly", scopes: [] });
    rows.push({ id: "1", login: id, email: ann, emailProven: true });
    rows.push({ id, login: "bob", email: eve, emailProven: true });
    rows.push({ id: "2", login: "cid", email: "cid@acme.example", emailProven: true });
    const wide = id.replace("svc", "ｓｖｃ");
    rows.push({ id: "3", login: wide, email: "dan@acme.example", emailProven: true });
    for (const login of [id, wide, "bob"]) expect((await logInAs(world, login)).error).toBe("invalid_credentials");
    for (const each of ["1", "3", id])
      await expect(world.ampho.sessions.create(each)).rejects.toMatchObject({ code: "not_found" });
    expect([...(await world.ampho.users.findMany(["1", "3", id, "2"])).keys()]).toEqual(["2"]);
  });

  it("a login and an address exclude each other, whichever of two requests comes first", async () => {
    const world = await openMailing(ground);
    const { users } = world.ampho;
    await users.create({ login: ann });
    await users.setEmail(ann, undefined, { reason: "ticket 4711" });
    await users.create({ login: "bob", email: "bob@acme.example" });
    await expect(users.create({ login: "cid", email: ann })).rejects.toMatchObject({ code: "email_taken" });
    await expect(users.setEmail("bob", ann)).rejects.toMatchObject({ code: "email_taken" });
    await expect(users.import([`{"login":"dan","email":"${ann}"}`])).rejects.toMatchObject({ code: "invalid_request" });
    // Without an address, the login would be that of bob's mailbox.
    await users.create({ login: "fay@acme.example" });
    await users.setEmail("fay@acme.example", "fay@new.example", { reason: "ticket 4711" });
    await users.setEmail("bob", "fay@acme.example");
    await expect(users.setEmail("fay@acme.example", undefined, { reason: "ticket 4711" })).rejects.toMatchObject({
      code: "email_taken",
    });
  });

  it("one of a registration, a change of address and an import gets the address that all want at once", async () => {
    const world = await openMailing(ground);
    for (let round = 0; round < 5; round += 1) {
      const email = `same-${round}@acme.example`;
      const { transaction } = await begin(world, "/register", { email });
      const { code } = await world.mail("register", email);
      const { users } = world.ampho;
      await users.create({ login: `bob-${round}` });
      const done = await Promise.all([
        world.call("POST", "/register/finish", { body: { transaction, code, password } }).then(({ status }) => status),
        users.setEmail(`bob-${round}`, email).then(
          () => 200,
          () => 409,
        ),
        users.create({ login: email }).then(
          () => 200,
          () => 409,
        ),
        users.import([JSON.stringify({ login: `imported-${round}`, email })]).then(
          () => 200,
          () => 409,
        ),
      ]);
      expect(done.filter((status) => status === 200)).toHaveLength(1);
      expect(await ground.sql(world, `select id from ampho_users where email = '${email}'`)).toHaveLength(1);
    }
  });

  it("the next owner of an address that a user has given up registers with it", async () => {
    const world = await openMailing(ground);
    const former = await addPerson(world, ann, password);
    const { transaction } = await begin(world, "/account/email", { email: eve }, { bearer: former.token });
    const { code } = await world.mail("email", eve);
    const moved = await world.call("POST", "/account/email/finish", {
      bearer: former.token,
      body: { transaction, code },
    });
    expect(moved.status, moved.text).toBeLessThan(300);
    await world.mail("email_changed", ann);
    // The former owner still has the login, so it is not free, and the next owner learns that.
    const first = await begin(world, "/register", { email: ann });
    const own = { transaction: first.transaction, code: (await world.mail("register", ann)).code, password };
    expect(outcomeOf(await world.call("POST", "/register/finish", { body: own }))).toEqual([409, "login_taken"]);
    const invited = await world.ampho.users.invite({ email: ann, roles: ["reader"] });
    expect(invited.id).toBeTypeOf("string");
    const { invite } = await world.mail("invite", ann);
    const second = await begin(world, "/register", { email: ann, login: "new-ann", invite });
    const chosen = { transaction: second.transaction, code: (await world.mail("register", ann)).code, password };
    const grant = grantOf(await world.call("POST", "/register/finish", { body: chosen }));
    expect(claimsOf(grant.token)).toMatchObject({ login: "new-ann", roles: ["reader"] });
    // The former owner got no mail about any of it, and cannot take the address back.
    expect(world.mails).toEqual([]);
    const back = await begin(world, "/account/email", { email: ann }, { bearer: (await world.login(ann)).token });
    expect((await world.mail("email_taken")).to).toBe(ann);
    expect(back.transaction).toBeTypeOf("string");
  });

  it("the alarm of a user who has given an address up does not take it from its next owner", async () => {
    const world = await openMailing(ground);
    const { token } = await addPerson(world, ann, password);
    const { transaction } = await begin(world, "/account/email", { email: eve }, { bearer: token });
    const { code } = await world.mail("email", eve);
    const body = { transaction, code };
    expect((await world.call("POST", "/account/email/finish", { bearer: token, body })).status).toBeLessThan(300);
    const { token: bearer } = await world.login(ann);
    expect((await world.call("POST", "/account/login", { bearer, body: { login: "anna" } })).status).toBe(204);
    const { alarm } = await world.mail("login_changed", eve);
    const own = await begin(world, "/register", { email: ann, login: "new-ann" });
    const proof = { transaction: own.transaction, code: (await world.mail("register", ann)).code, password };
    grantOf(await world.call("POST", "/register/finish", { body: proof }));
    expect((await raiseAlarm(world, alarm)).status).toBe(204);
    expect(await world.ampho.users.find("anna")).toMatchObject({ email: eve });
    expect(await world.ampho.users.find(ann)).toBeUndefined();
  });

  it("a provider lets the next owner of a given-up address in, with a login of its own", async () => {
    const outside = await openOutside(ground, {
      options: { registration: "open" },
      acme: { domains: ["acme.example"], address: "believed" },
    });
    const { world, mails } = outside;
    const former = await world.user(ann, { password });
    await world.ampho.users.setEmail(ann, eve);
    const grant = grantOf(await signIn(outside, { claims: { sub: "s-1", email: ann, email_verified: true } }));
    const { sub, login } = claimsOf(grant.token);
    expect([sub, login]).toEqual([sub, sub]);
    expect(sub).not.toBe(former.id);
    expect(await world.ampho.users.find(String(sub))).toMatchObject({ email: ann, emailProven: true });
    expect(mails.filter(({ to }) => to === eve)).toEqual([]);
  });

  it.each([
    ["strasse@acme.example", "straße@acme.example"],
    ["νίκος@acme.example", "νίκοσ@acme.example"],
  ])("the account of %s is not opened by the mailbox of %s, which folds to it", async (victim, attacker) => {
    const outside = await openOutside(ground, {
      options: { registration: "open", mailLogin: true },
      acme: { domains: ["acme.example"], address: "believed" },
    });
    const { world, mails } = outside;
    const { id } = await world.user("colleague", { password });
    await world.ampho.users.setEmail("colleague", victim, { reason: "ticket 4711" });
    for (const verified of [true, false]) {
      const claims = { sub: `s-${verified}`, email: attacker, email_verified: verified };
      const received = await signIn(outside, { claims });
      expect(outcomeOf(received)).toEqual(needed);
      await codeOf(outside, victim);
      // The attacker plants the transaction in the browser of the victim.
      const body = { transaction: received.json["transaction"], login: "colleague", password };
      expect(outcomeOf(await world.call("POST", "/login", { body }))).toEqual([401, "transaction_over"]);
      world.clock.advance(61);
    }
    expect(mails.map(({ to }) => to).filter((to) => to !== victim)).toEqual([]);
    expect(await identities(outside, ground)).toEqual([]);
    const claims = { sub: "s-own", email: victim.toUpperCase().replace("ΝΊΚΟΣ", "νίκος"), email_verified: true };
    expect(claimsOf(grantOf(await signIn(outside, { claims })).token)["sub"]).toBe(id);
  });

  it("an invitation is for the mailbox to which it was mailed, and for no other one with the same compared form", async () => {
    const outside = await openOutside(ground, {
      options: { registration: "invite" },
      acme: { address: "believed" },
    });
    await outside.world.ampho.users.invite({ email: "strasse@acme.example", roles: ["admin"] });
    const claims = { sub: "s-1", email: "straße@acme.example", email_verified: true };
    expect(outcomeOf(await signIn(outside, { claims }))).toEqual([403, "registration_closed"]);
    outside.world.clock.advance(61);
    await outside.world.ampho.users.invite({ email: "straße@acme.example", roles: ["guest"] });
    const invited = { sub: "s-2", email: "Strasse@acme.example", email_verified: true };
    const { transaction } = (await signIn(outside, { claims: invited })).json;
    const code = await codeOf(outside, "Strasse@acme.example");
    const grant = grantOf(await outside.world.call("POST", "/login", { body: { transaction, code } }));
    expect(claimsOf(grant.token)["roles"]).toEqual(["admin"]);
  });

  it("the mails about a taken address go to the spelling that the account has", async () => {
    const world = await openMailing(ground);
    await addPerson(world, "grosse@acme.example", password);
    await begin(world, "/register", { email: "große@acme.example" });
    expect((await world.mail("account_exists")).to).toBe("grosse@acme.example");
    const { token: bearer } = await addPerson(world, eve, password);
    await begin(world, "/account/email", { email: "große@acme.example" }, { bearer });
    expect((await world.mail("email_taken")).to).toBe("grosse@acme.example");
  });
});
