// Requests for mails: what strangers can cause with them, and what they can learn from the responses.
import { expect, it } from "vitest";
import type { AmphoOptions, Message } from "../../dist/index.js";
import { grantOf, password, type World } from "../world/ampho.js";
import { claimsOf } from "../world/tokens.js";
import { addPerson, asked, begin, logInBy, openMailing, over, proofsOf, wrong } from "./mailboxes.js";
import { type Ground, onBothDatabases, outcomeOf } from "./owners.js";

const ann = "ann@x.example";

const countOf = async (ground: Ground, world: World, ...tables: readonly string[]) => {
  const counts = tables.map((table) => `(select count(*) from ampho_${table}) as ${table}`);
  const [row] = await ground.sql(world, `select ${counts.join(", ")}`);
  return Object.fromEntries(Object.entries(row ?? {}).map(([name, n]) => [name, Number(n)]));
};

onBothDatabases((ground) => {
  it("thousands of requests for invented logins and addresses leave no row but their counts", async () => {
    const world = await openMailing(ground);
    for (let page = 0; page < 3000; page += 1) {
      const { status } = await world.call("GET", "/login");
      if (status !== 200) expect.unreachable(`a login page returned ${status}`);
    }
    expect(await countOf(ground, world, "users", "passkeys", "spent", "mail", "attempts", "audit")).toEqual({
      users: 0,
      passkeys: 0,
      spent: 0,
      mail: 0,
      attempts: 0,
      audit: 0,
    });
    // A response takes 50 ms, so the requests of an address are sent with those of 19 others.
    const ask = async (request: number) => {
      const address = `198.51.${request >> 4}.${request & 15}`;
      for (const path of ["/login/mail", "/password/reset"])
        await world.call("POST", path, { address, body: { login: `invented-${request}` } });
    };
    for (let first = 0; first < 300; first += 20)
      await Promise.all(Array.from({ length: 20 }, (_, n) => ask(first + n)));
    expect(await countOf(ground, world, "users", "passkeys", "spent", "mail")).toEqual({
      users: 0,
      passkeys: 0,
      spent: 0,
      mail: 0,
    });
    const responses = [];
    for (let request = 0; request < 100; request += 1) {
      const body = { email: `invented-${request}@x.example` };
      responses.push((await world.call("POST", "/register", { address: "192.0.2.1", body })).status);
    }
    expect(responses.filter((status) => status === 200)).toHaveLength(20);
    expect(await countOf(ground, world, "users", "passkeys", "spent", "mail")).toEqual({
      users: 0,
      passkeys: 0,
      spent: 0,
      mail: 20,
    });
  });

  it("one mailbox gets five mails in an hour, and its owner on a known device still gets one", async () => {
    const world = await openMailing(ground, { throttleAttempts: 5 });
    const { device } = await addPerson(world, ann, password);
    world.clock.advance(7201);
    for (let request = 0; request < 240; request += 1) {
      const path = request % 2 === 0 ? "/login/mail" : "/password/reset";
      const address = `198.51.100.${request}`;
      const response = await world.call("POST", path, {
        address,
        body: { login: request % 3 === 0 ? ann.toUpperCase() : ann },
      });
      if (response.status !== 200) expect(outcomeOf(response)).toEqual([429, "too_many_attempts"]);
      world.clock.advance(15);
    }
    expect(await world.countMails("login", "reset")).toBe(5);
    await begin(world, "/login/mail", { login: ann, device }, { address: "198.51.100.1" });
    expect(await world.countMails("login", "reset")).toBe(6);
  });

  it("the limit of a login is the same whether an account has it or not", async () => {
    const world = await openMailing(ground, { throttleAttempts: 5 });
    await world.user(ann, { password });
    await world.user("off@x.example", { password });
    await world.ampho.users.disable("off@x.example");
    world.clock.advance(1);
    const seen: Record<string, unknown[]> = {};
    for (let request = 0; request < 24; request += 1) {
      for (const login of [ann, "off@x.example", "nobody@x.example"]) {
        const response = await world.call("POST", "/login/mail", { body: { login } });
        seen[login] = [...(seen[login] ?? []), [response.status, response.headers.get("retry-after")]];
      }
      world.clock.advance(request % 4 === 0 ? 30 : 61);
    }
    expect(seen[ann]).toEqual(seen["nobody@x.example"]);
    expect(seen[ann]).toEqual(seen["off@x.example"]);
    expect(seen[ann]?.filter((each) => JSON.stringify(each).startsWith("[200"))).toHaveLength(5);
  });

  it.each([
    ["one address", (request: number) => `192.0.2.${request * 0}`],
    ["one /64 of IPv6", (request: number) => `2001:db8:1:2::${request.toString(16)}`],
  ])("requests for many mailboxes from %s cause twenty mails in an hour", async (_, addressOf) => {
    const world = await openMailing(ground);
    for (let request = 0; request < 60; request += 1) {
      await world.ampho.users.create({ login: `user-${request}@x.example` });
      const path = request % 2 === 0 ? "/login/mail" : "/register";
      const login = `user-${request}@x.example`;
      await world.call("POST", path, { address: addressOf(request), body: { login, email: `new-${login}` } });
      world.clock.advance(30);
    }
    expect(await world.countMails("login", "register")).toBe(20);
    await world.call("POST", "/login/mail", { address: "203.0.113.9", body: { login: "user-0@x.example" } });
    expect(await world.countMails("login", "register")).toBe(21);
  });

  it("two processes send each mail once, with the same code from both", async () => {
    const sent: Message[] = [];
    const mail = async (message: Message) => void sent.push(message);
    const world = await openMailing(ground, { mail });
    const others = [await world.another({ mail }), await world.another({ mail })];
    const people = Array.from({ length: 20 }, (_, n) => `user-${n}@x.example`);
    for (const login of people) await world.ampho.users.create({ login });
    await Promise.all(
      people.map((login, n) => [world, ...others][n % 3]?.call("POST", "/login/mail", { body: { login } })),
    );
    await expect.poll(() => sent.length, { timeout: 60_000 }).toBeGreaterThanOrEqual(20);
    await expect
      .poll(() => ground.sql(world, "select n from ampho_mail where sent_at is null"), { timeout: 60_000 })
      .toEqual([]);
    expect(new Set(sent.map(({ to }) => to)).size).toBe(20);
    expect(sent).toHaveLength(20);
  });

  it("a mail that another process takes after the death of the first has the same code and link", async () => {
    const sent: Message[] = [];
    // The first process never ends its attempt, as if it had died in it.
    const hung: AmphoOptions = { mail: (message) => new Promise(() => void sent.push(message)) };
    const world = await openMailing(ground, hung);
    await world.ampho.users.create({ login: ann });
    const { transaction } = await begin(world, "/login/mail", { login: ann });
    await expect.poll(() => sent.length, { timeout: 60_000 }).toBe(1);
    const other = await world.another({ mail: async (message) => void sent.push(message) });
    world.clock.advance(61);
    await expect.poll(() => sent.length, { timeout: 60_000 }).toBe(2);
    const [first, second] = sent.map(({ text }) => proofsOf(text));
    expect(second).toEqual(first);
    expect(sent[0]?.id).toBe(sent[1]?.id);
    grantOf(await logInBy(other, { transaction, code: first?.code }));
  });

  it("a mail that is older than its code is dropped and never sent", async () => {
    let isDown = true;
    const sent: Message[] = [];
    const mail = async (message: Message) => {
      if (isDown) throw new Error("the mail server is down");
      sent.push(message);
    };
    const world = await openMailing(ground, { mail });
    await world.ampho.users.create({ login: ann });
    await begin(world, "/login/mail", { login: ann });
    await expect.poll(() => world.events(), { timeout: 60_000 }).toContainEqual(expect.stringMatching(/^mail_failed/));
    world.clock.advance(600);
    isDown = false;
    await expect.poll(() => world.events(), { timeout: 60_000 }).toContain("mail_dropped: expired");
    expect(await ground.sql(world, "select address, claims from ampho_mail")).toEqual([{ address: "", claims: "{}" }]);
    // A later request is sent as usual, which shows that the outbox has looked since.
    await begin(world, "/login/mail", { login: ann });
    await expect.poll(() => sent.length, { timeout: 60_000 }).toBe(1);
  });

  it("a request returns before the mail server has accepted anything", async () => {
    const world = await openMailing(ground, { mail: () => new Promise(() => undefined) });
    await world.ampho.users.create({ login: ann });
    await begin(world, "/login/mail", { login: ann });
    await begin(world, "/login/mail", { login: ann });
    expect(await world.countMails("login")).toBe(2);
  });

  it("unknown members of requests by mail change nothing", async () => {
    const world = await openMailing(ground);
    const extra = {
      roles: ["admin"],
      id: "other",
      sub: "other",
      email_proven: true,
      acr: "phr",
      amr: ["hwk", "mfa"],
      for: "reset",
      exp: 9_999_999_999,
      fv: 0,
      pwv: 1,
      bare: true,
      inv: "x",
      uh: "x",
      address: "eve@x.example",
    };
    const begun = await begin(world, "/register", { email: ann, ...extra });
    const { code, to } = await world.mail("register");
    expect(to).toBe(ann);
    const registered = grantOf(
      await world.call("POST", "/register/finish", {
        body: { transaction: begun.transaction, code, password, ...extra },
      }),
    );
    expect(claimsOf(registered.token)).toMatchObject({ login: ann, roles: [], acr: "1fa", amr: ["mail", "pwd"] });
    const request = await begin(world, "/login/mail", { login: ann, email: "eve@x.example", ...extra });
    const mail = await world.mail("login");
    expect(mail.to).toBe(ann);
    expect(Object.keys(claimsOf(request.transaction)).sort()).toEqual(["exp", "for", "iat", "jti", "login"]);
    const grant = grantOf(await logInBy(world, { transaction: request.transaction, code: mail.code, ...extra }));
    expect(claimsOf(grant.token)).toMatchObject({ sub: claimsOf(registered.token)["sub"], acr: "1fa", amr: ["mail"] });
  });

  it("a request is not rejected in the second in which the account or all sessions were revoked", async () => {
    const world = await openMailing(ground);
    for (const login of ["off@x.example", "out@x.example"]) await world.user(login, { password });
    world.clock.advance(61);
    await world.ampho.users.disable("off@x.example");
    const out = await world.ampho.users.find("out@x.example");
    await world.ampho.sessions.revokeForUser({ id: String(out?.id), login: "out@x.example" });
    for (const login of ["off@x.example", "out@x.example", "nobody@x.example"])
      expect([login, (await world.call("POST", "/login/mail", { body: { login } })).status]).toEqual([login, 200]);
    await world.ampho.sessions.endForEveryone();
    expect((await world.call("GET", "/login")).status).toBe(200);
    const body = { email: "new@x.example" };
    expect((await world.call("POST", "/register", { body })).status).toBe(200);
  });

  it("a wrong code is rejected alike for known, unknown and disabled accounts", async () => {
    const world = await openMailing(ground);
    await addPerson(world, ann, password);
    await world.user("off@x.example", { password });
    await world.ampho.users.disable("off@x.example");
    const texts = new Set<string>();
    for (const login of [ann, "off@x.example", "nobody@x.example"]) {
      const { transaction } = await begin(world, "/login/mail", { login });
      const link = `${transaction}.AAAA`;
      // The transaction of the browser is no link.
      for (const [body, outcome] of [
        [{ transaction, code: "12345678" }, wrong],
        [{ link, match: "12" }, over],
        [{ link, transaction }, over],
      ] as const) {
        const response = await logInBy(world, body);
        expect([login, outcomeOf(response)]).toEqual([login, outcome]);
        texts.add(response.text);
      }
    }
    expect(texts.size).toBe(2);
    const { mail } = await asked(world, ann);
    expect(mail.to).toBe(ann);
  });
});
