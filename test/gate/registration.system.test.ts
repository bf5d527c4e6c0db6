// Registration and invitations: nothing of an account exists before its address is proven.
import { expect, it } from "vitest";
import { createSubject, register } from "../factors/webauthn/authenticator.js";
import { grantOf, password, type World } from "../world/ampho.js";
import { claimsOf } from "../world/tokens.js";
import {
  addPerson,
  asked,
  askedReset,
  type Begun,
  begin,
  finishReset,
  type Mailing,
  mailSettings,
  newPassword,
  openMailing,
  otherDigits,
  over,
  wrong,
} from "./mailboxes.js";
import { type Ground, onBothDatabases, outcomeOf, textsOf } from "./owners.js";
import { challengeOf } from "./passkey-owners.js";

const ann = "ann@x.example";

const registering = async (world: Mailing, email = ann, more: object = {}) => {
  const begun = await begin(world, "/register", { email, ...more });
  return { ...begun, mail: await world.mail("register", email) };
};

const finish = (world: World, body: object) =>
  world.call("POST", "/register/finish", { body: { password: newPassword, ...body } });

const rowsOf = async (ground: Ground, world: World) => {
  const tables = ["users", "sessions", "passkeys", "accounts", "spent", "totp", "recovery"];
  const counts = tables.map((table) => `(select count(*) from ampho_${table}) as ${table}`);
  const [row] = await ground.sql(world, `select ${counts.join(", ")}`);
  return Object.values(row ?? {}).reduce<number>((sum, n) => sum + Number(n), 0);
};

onBothDatabases((ground) => {
  it("a registration that is not finished leaves no user, session, factor or used login transaction", async () => {
    const world = await openMailing(ground);
    await registering(world);
    expect(await rowsOf(ground, world)).toBe(0);
  });

  it("an attacker who registered the address before its owner has no way in (classic merge)", async () => {
    const world = await openMailing(ground);
    const eves = await begin(world, "/register", { email: ann });
    await world.mail("register", ann);
    expect(outcomeOf(await finish(world, { transaction: eves.transaction, code: "12345678" }))).toEqual(wrong);
    expect(outcomeOf(await world.call("POST", "/login", { body: { login: ann, password: newPassword } }))).toEqual(
      wrong,
    );
    const own = await addPerson(world, ann, password);
    for (const login of [newPassword, "12345678"])
      expect(outcomeOf(await world.call("POST", "/login", { body: { login: ann, password: login } }))).toEqual(wrong);
    const id = String(claimsOf(own.token)["sub"]);
    expect(await world.ampho.sessions.list(id)).toHaveLength(1);
  });

  it("an attacker's passkey for an address of another person belongs to no account (trojan identifier)", async () => {
    const world = await openMailing(ground);
    const begun = await world.call("POST", "/register", { body: { email: ann } });
    const { transaction, challenge } = challengeOf(begun);
    const { code } = await world.mail("register", ann);
    const passkey = register(createSubject(-7), challenge);
    for (const attempt of [otherDigits(code), "00000000"])
      expect(
        (await world.call("POST", "/register/finish", { body: { transaction, code: attempt, passkey } })).status,
      ).toBe(401);
    await addPerson(world, ann, password);
    // The transaction of the attacker ends with the registration of the owner: its address has an account.
    const late = await world.call("POST", "/register/finish", { body: { transaction, code, passkey } });
    expect(late.status).toBe(401);
    expect(await ground.sql(world, "select id from ampho_passkeys")).toEqual([]);
  });

  it("an attacker's open change of address ends before its owner registers (unexpired address change)", async () => {
    const world = await openMailing(ground);
    const eve = await addPerson(world, "eve@x.example", password);
    const { transaction } = await begin(world, "/account/email", { email: ann }, { bearer: eve.token });
    const { code } = await world.mail("email", ann);
    await addPerson(world, ann, password);
    // The owner is tricked into reading the code out.
    const body = { transaction, code };
    const response = await world.call("POST", "/account/email/finish", { bearer: eve.token, body });
    expect(outcomeOf(response)).toEqual([409, "email_taken"]);
    expect(await world.ampho.users.find("eve@x.example")).toMatchObject({ email: "eve@x.example" });
  });

  it("a session that an operator's unproven user opened ends when the owner resets the password (unexpired session)", async () => {
    const world = await openMailing(ground);
    // Another person created an account for the address, with a password of theirs.
    await world.ampho.users.create({ login: ann, password });
    const eves = await world.login(ann);
    const { transaction, mail } = await askedReset(world, ann);
    expect((await finishReset(world, { transaction, code: mail.code })).status).toBe(204);
    expect((await world.renew(eves.refresh_token)).status).toBe(401);
    expect(outcomeOf(await world.call("POST", "/login", { body: { login: ann, password } }))).toEqual(wrong);
  });

  it("spellings of one address have one account, and look-alike addresses are rejected", async () => {
    const world = await openMailing(ground);
    await addPerson(world, ann, password);
    for (const email of ["Ann@x.example", "ANN@X.EXAMPLE", "ann@X.Example"]) {
      const { transaction } = await begin(world, "/register", { email });
      expect((await world.mail("account_exists")).to).toBe(ann);
      expect(outcomeOf(await finish(world, { transaction, code: "12345678" }))).toEqual(wrong);
    }
    // A Cyrillic letter among Latin ones, a full-width letter, and an invisible one.
    for (const email of ["аnn@x.example", "ａnn@x.example", "an\u200bn@x.example"]) {
      const response = await world.call("POST", "/register", { body: { email } });
      expect(outcomeOf(response)).toEqual([400, "invalid_request"]);
    }
    expect(await ground.sql(world, "select count(*) as n from ampho_users")).toMatchObject([{ n: expect.anything() }]);
    expect((await world.ampho.users.find(ann))?.login).toBe(ann);
  });

  it("a login that is an address of another person cannot be chosen, and one that is taken is reported", async () => {
    const world = await openMailing(ground);
    await world.user("bob", { password });
    for (const login of ["eve@x.example", "ann@y.example", "@", "bo\u0000b"])
      expect(outcomeOf(await world.call("POST", "/register", { body: { email: ann, login } }))).toEqual([
        400,
        "invalid_request",
      ]);
    const { transaction, mail } = await registering(world, ann, { login: "BOB" });
    expect(outcomeOf(await finish(world, { transaction, code: mail.code }))).toEqual([409, "login_taken"]);
    // The login is part of the transaction, so the user begins again.
    expect(outcomeOf(await finish(world, { transaction, code: mail.code, login: "ann" }))).toEqual([
      409,
      "login_taken",
    ]);
    const own = await registering(world, ann, { login: "Ann" });
    const grant = grantOf(await finish(world, { transaction: own.transaction, code: own.mail.code }));
    expect(claimsOf(grant.token)).toMatchObject({ login: "Ann", roles: [] });
    expect(await world.ampho.users.find("ann")).toMatchObject({ email: ann, emailProven: true });
  });

  it("two registrations of one address that finish at once create one account, and a mail reports it to the other", async () => {
    const world = await openMailing(ground);
    const other = await world.another();
    for (const round of [1, 2, 3]) {
      const email = `ann${round}@x.example`;
      const begun = [await registering(world, email), await registering(world, email)];
      const responses = await Promise.all(
        begun.map(({ transaction, mail }, n) => finish(n === 0 ? world : other, { transaction, code: mail.code })),
      );
      expect(responses.map(outcomeOf).sort()).toEqual([[200], over]);
      expect((await world.mail("account_exists")).to).toBe(email);
      expect(await ground.sql(world, `select id from ampho_users where email_canonical = '${email}'`)).toHaveLength(1);
    }
  });

  it("one registration that is finished 16 times at once creates one user and one session", async () => {
    const world = await openMailing(ground, { throttleLock: 1000 });
    const other = await world.another();
    const { transaction, mail, match } = await registering(world);
    const bodies = [
      { transaction, code: mail.code },
      { link: mail.link, match },
    ];
    const responses = await Promise.all(
      Array.from({ length: 16 }, (_, n) => finish(n % 2 === 0 ? world : other, bodies[n % 2] ?? {})),
    );
    // On a busy machine every one of them can be shed with 503, and the client comes again.
    const granted = () => responses.filter(({ status }) => status === 200);
    for (let again = 0; again < 5 && granted().length === 0; again += 1) {
      world.clock.advance(16);
      responses.push(await finish(world, { transaction, code: mail.code }));
    }
    expect(granted()).toHaveLength(1);
    expect(await ground.sql(world, "select id from ampho_users")).toHaveLength(1);
    expect(await ground.sql(world, "select id from ampho_sessions")).toHaveLength(1);
  });

  it("a lost response to a registration is returned again for the same Idempotency-Key", async () => {
    const world = await openMailing(ground);
    const { transaction, mail } = await registering(world);
    const send = (key: string) => {
      const body = { transaction, code: mail.code, password };
      const headers = { "Idempotency-Key": `${key}-0123456789abcdef` };
      return world.call("POST", "/register/finish", { body, headers });
    };
    const [first, again] = [grantOf(await send("one")), grantOf(await send("one"))];
    expect(claimsOf(again.token)["sid"]).toBe(claimsOf(first.token)["sid"]);
    expect(outcomeOf(await send("two"))).toEqual(over);
    expect(await ground.sql(world, "select id from ampho_users")).toHaveLength(1);
  });

  it("the recovery codes of a registration that is returned again work, and those of the lost response do not", async () => {
    const world = await openMailing(ground);
    const other = await world.another();
    world.clock.advance(61);
    const begun = challengeOf(await world.call("POST", "/register", { body: { email: ann } }));
    const { code } = await world.mail("register", ann);
    const passkey = register(createSubject(-7), begun.challenge);
    const send = (to: World, sent = passkey) =>
      to.call("POST", "/register/finish", {
        body: { transaction: begun.transaction, code, passkey: sent },
        headers: { "Idempotency-Key": "one-0123456789abcdef" },
      });
    const [lost, again] = [await send(world), await send(other)];
    expect(claimsOf(grantOf(again).token)["sid"]).toBe(claimsOf(grantOf(lost).token)["sid"]);
    const codesOf = ({ json }: typeof lost) => textsOf(json["recovery_codes"]);
    expect(await ground.sql(world, "select hash from ampho_recovery")).toHaveLength(8);
    // Another passkey under the same key is no repetition, and replaces no code.
    expect(outcomeOf(await send(world, register(createSubject(-7), begun.challenge)))).toEqual(over);
    const useCode = async (recovery_code: string | undefined) => {
      const { transaction, mail } = await asked(world, ann);
      const needed = await world.call("POST", "/login", { body: { transaction, code: mail.code } });
      return world.call("POST", "/login", { body: { transaction: needed.json["transaction"], recovery_code } });
    };
    expect(outcomeOf(await useCode(codesOf(lost)[0]))).toEqual(wrong);
    const used = await useCode(codesOf(again)[0]);
    grantOf(used);
    expect(used.json["recovery_codes_left"]).toBe(7);
  });

  it("a weak password or a wrong passkey uses no code up, and a registration needs exactly one of both", async () => {
    const world = await openMailing(ground);
    const { transaction, mail } = await registering(world);
    const weak = await finish(world, { transaction, code: mail.code, password: "short" });
    expect(outcomeOf(weak)).toEqual([400, "password_rejected"]);
    for (const body of [{ password: undefined }, { passkey: {} }])
      expect((await finish(world, { transaction, code: mail.code, ...body })).status).toBe(400);
    expect(await rowsOf(ground, world)).toBe(0);
    grantOf(await finish(world, { transaction, code: mail.code }));
  });

  it("a user who registers with a passkey has no password, and gets recovery codes", async () => {
    const world = await openMailing(ground);
    world.clock.advance(61);
    const begun = challengeOf(await world.call("POST", "/register", { body: { email: ann } }));
    const { code } = await world.mail("register", ann);
    const subject = createSubject(-7);
    const passkey = register(subject, begun.challenge);
    const body = { transaction: begun.transaction, code, passkey, name: "Phone" };
    const response = await world.call("POST", "/register/finish", { body });
    const grant = grantOf(response);
    expect(response.json["recovery_codes"]).toHaveLength(8);
    expect(claimsOf(grant.token)).toMatchObject({ acr: "phr", login: ann });
    expect(outcomeOf(await world.call("POST", "/login", { body: { login: ann, password } }))).toEqual(wrong);
    // The account has a second factor now, which a mailed code does not replace.
    const { transaction, mail } = await asked(world, ann);
    const mailed = await world.call("POST", "/login", { body: { transaction, code: mail.code } });
    expect(outcomeOf(mailed)).toEqual([401, "factor_needed"]);
  });

  it("an invitation is for its address, once, and its roles come from nothing in a request", async () => {
    const world = await openMailing(ground, { registration: "invite" });
    const invite = async (email: string) => {
      const invited = await world.ampho.users.invite({ email, roles: ["editor"] });
      return { invited, invite: (await world.mail("invite", email)).invite };
    };
    const first = await invite(ann);
    const closed = [403, "registration_closed"];
    const ask = async (body: object) => outcomeOf(await world.call("POST", "/register", { body }));
    expect(await ask({ email: ann })).toEqual(closed);
    for (const token of ["x", `${first.invite}x`, first.invite.replace(/\.[^.]*$/, ".AAAA")])
      expect(await ask({ email: ann, invite: token })).toEqual(closed);
    expect(await ask({ email: "eve@x.example", invite: first.invite })).toEqual(closed);

    const extra = { roles: ["admin"], id: "other", email_proven: true, acr: "phr", amr: ["hwk"], invitation: "x" };
    const [one, two] = [
      await registering(world, ann, { invite: first.invite, ...extra }),
      await registering(world, ann, { invite: first.invite }),
    ];
    const grant = grantOf(await finish(world, { transaction: one.transaction, code: one.mail.code, ...extra }));
    expect(claimsOf(grant.token)).toMatchObject({ login: ann, roles: ["editor"], acr: "1fa" });
    expect((await finish(world, { transaction: two.transaction, code: two.mail.code })).status).not.toBe(200);
    expect(await ask({ email: ann, invite: first.invite })).toEqual(closed);

    const gone = await invite("gone@x.example");
    const begun: Begun & { readonly mail: { readonly code: string } } = await registering(world, "gone@x.example", {
      invite: gone.invite,
    });
    await world.ampho.users.invitations.remove(gone.invited.id);
    expect(await ask({ email: "gone@x.example", invite: gone.invite })).toEqual(closed);
    expect(outcomeOf(await finish(world, { transaction: begun.transaction, code: begun.mail.code }))).toEqual(closed);

    const late = await invite("late@x.example");
    world.clock.advance(604_801);
    expect(await ask({ email: "late@x.example", invite: late.invite })).toEqual(closed);
    expect(
      (await world.ampho.users.find("gone@x.example")) ?? (await world.ampho.users.find("late@x.example")),
    ).toBeUndefined();
  });

  it("registration that is closed rejects every registration, and users sign in as before", async () => {
    const open = await openMailing(ground);
    await addPerson(open, ann, password);
    const begun = await registering(open, "bob@x.example");
    const closed = await open.another({ registration: "closed", mail: async () => undefined });
    const invited = await open.another({ registration: "invite", mail: async () => undefined });
    for (const body of [{ email: "new@x.example" }, { email: ann }, { email: "new@x.example", invite: "x" }])
      expect([403, 404]).toContain((await closed.call("POST", "/register", { body })).status);
    const body = { transaction: begun.transaction, code: begun.mail.code };
    expect([403, 404]).toContain((await finish(closed, body)).status);
    expect((await finish(invited, body)).status).not.toBe(200);
    expect(await open.ampho.users.find("bob@x.example")).toBeUndefined();
    expect((await closed.call("GET", "/login")).json).toMatchObject({ ways: { registration: "closed", mail: true } });
    const { transaction, mail } = await asked(open, ann);
    grantOf(await closed.call("POST", "/login", { body: { transaction, code: mail.code } }));
    grantOf(await closed.call("POST", "/login", { body: { login: ann, password } }));
  });

  it("the response to a registration is the same for an address with an account and for a new one", async () => {
    const world = await openMailing(ground);
    await addPerson(world, ann, password);
    const shapes = [];
    for (const email of [ann, "new@x.example"]) {
      world.clock.advance(61);
      const response = await world.call("POST", "/register", { body: { email } });
      const { transaction, match, passkey, ...rest } = response.json;
      const claims = claimsOf(String(transaction));
      shapes.push([response.status, Object.keys(response.json), typeof match, Object.keys(claims), Object.keys(rest)]);
      expect(JSON.stringify(passkey)).not.toContain('excludeCredentials":[{');
    }
    expect(shapes[0]).toEqual(shapes[1]);
    expect((await world.mail("account_exists")).text).not.toMatch(/\d\d \d\d \d\d \d\d|#ampho=/);
    expect(mailSettings.registration).toBe("open");
  });
});
