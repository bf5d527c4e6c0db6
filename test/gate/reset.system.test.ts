// A reset, a change of address and the alarm of a notice: what a mailbox can do, and what it can never do.
import { expect, it } from "vitest";
import { createSubject } from "../factors/webauthn/authenticator.js";
import { admission, grantOf, password, type World } from "../world/ampho.js";
import { listen } from "../world/listen.js";
import { claimsOf } from "../world/tokens.js";
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
  over,
  raiseAlarm,
  wrong,
} from "./mailboxes.js";
import { codeAt, onBothDatabases, outcomeOf, setUp, textsOf, wrongCode } from "./owners.js";
import { addPasskey } from "./passkey-owners.js";

const ann = "ann@x.example";
const bob = "bob@x.example";

const byPassword = (world: World, login: string, given: string) => logInBy(world, { login, password: given });

/** Adds an app, and returns its secret, the recovery codes and the new tokens. */
async function addApp(world: Mailing, token: string) {
  const { secret, transaction } = await setUp(world, token);
  const totp = codeAt(secret, world.clock.now());
  const confirmed = await world.call("POST", "/totp/confirm", { bearer: token, body: { transaction, totp } });
  return { ...grantOf(confirmed), secret, recoveryCodes: textsOf(confirmed.json["recovery_codes"]) };
}

/** Proves the change of address that `transaction` began. */
const finishEmail = (world: World, bearer: string, body: object) =>
  world.call("POST", "/account/email/finish", { bearer, body });

onBothDatabases((ground) => {
  it("a reset of an account with an app needs a code of the app, and a wrong one changes nothing", async () => {
    const world = await openMailing(ground);
    const { token } = await addPerson(world, ann, password);
    const { secret, recoveryCodes } = await addApp(world, token);
    const { transaction, match, mail } = await askedReset(world, ann);
    for (const proof of [
      { transaction, code: mail.code },
      { link: mail.link, match },
      { transaction, link: mail.link },
    ]) {
      const response = await finishReset(world, proof);
      expect(response.json).toMatchObject({ error: "factor_needed", enroll: false });
      expect(response.json["token"]).toBeUndefined();
      const totp = wrongCode(secret, world.clock.now());
      expect(outcomeOf(await finishReset(world, { ...proof, totp }))).toEqual(wrong);
    }
    // The transaction of the response stands for the proof of the mailbox no more than the first one does.
    const needed = String((await finishReset(world, { transaction, code: mail.code })).json["transaction"]);
    const totp = () => codeAt(secret, world.clock.now());
    world.clock.advance(30);
    expect((await finishReset(world, { transaction: needed, totp: totp() })).status).not.toBe(204);
    expect((await logInBy(world, { transaction: needed, totp: totp() })).status).not.toBe(200);
    expect(outcomeOf(await byPassword(world, ann, newPassword))).toEqual(wrong);
    expect(outcomeOf(await byPassword(world, ann, password))).toEqual([401, "factor_needed"]);
    const late = await askedReset(world, ann);
    const proven = { transaction: late.transaction, code: late.mail.code };
    expect((await finishReset(world, { ...proven, recovery_code: recoveryCodes[0] })).status).toBe(204);
    expect(outcomeOf(await byPassword(world, ann, newPassword))).toEqual([401, "factor_needed"]);
    const again = await askedReset(world, ann);
    const used = { transaction: again.transaction, code: again.mail.code, recovery_code: recoveryCodes[0] };
    expect(outcomeOf(await finishReset(world, used))).toEqual(wrong);
  });

  it("wrong second factors of a reset count for the account, and lock it", async () => {
    const world = await openMailing(ground, { throttleLock: 8 });
    const { token } = await addPerson(world, ann, password);
    const { secret } = await addApp(world, token);
    let rejected = 0;
    for (let request = 0; request < 6; request += 1) {
      const { transaction, mail } = await askedReset(world, ann);
      for (let guess = 0; guess < 5; guess += 1) {
        const totp = wrongCode(secret, world.clock.now());
        const response = await finishReset(world, { transaction, code: mail.code, totp });
        if (response.error === "invalid_credentials") rejected += 1;
        if (response.status === 429) world.clock.advance(Math.min(Number(response.headers.get("retry-after")), 120));
      }
    }
    expect(rejected).toBeLessThanOrEqual(8);
    expect(outcomeOf(await byPassword(world, ann, newPassword))).toEqual(wrong);
  });

  it("a reset accepts the right second factor after four wrong ones, and is over after five", async () => {
    const world = await openMailing(ground, { throttleAttempts: 1000 });
    const { token } = await addPerson(world, ann, password);
    const { secret, recoveryCodes } = await addApp(world, token);
    for (const [wrongs, outcome] of [
      [5, over],
      [4, [204]],
    ] as const) {
      const { transaction, mail } = await askedReset(world, ann);
      const proof = { transaction, code: mail.code };
      for (let n = 0; n < wrongs; n += 1)
        expect([
          n,
          ...outcomeOf(await finishReset(world, { ...proof, totp: wrongCode(secret, world.clock.now()) })),
        ]).toEqual([n, ...wrong]);
      const last = await finishReset(world, { ...proof, recovery_code: recoveryCodes[0] });
      expect([wrongs, ...outcomeOf(last)]).toEqual([wrongs, ...outcome]);
    }
  });

  it("a reset of an account with a passkey needs the passkey for the challenge of this reset", async () => {
    const world = await openMailing(ground);
    const { token } = await addPerson(world, ann, password);
    const { added } = await addPasskey(world, token, createSubject(-7));
    expect(added.status, added.text).toBe(200);
    const { transaction, mail } = await askedReset(world, ann);
    const needed = await finishReset(world, { transaction, code: mail.code });
    expect(needed.json).toMatchObject({ error: "factor_needed", factors: expect.arrayContaining(["passkey"]) });
    expect(outcomeOf(await finishReset(world, { transaction, code: mail.code, passkey: {} }))).toEqual(wrong);
    expect(outcomeOf(await byPassword(world, ann, newPassword))).toEqual(wrong);
  });

  it("a reset does not prove an address that the operator sets while it runs", async () => {
    // The list of breached passwords is read between the mailed code and the new password.
    const change = { pending: async () => {} };
    const list = await listen(async (_, response) => {
      await change.pending();
      response.writeHead(200, { "content-type": "text/plain" }).end("");
    });
    const world = await openMailing(ground, { breachesUrl: `${list.url}/range` });
    await world.ampho.users.create({ login: ann, password });
    const { transaction, mail } = await askedReset(world, ann);
    change.pending = () => world.ampho.users.setEmail(ann, bob, { reason: "ticket 4711" });
    // The new address ends what was begun with the old one.
    expect(outcomeOf(await finishReset(world, { transaction, code: mail.code }))).toEqual(over);
    expect(await world.ampho.users.find(ann)).toMatchObject({ email: bob, emailProven: false });
  });

  it("after a reset every session, token, device proof and open transaction is dead at once", async () => {
    const world = await openMailing(ground);
    const other = await world.another();
    const first = await addPerson(world, ann, password);
    const { secret, recoveryCodes } = await addApp(world, first.token);
    world.clock.advance(30);
    const second = grantOf(
      await logInBy(world, { login: ann, password, totp: codeAt(secret, world.clock.now()), remember: true }),
    );
    const pending = String((await byPassword(world, ann, password)).json["transaction"]);
    const mailed = await asked(world, ann);
    const stale = await askedReset(world, ann);
    const { transaction, mail } = await askedReset(world, ann);
    const body = { transaction, code: mail.code, recovery_code: recoveryCodes[0] };
    expect((await finishReset(world, body)).status).toBe(204);
    for (const { token, refresh_token } of [first, second]) {
      expect(await admission(world.ampho, token)).not.toBe("in");
      expect((await world.renew(refresh_token)).status).toBe(401);
    }
    // The other process reads revocations four times a second.
    await expect.poll(() => admission(other.ampho, second.token)).not.toBe("in");
    world.clock.advance(30);
    const factor = { totp: codeAt(secret, world.clock.now()) };
    expect((await logInBy(world, { transaction: pending, ...factor })).status).toBe(401);
    for (const each of [
      { transaction: mailed.transaction, code: mailed.mail.code },
      { link: mailed.mail.link, match: mailed.match },
    ])
      expect((await logInBy(world, each)).status).toBe(401);
    for (const each of [
      { transaction: stale.transaction, code: stale.mail.code },
      { link: stale.mail.link, match: stale.match },
      { transaction, code: mail.code },
      { link: mail.link, match: "00" },
    ])
      expect((await finishReset(world, { ...each, recovery_code: recoveryCodes[1] })).status).toBe(401);
    const remembered = await logInBy(world, { login: ann, password: newPassword, device: second.device });
    expect(outcomeOf(remembered)).toEqual([401, "factor_needed"]);
    expect((await world.mail("password_changed")).to).toBe(ann);
  });

  it.each([
    ["bearer tokens", {}],
    ["cookies", { cookies: true }],
  ])("a reset with %s returns no token, no cookie and no body", async (_, options) => {
    const world = await openMailing(ground, options);
    await world.ampho.users.create({ login: ann, password });
    const headers = { "Sec-Fetch-Site": "same-origin" };
    const begun = await world.call("POST", "/password/reset", { body: { login: ann }, headers });
    const { link } = await world.mail("reset");
    const body = { link, match: begun.json["match"], new_password: newPassword };
    const response = await world.call("POST", "/password/reset/finish", { body, headers });
    expect([response.status, response.text]).toEqual([204, ""]);
    for (const cookie of response.headers.getSetCookie()) expect(cookie).toMatch(/Max-Age=0|Expires=Thu, 01 Jan 1970/);
    const user = await world.ampho.users.find(ann);
    expect(await world.ampho.sessions.list(user?.id ?? "")).toEqual([]);
  });

  it("an account without a password or an address, and a disabled one, cause the same response and no mail", async () => {
    const world = await openMailing(ground);
    await world.ampho.users.create({ login: "no-password", email: "a@x.example" });
    await world.ampho.users.create({ login: "no-address", password });
    await world.ampho.users.create({ login: "disabled", email: "b@x.example", password });
    await world.ampho.users.disable("disabled");
    await world.ampho.users.create({ login: "ann", email: ann, password });
    const shapes = [];
    for (const login of ["ann", "no-password", "no-address", "disabled", "nobody"]) {
      world.clock.advance(61);
      const response = await world.call("POST", "/password/reset", { body: { login } });
      const transaction = String(response.json["transaction"]);
      shapes.push([response.status, Object.keys(response.json), Object.keys(claimsOf(transaction))]);
      if (login === "ann") continue;
      const guessed = await finishReset(world, { transaction, code: "12345678" });
      expect(outcomeOf(guessed)).toEqual(wrong);
    }
    for (const shape of shapes) expect(shape).toEqual(shapes[0]);
    await world.mail("reset", ann);
    expect(await world.countMails("reset")).toBe(1);
  });

  it("a reset that is finished 16 times at once sets one password", async () => {
    const world = await openMailing(ground, { throttleLock: 1000 });
    const other = await world.another();
    await addPerson(world, ann, password);
    const { transaction, mail } = await askedReset(world, ann);
    const passwords = Array.from({ length: 16 }, (_, n) => `amber tulip canoe walnut ${n}`);
    const responses = await Promise.all(
      passwords.map((each, n) =>
        finishReset(n % 2 === 0 ? world : other, { transaction, code: mail.code, new_password: each }),
      ),
    );
    for (const { status, text } of responses) expect([204, 401, 429, 503], text).toContain(status);
    const done = () => responses.flatMap(({ status }, n) => (status === 204 ? [n] : []));
    // On a busy machine every one of them can be shed with 503, and the client comes again.
    for (let again = 0; again < 5 && done().length === 0; again += 1) {
      world.clock.advance(16);
      passwords.push(newPassword);
      responses.push(await finishReset(world, { transaction, code: mail.code }));
    }
    expect(done()).toHaveLength(1);
    grantOf(await byPassword(world, ann, passwords[done()[0] ?? 0] ?? ""));
  });

  it("a change of address needs a recent login at the level of the account", async () => {
    const world = await openMailing(ground);
    const first = await addPerson(world, ann, password);
    await addApp(world, first.token);
    const { token } = await world.ampho.sessions.create(String(claimsOf(first.token)["sub"]), {
      amr: ["pwd"],
      authTime: world.clock.now(),
    });
    const ask = async (bearer: string) =>
      outcomeOf(await world.call("POST", "/account/email", { bearer, body: { email: bob } }));
    expect(await ask(token)).toEqual([401, "login_too_weak"]);
    await addPerson(world, "cid@x.example", password);
    const old = await world.login("cid@x.example");
    world.clock.advance(301);
    expect(await ask(old.token)).toEqual([401, "login_too_old"]);
    expect(outcomeOf(await world.call("POST", "/account/email", { body: { email: bob } }))[0]).toBe(401);
    expect(await world.countMails("email", "email_taken")).toBe(0);
  });

  it("a new address that has an account gets a mail, and the response is the same", async () => {
    const world = await openMailing(ground);
    const { token } = await addPerson(world, ann, password);
    await addPerson(world, bob, password);
    const own = await world.login(ann);
    const begun = await begin(world, "/account/email", { email: "BOB@X.example" }, { bearer: own.token });
    const { text } = await world.mail("email_taken", bob);
    expect(text).not.toMatch(/\d\d \d\d \d\d \d\d/);
    expect(Object.keys(begun)).toEqual(["transaction", "match"]);
    const guessed = await finishEmail(world, own.token, { transaction: begun.transaction, code: "12345678" });
    expect(outcomeOf(guessed)).toEqual(wrong);
    expect(await admission(world.ampho, token)).toBe("in");
  });

  it("a code of a change of address is good for its session, its address and the address until now", async () => {
    const world = await openMailing(ground);
    await addPerson(world, ann, password);
    await addPerson(world, bob, password);
    const [first, second, bobs] = [await world.login(ann), await world.login(ann), await world.login(bob)];
    const one = await begin(world, "/account/email", { email: "one@x.example" }, { bearer: first.token });
    const two = await begin(world, "/account/email", { email: "two@x.example" }, { bearer: first.token });
    const codes = {
      one: (await world.mail("email", "one@x.example")).code,
      two: (await world.mail("email", "two@x.example")).code,
    };
    for (const bearer of [second.token, bobs.token])
      expect(outcomeOf(await finishEmail(world, bearer, { ...two, code: codes.two }))).toEqual(over);
    expect(outcomeOf(await finishEmail(world, first.token, { transaction: one.transaction, code: codes.two }))).toEqual(
      wrong,
    );
    const { token } = grantOf(await finishEmail(world, first.token, { transaction: two.transaction, code: codes.two }));
    // The code of the first request was for the address before.
    const again = { one: { ...one, code: codes.one }, two: { ...two, code: codes.two } };
    expect(outcomeOf(await finishEmail(world, token, again.one))).toEqual(wrong);
    expect(outcomeOf(await finishEmail(world, token, again.two))).toEqual(over);
    expect((await world.mail("email_changed")).to).toBe(ann);
    expect(await world.ampho.users.find(ann)).toMatchObject({ email: "two@x.example", emailProven: true });
  });

  it("one of two users gets an address that both prove at once", async () => {
    const world = await openMailing(ground);
    const other = await world.another();
    const codes = [];
    for (const login of [ann, bob]) {
      // A registration has confirmed what its session changes.
      const { token } = await addPerson(world, login, password);
      const { transaction } = await begin(world, "/account/email", { email: "new@x.example" }, { bearer: token });
      codes.push({ token, transaction, code: (await world.mail("email", "new@x.example")).code });
    }
    const responses = await Promise.all(
      codes.map(({ token, transaction, code }, n) =>
        finishEmail(n === 0 ? world : other, token, { transaction, code }),
      ),
    );
    expect(responses.map(outcomeOf).sort()).toEqual([[200], [409, "email_taken"]]);
  });

  it("an alarm ends sessions and device proofs once, and gives no access", async () => {
    const world = await openMailing(ground);
    const { token, device } = await addPerson(world, ann, password);
    const bobs = await addPerson(world, bob, password);
    const { secret } = await addApp(world, token);
    await world.mail("factor_added", ann);
    world.clock.advance(30);
    const live = grantOf(
      await logInBy(world, { login: ann, password, totp: codeAt(secret, world.clock.now()), remember: true }),
    );
    const { alarm } = await world.mail("new_device", ann);
    const mailed = await asked(world, ann);
    const raise = (sent: string) => raiseAlarm(world, sent, "new_device");
    for (const changed of [`${alarm}x`, alarm.slice(0, -2), "x", mailed.transaction, mailed.mail.link, live.token])
      expect(outcomeOf(await raise(changed))).toEqual(over);
    expect(await admission(world.ampho, live.token)).toBe("in");
    const response = await raise(alarm);
    expect([response.status, response.text]).toEqual([204, ""]);
    expect(await admission(world.ampho, live.token)).not.toBe("in");
    expect((await world.renew(live.refresh_token)).status).toBe(401);
    expect((await logInBy(world, { transaction: mailed.transaction, code: mailed.mail.code })).status).toBe(401);
    expect(await admission(world.ampho, bobs.token)).toBe("in");
    // The password and the factor stay.
    for (const remembered of [device, live.device])
      expect(outcomeOf(await logInBy(world, { login: ann, password, device: remembered }))).toEqual([
        401,
        "factor_needed",
      ]);
    world.clock.advance(30);
    const after = grantOf(await logInBy(world, { login: ann, password, totp: codeAt(secret, world.clock.now()) }));
    // Twice: the second use ends nothing.
    expect((await raise(alarm)).status).toBe(204);
    expect(await admission(world.ampho, after.token)).toBe("in");
    for (const path of ["/totp", "/logout", "/recovery-codes"])
      expect((await world.call("POST", path, { bearer: alarm })).status).toBe(401);
    expect((await world.call("GET", "/session", { bearer: alarm })).status).toBe(401);
    expect((await world.renew(alarm)).status).toBe(401);
    expect((await logInBy(world, { transaction: alarm, code: "12345678" })).status).toBe(401);
  });

  it("an alarm link works for seven days", async () => {
    const world = await openMailing(ground);
    const { token } = await addPerson(world, ann, password);
    await addApp(world, token);
    const { alarm } = await world.mail("factor_added");
    world.clock.advance(604_800);
    expect(outcomeOf(await raiseAlarm(world, alarm))).toEqual(over);
    world.clock.advance(-10);
    expect((await raiseAlarm(world, alarm)).status).toBe(204);
  });
});
