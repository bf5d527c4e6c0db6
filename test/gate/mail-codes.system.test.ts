// Mailed codes and links at a login: who can use them, how often, and for what.
import { expect, it } from "vitest";
import { grantOf, password } from "../world/ampho.js";
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
  otherDigits,
  over,
  tokenIn,
  wrong,
} from "./mailboxes.js";
import { codeAt, onBothDatabases, outcomeOf } from "./owners.js";

const ann = "ann@x.example";

onBothDatabases((ground) => {
  it("a code is dead after five wrong ones, and the link of the same mail still works", async () => {
    const world = await openMailing(ground);
    await addPerson(world, ann, password);
    const { transaction, match, mail } = await asked(world, ann);
    for (const _ of [1, 2, 3, 4, 5])
      expect(outcomeOf(await logInBy(world, { transaction, code: otherDigits(mail.code) }))).toEqual(wrong);
    for (const code of [otherDigits(mail.code), mail.code])
      expect(outcomeOf(await logInBy(world, { transaction, code }))).toEqual(over);
    grantOf(await logInBy(world, { link: mail.link, match }));
    expect(outcomeOf(await logInBy(world, { link: mail.link, match }))).toEqual(over);
  });

  it("new requests and other addresses give a guesser of codes no new attempts", async () => {
    const world = await openMailing(ground, { throttleLock: 15 });
    const { device } = await addPerson(world, ann, password);
    let guesses = 0;
    let locked = false;
    for (let request = 0; request < 20 && !locked; request += 1) {
      const { transaction, mail } = await asked(world, ann, { address: `192.0.2.${request}` });
      for (let guess = 0; guess < 5 && !locked; guess += 1) {
        const address = `198.51.100.${guesses % 200}`;
        const response = await logInBy(world, { transaction, code: otherDigits(mail.code) }, { address });
        if (response.status === 429) {
          const seconds = Number(response.headers.get("retry-after"));
          locked = seconds > 3600;
          world.clock.advance(locked ? 0 : seconds);
        } else if (response.error === "invalid_credentials") guesses += 1;
      }
    }
    expect([locked, guesses]).toEqual([true, 15]);
    const { transaction, match, mail } = await asked(world, ann);
    expect((await logInBy(world, { transaction, code: mail.code })).status).toBe(429);
    // A known device has its own count, and a link is not counted.
    const own = await asked(world, ann);
    grantOf(await logInBy(world, { transaction: own.transaction, code: own.mail.code, device }));
    grantOf(await logInBy(world, { link: mail.link, match }));
  });

  it("a lock of codes ends when the owner uses a code on a known device", async () => {
    const world = await openMailing(ground, { throttleLock: 5 });
    const { device } = await addPerson(world, ann, password);
    const guessed = await asked(world, ann);
    for (const _ of [1, 2, 3, 4, 5]) await logInBy(world, { ...guessed, code: otherDigits(guessed.mail.code) });
    const { transaction, mail } = await asked(world, ann);
    expect((await logInBy(world, { transaction, code: mail.code })).status).toBe(429);
    // The passwords and links of the owner work as before.
    grantOf(await logInBy(world, { login: ann, password }));
    grantOf(await logInBy(world, { transaction, code: mail.code, device }));
    const next = await asked(world, ann);
    grantOf(await logInBy(world, { transaction: next.transaction, code: next.mail.code }));
  });

  it("a code and a link are good for their own transaction, login and purpose", async () => {
    const world = await openMailing(ground);
    for (const each of [ann, "bob@x.example"]) await addPerson(world, each, password);
    const [first, bobs] = [await asked(world, ann), await asked(world, "bob@x.example")];
    const second = await asked(world, ann);
    const reset = await askedReset(world, ann);
    for (const [transaction, code] of [
      [second.transaction, first.mail.code],
      [first.transaction, second.mail.code],
      [first.transaction, bobs.mail.code],
      [bobs.transaction, first.mail.code],
      [first.transaction, reset.mail.code],
    ])
      expect(outcomeOf(await logInBy(world, { transaction, code }))).toEqual(wrong);
    const proofOf = (link: string) => link.slice(link.lastIndexOf(".") + 1);
    for (const proof of [bobs.mail.link, second.mail.link, reset.mail.link].map(proofOf))
      expect(outcomeOf(await logInBy(world, { link: `${tokenIn(first.mail.link)}.${proof}`, ...first }))).toEqual(
        wrong,
      );
    const swapped = `${first.transaction}.${proofOf(first.mail.link)}`;
    expect(outcomeOf(await logInBy(world, { link: swapped, ...first }))).toEqual(over);
    expect(outcomeOf(await logInBy(world, { transaction: reset.transaction, code: reset.mail.code }))).toEqual(over);
    expect(outcomeOf(await logInBy(world, { link: reset.mail.link, match: reset.match }))).toEqual(over);
    for (const body of [
      { transaction: first.transaction, code: first.mail.code },
      { link: first.mail.link, ...first },
    ])
      expect(outcomeOf(await finishReset(world, body))).toEqual(over);
    grantOf(await logInBy(world, { transaction: first.transaction, code: first.mail.code }));
    expect((await finishReset(world, { transaction: reset.transaction, code: reset.mail.code })).status).toBe(204);
  });

  it("a code is void after the address, the password or a factor of the account has changed", async () => {
    const world = await openMailing(ground);
    for (const change of [
      () => world.ampho.users.setEmail(ann, "new@x.example", { reason: "ticket 4711" }),
      () => world.ampho.users.setEmail(ann, undefined, { reason: "ticket 4711" }),
      () => world.ampho.users.setPassword(ann, newPassword),
      () => world.ampho.users.disable(ann),
      async () => {
        const user = await world.ampho.users.find(ann);
        await world.ampho.sessions.endForUser(user?.id ?? "");
      },
    ]) {
      await world.ampho.users.create({ login: ann, password });
      const { transaction, match, mail } = await asked(world, ann);
      await change();
      for (const body of [
        { transaction, code: mail.code },
        { transaction, link: mail.link },
        { link: mail.link, match },
      ])
        expect([wrong, over]).toContainEqual(outcomeOf(await logInBy(world, body)));
      await world.ampho.users.remove(ann);
    }
  });

  it("a stranger who asks for a link and waits gets nothing when its owner clicks it", async () => {
    const world = await openMailing(ground);
    await addPerson(world, ann, password);
    const { transaction, match, mail } = await asked(world, ann);
    // The owner did not ask, and does not know the number that the stranger sees.
    expect(outcomeOf(await logInBy(world, { link: mail.link }))).toEqual([401, "match_needed"]);
    for (const body of [
      { transaction },
      { transaction, match },
      { transaction, link: transaction },
      { transaction, link: `${transaction}.` },
    ])
      expect((await logInBy(world, body)).status).not.toBe(200);
    const clicked = grantOf(await logInBy(world, { link: mail.link, match }));
    for (const body of [
      { transaction, match },
      { transaction, code: mail.code },
    ])
      expect((await logInBy(world, body)).status).not.toBe(200);
    const sessions = await world.ampho.sessions.list(String(claimsOf(clicked.token)["sub"]));
    expect(sessions).toHaveLength(2);
  });

  it("a link that an attacker sends asks for a number, and opens no session without it", async () => {
    const world = await openMailing(ground);
    for (const each of [ann, "eve@x.example"]) await addPerson(world, each, password);
    const eves = await asked(world, "eve@x.example");
    const anns = await begin(world, "/login/mail", { login: ann });
    for (const more of [
      {},
      { transaction: anns.transaction },
      { transaction: "x" },
      { match: otherDigits(eves.match) },
    ])
      expect((await logInBy(world, { link: eves.mail.link, ...more })).status).toBe(401);
    const response = await logInBy(world, { link: eves.mail.link, transaction: anns.transaction });
    expect(outcomeOf(response)).toEqual([401, "match_needed"]);
  });

  it("three wrong numbers make a link dead in other browsers, also 16 at once, and the code continues", async () => {
    const world = await openMailing(ground);
    const other = await world.another();
    await addPerson(world, ann, password);
    for (const at of [1, 3, 16]) {
      const { transaction, match, mail } = await asked(world, ann);
      const link = { link: mail.link, match: otherDigits(match) };
      const guess = async (n: number) => outcomeOf(await logInBy(n % 2 === 0 ? world : other, link));
      const guesses: (readonly unknown[])[] = [];
      if (at < 16) for (let n = 0; n < at; n += 1) guesses.push(await guess(n));
      else guesses.push(...(await Promise.all(Array.from({ length: at }, (_, n) => guess(n)))));
      const rejected = guesses.filter(([, error]) => error === "invalid_credentials");
      expect(rejected).toHaveLength(Math.min(at, 3));
      const last = await logInBy(world, { link: mail.link, match });
      expect(last.status).toBe(at < 3 ? 200 : 401);
      if (at >= 3) {
        expect(outcomeOf(last)).toEqual(over);
        grantOf(await logInBy(world, { transaction, code: mail.code }));
      }
    }
  });

  it("a flood of wrong links writes three audit rows, and the asking browser can still use the right one", async () => {
    const world = await openMailing(ground);
    await addPerson(world, ann, password);
    const { transaction, match, mail } = await asked(world, ann);
    const link = `${tokenIn(mail.link)}.AAAA`;
    for (let n = 0; n < 8; n += 1)
      expect(outcomeOf(await logInBy(world, { link, transaction, match }))).toEqual(n < 3 ? wrong : over);
    const rows = (await world.events()).filter((event) => event.startsWith("code_rejected"));
    expect(rows).toEqual(["code_rejected: link", "code_rejected: link", "code_rejected: link"]);
    expect(outcomeOf(await logInBy(world, { link: mail.link, match }))).toEqual(over);
    grantOf(await logInBy(world, { link: mail.link, transaction }));
  });

  it("a code and a link open one session together, also 16 times at once in two processes", async () => {
    const world = await openMailing(ground);
    const other = await world.another();
    await addPerson(world, ann, password);
    const { transaction, match, mail } = await asked(world, ann);
    const bodies = [
      { transaction, code: mail.code },
      { link: mail.link, match },
      { transaction, link: mail.link },
    ];
    const responses = await Promise.all(
      Array.from({ length: 16 }, (_, n) => logInBy(n % 2 === 0 ? world : other, bodies[n % bodies.length] ?? {})),
    );
    expect(responses.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const { status } of responses) expect([200, 401, 429]).toContain(status);
  });

  it("a lost response to a code is returned again for the same Idempotency-Key", async () => {
    const world = await openMailing(ground);
    await addPerson(world, ann, password);
    const { transaction, mail } = await asked(world, ann);
    const send = (key: string) =>
      logInBy(world, { transaction, code: mail.code }, { headers: { "Idempotency-Key": `${key}-0123456789abcdef` } });
    const [first, again] = [grantOf(await send("one")), grantOf(await send("one"))];
    expect(claimsOf(again.token)["sid"]).toBe(claimsOf(first.token)["sid"]);
    expect(outcomeOf(await send("two"))).toEqual(over);
    world.clock.advance(61);
    expect(outcomeOf(await send("one"))).toEqual(over);
  });

  it("a code proves the address, and one that came to an unproven address proves it too", async () => {
    const world = await openMailing(ground);
    await world.ampho.users.create({ login: "ann", password, email: ann });
    const { transaction, mail } = await asked(world, "ann");
    expect(mail.to).toBe(ann);
    expect(await world.ampho.users.find("ann")).toMatchObject({ emailProven: false });
    const grant = grantOf(await logInBy(world, { transaction, code: mail.code }));
    expect(claimsOf(grant.token)).toMatchObject({ amr: ["mail"], acr: "1fa" });
    expect(await world.ampho.users.find("ann")).toMatchObject({ emailProven: true });
    expect(await world.events()).toContain("email_proven");
  });

  it("a code and its spaces are accepted for ten minutes, and not in the six hundredth second", async () => {
    const world = await openMailing(ground);
    await addPerson(world, ann, password);
    const [late, spaced] = [await asked(world, ann), await asked(world, ann)];
    grantOf(await logInBy(world, { transaction: spaced.transaction, code: ` ${spaced.mail.code} ` }));
    world.clock.advance(600 - 61);
    expect(outcomeOf(await logInBy(world, { transaction: late.transaction, code: late.mail.code }))).toEqual(over);
    expect(outcomeOf(await logInBy(world, { link: late.mail.link, match: late.match }))).toEqual(over);
  });

  it("ten minutes also hold for the codes of a new address and of an enrolment", async () => {
    const world = await openMailing(ground, { factors: { admin: "required" } });
    // Another person gets the role, because its policy would end a session that has proven a password only.
    const other = "bob@x.example";
    await addPerson(world, other, password);
    const { token } = await addPerson(world, ann, password);
    const email = "new@x.example";
    const changes = [
      await begin(world, "/account/email", { email }, { bearer: token }),
      await begin(world, "/account/email", { email: "newer@x.example" }, { bearer: token }),
    ];
    const codes = [(await world.mail("email", email)).code, (await world.mail("email", "newer@x.example")).code];
    await world.ampho.users.setRoles(other, ["admin"]);
    const enroll = async () => {
      const { transaction } = (await logInBy(world, { login: other, password })).json;
      const { code } = await world.mail("enroll");
      return () => world.call("POST", "/totp", { body: { transaction, code } });
    };
    const [begin1, begin2] = [await enroll(), await enroll()];
    expect((await begin1()).status).toBe(200);
    const finish = (at: number, bearer: string) =>
      world.call("POST", "/account/email/finish", {
        body: { transaction: changes[at]?.transaction, code: codes[at] },
        bearer,
      });
    world.clock.advance(38);
    const { token: next } = grantOf(await finish(0, token));
    world.clock.advance(562);
    expect([outcomeOf(await finish(1, next)), outcomeOf(await begin2())]).toEqual([over, over]);
  });

  it("beyond five codes for an enrolment in an hour, the login states when to try again", async () => {
    const world = await openMailing(ground, { factors: { admin: "required" } });
    await addPerson(world, ann, password);
    await world.ampho.users.setRoles(ann, ["admin"]);
    const attempt = async () => (await logInBy(world, { login: ann, password })).json;
    for (let count = 0; count < 5; count++) {
      expect(await attempt()).toMatchObject({ enroll: true, mail: true });
      world.clock.advance(10);
    }
    const { message, transaction: _transaction, ...rest } = await attempt();
    const withheld = { error: "factor_needed", enroll: true, mail: false, factors: [], passkey: null };
    expect(rest).toEqual({ ...withheld, retry_after: 3600 - 50 });
    expect(message).toContain("Sign in again later.");
    world.clock.advance(3600 - 51);
    expect(await attempt()).toMatchObject({ ...withheld, retry_after: 1 });
    world.clock.advance(1);
    expect(await attempt()).toMatchObject({ enroll: true, mail: true });
    // The second of the five is 10 seconds younger than the first.
    expect(await attempt()).toMatchObject({ ...withheld, retry_after: 10 });
  });

  it("wrong codes for an enrolment from unknown devices keep no owner out on a known device", async () => {
    const world = await openMailing(ground, { factors: { admin: "required" } });
    const { device } = await addPerson(world, ann, password);
    await world.ampho.users.setRoles(ann, ["admin"]);
    const begin = async (more: object = {}) => (await logInBy(world, { login: ann, password, ...more })).json;
    const prove = ({ transaction }: Readonly<Record<string, unknown>>, code: string) =>
      world.call("POST", "/totp", { body: { transaction, code } });
    const statuses = new Set<number>();
    for (let count = 0; count < 3; count += 1) {
      const pending = await begin();
      const { code } = await world.mail("enroll");
      for (let attempt = 0; attempt < 5; attempt += 1) statuses.add((await prove(pending, otherDigits(code))).status);
    }
    expect(statuses).toContain(429);
    const pending = await begin({ device });
    const { code } = await world.mail("enroll");
    const begun = await prove(pending, code);
    const totp = codeAt(String(begun.json["secret"]), world.clock.now());
    const body = { transaction: begun.json["transaction"], totp };
    const { token } = grantOf(await world.call("POST", "/totp/confirm", { body }));
    expect(claimsOf(token)["amr"]).toEqual(["pwd", "mail", "otp", "mfa"]);
  });
});
