// Transactions: each is good for one purpose, one use and ten minutes, and never stands in for a session.
import { expect, it } from "vitest";
import { admission, grantOf, password, type World } from "../world/ampho.js";
import { claimsOf, sessionOf } from "../world/tokens.js";
import {
  addOwner,
  codeAt,
  fullLogin,
  type Ground,
  logIn,
  type Owner,
  onBothDatabases,
  outcomeOf,
  pendingLogin,
  setUp,
  wrong,
  wrongCode,
} from "./owners.js";

const over = [401, "transaction_over"];
const key = (of: string) => ({ "Idempotency-Key": `${of}-0123456789abcdef` });

const finish = (world: World, body: object, headers = {}, bearer?: string) =>
  world.call("POST", "/login", { body, headers, bearer });

const required = { factors: { "*": "required" } } as const;

/** A login that must set up a factor. */
async function pendingEnrolment(world: World, login: string): Promise<string> {
  const { json } = await logIn(world, login);
  expect(json).toMatchObject({ error: "factor_needed", enroll: true });
  return String(json["transaction"]);
}

const sessionsOf = async (ground: Ground, world: World) =>
  (await ground.sql(world, "select id from ampho_sessions where ended_at is null")).length;

/** Each begins a transaction, and returns it with the token of the session that it belongs to. */
const purposes = {
  second: async (world: World, { login }: Owner) => ({ transaction: await pendingLogin(world, login) }),
  "second of a session": async (world: World, { weak: { token } }: Owner) => {
    const { json } = await finish(world, {}, {}, token);
    return { transaction: String(json["transaction"]), bearer: token };
  },
  enroll: async (world: World) => {
    const { login } = await world.user(`new${world.clock.now()}`, { password, roles: ["strict"] });
    return { transaction: await pendingEnrolment(world, login) };
  },
  totp: async (world: World, owner: Owner) => {
    const { token } = await fullLogin(world, owner);
    return { transaction: (await setUp(world, token)).transaction, bearer: token };
  },
  "totp of a pending login": async (world: World) => {
    const { login } = await world.user(`new${world.clock.now()}`, { password, roles: ["strict"] });
    const transaction = await pendingEnrolment(world, login);
    const { json } = await world.call("POST", "/totp", { body: { transaction } });
    return { transaction: String(json["transaction"]) };
  },
} as const;

/** The routes that redeem or take a transaction, and the purposes that are right there. */
const finishes = {
  "POST /login": ["second", "second of a session"],
  "POST /totp": ["enroll"],
  "POST /totp/confirm": ["totp", "totp of a pending login"],
} as const;

onBothDatabases((ground) => {
  it("a transaction has no right of a session, as a bearer token and in a body", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const transaction = await pendingLogin(world, "ann");
    const next = "another heron, another tumbrel";
    const calls = [
      ["GET", "/session", undefined],
      ["GET", "/sessions", undefined],
      ["DELETE", "/sessions", undefined],
      ["DELETE", `/sessions/${sessionOf(ann.weak)}`, undefined],
      ["POST", "/logout", undefined],
      ["POST", "/renew", undefined],
      ["POST", "/password", { password, new_password: next, transaction }],
      ["POST", "/totp", undefined],
      ["POST", "/totp", { transaction }],
      ["POST", "/totp/confirm", { transaction, totp: "123456" }],
      ["DELETE", "/totp", undefined],
      ["POST", "/recovery-codes", undefined],
      ["DELETE", "/devices", undefined],
      ["POST", "/login", {}],
      ["POST", "/login", { totp: ann.nextCode() }],
    ] as const;
    for (const [method, path, body] of calls) {
      const bodied = body === undefined ? {} : { body };
      const response = await world.call(method, path, { bearer: transaction, ...bodied });
      expect([method, path, response.status]).toEqual([method, path, 401]);
    }
    expect((await world.renew(transaction)).status).toBe(401);
    expect((await world.call("POST", "/passkeys/options", { bearer: transaction })).status).toBe(404);
    expect(await admission(world.ampho, transaction)).toBe("invalid_token");
    expect(await world.ampho.sessions.list(ann.id)).toHaveLength(2);
    expect((await finish(world, { transaction, totp: ann.nextCode() })).status).toBe(200);
  });

  it("a pending login with a first factor alone sets up no factor where the account has one", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const transaction = await pendingLogin(world, "ann");
    for (const sent of [{ body: { transaction } }, { bearer: transaction }])
      expect(outcomeOf(await world.call("POST", "/totp", sent))).toEqual(over);
    const confirm = { transaction, totp: codeAt(ann.secret, world.clock.now()) };
    expect(outcomeOf(await world.call("POST", "/totp/confirm", { body: confirm }))).toEqual(over);
  });

  it("a factor that changes between the steps rejects the second step", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const changes = [
      async () => {
        const { token } = await fullLogin(world, ann);
        expect((await world.call("POST", "/recovery-codes", { bearer: token })).status).toBe(200);
      },
      () => world.ampho.factors.remove(ann.id, { all: true, reason: "A test removes them." }),
    ];
    for (const change of changes) {
      const transaction = await pendingLogin(world, "ann");
      await change();
      const open = await sessionsOf(ground, world);
      expect(outcomeOf(await finish(world, { transaction, totp: ann.nextCode() }))).toEqual(over);
      expect(await sessionsOf(ground, world)).toBe(open);
    }
  });

  it("a pending login goes on when the remembered devices are forgotten", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const transaction = await pendingLogin(world, "ann");
    const { token } = await fullLogin(world, ann);
    expect((await world.call("DELETE", "/devices", { bearer: token })).status).toBe(204);
    expect((await finish(world, { transaction, totp: ann.nextCode() })).status).toBe(200);
  });

  it("a factor that is added during an enrolment rejects both steps of the enrolment", async () => {
    const world = await ground.open(required);
    const { id } = await world.user("ann", { password });
    const [early, late] = [await pendingEnrolment(world, "ann"), await pendingEnrolment(world, "ann")];
    const begun = await world.call("POST", "/totp", { body: { transaction: early } });
    const { token } = await world.ampho.sessions.create(id, { authTime: world.clock.now() });
    const own = await setUp(world, token);
    const totp = codeAt(own.secret, world.clock.now());
    await world.call("POST", "/totp/confirm", { body: { transaction: own.transaction, totp }, bearer: token });
    expect(outcomeOf(await world.call("POST", "/totp", { body: { transaction: late } }))).toEqual(over);
    const code = codeAt(String(begun.json["secret"]), world.clock.now());
    const confirm = { transaction: begun.json["transaction"], totp: code };
    expect(outcomeOf(await world.call("POST", "/totp/confirm", { body: confirm }))).toEqual(over);
    expect(await sessionsOf(ground, world)).toBe(1);
    expect(await world.ampho.factors.list(id)).toMatchObject({ factors: [{}, {}] });
  });

  it("a policy that becomes stricter between the steps counts at the second step", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const transaction = await pendingLogin(world, "ann");
    await world.ampho.factors.setPolicy(ann.id, "phr");
    const response = await finish(world, { transaction, totp: ann.nextCode() });
    expect(response.json).toMatchObject({ error: "factor_needed", enroll: true });
    // The session that set the app up was below the policy.
    expect(await sessionsOf(ground, world)).toBe(0);
  });

  it("a password that changes, and a user who is disabled or deleted, rejects the second step", async () => {
    const world = await ground.open();
    const remove = (login: string) => world.ampho.users.remove(login);
    const changes = [
      (login: string) => world.ampho.users.setPassword(login, "another heron, another tumbrel"),
      (login: string) => world.ampho.users.disable(login),
      async (login: string) => {
        await world.ampho.users.disable(login);
        await world.ampho.users.enable(login);
      },
      remove,
    ];
    for (const [at, change] of changes.entries()) {
      const owner = await addOwner(world, `ann${at}`);
      const transaction = await pendingLogin(world, owner.login);
      const { token: bearer } = owner.weak;
      const raising = String((await finish(world, {}, {}, bearer)).json["transaction"]);
      await change(owner.login);
      for (const response of [
        await finish(world, { transaction, totp: owner.nextCode() }),
        await finish(world, { transaction, recovery_code: owner.recoveryCodes[0] }),
        await finish(world, { transaction: raising, totp: owner.nextCode() }, {}, bearer),
        await finish(world, { totp: owner.nextCode() }, {}, bearer),
      ])
        expect(response.status, response.text).toBe(401);
      const sessions = world.ampho.sessions.list(owner.id);
      if (change === remove) await expect(sessions).rejects.toMatchObject({ code: "not_found" });
      else expect(await sessions).toEqual([]);
    }
  });

  it("a transaction is over at every route that redeems another purpose", async () => {
    const world = await ground.open({ factors: { "*": "optional", strict: "required" } });
    const ann = await addOwner(world, "ann");
    for (const [purpose, begin] of Object.entries(purposes))
      for (const [route, right] of Object.entries(finishes)) {
        world.clock.advance(30);
        const { transaction, bearer } = { bearer: undefined, ...(await begin(world, ann)) };
        const totp = wrongCode(ann.secret, world.clock.now());
        const body = { transaction, ...(route === "POST /totp" ? {} : { totp }) };
        const response = await world.call("POST", route.slice(5), { body, bearer });
        const isRight = right.some((name) => name === purpose);
        const expected = route === "POST /totp" ? [200] : wrong;
        expect([purpose, route, ...outcomeOf(response)]).toEqual([purpose, route, ...(isRight ? expected : over)]);
      }
  });

  it("a transaction of a session is over without the token of this session", async () => {
    const world = await ground.open();
    const [ann, bob] = [await addOwner(world, "ann"), await addOwner(world, "bob")];
    const { token } = await fullLogin(world, ann);
    const { transaction } = (await finish(world, {}, {}, ann.weak.token)).json;
    for (const bearer of [undefined, token, bob.weak.token])
      expect(outcomeOf(await finish(world, { transaction, totp: ann.nextCode() }, {}, bearer))).toEqual(over);
    const { transaction: again } = (await finish(world, {}, {}, ann.weak.token)).json;
    const response = await finish(world, { transaction: again, totp: ann.nextCode() }, {}, ann.weak.token);
    expect(sessionOf(grantOf(response))).toBe(sessionOf(ann.weak));
  });

  it("a redeemed transaction is over, also after a restart and when its row is swept", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const transaction = await pendingLogin(world, "ann");
    const began = world.clock.now();
    grantOf(await finish(world, { transaction, totp: ann.nextCode() }));
    const another = await world.another();
    for (const each of [world, another]) {
      expect(outcomeOf(await finish(each, { transaction, totp: ann.nextCode() }))).toEqual(over);
      expect(outcomeOf(await finish(each, { transaction, recovery_code: ann.recoveryCodes[0] }))).toEqual(over);
    }
    const [row] = await ground.sql(world, "select until from ampho_spent");
    expect(Number(row?.["until"])).toBe(began + 600 + 60);
    world.clock.advance(began + 660 - world.clock.now());
    await ground.sql(world, "delete from ampho_spent");
    expect(outcomeOf(await finish(another, { transaction, totp: ann.nextCode() }))).toEqual(over);
    expect(await sessionsOf(ground, world)).toBe(3);
  });

  it("a transaction that is redeemed again uses no factor and no recovery code", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const transaction = await pendingLogin(world, "ann");
    grantOf(await finish(world, { transaction, totp: ann.nextCode() }));
    const code = ann.recoveryCodes[0];
    expect(outcomeOf(await finish(world, { transaction, recovery_code: code }))).toEqual(over);
    expect(await logIn(world, "ann", { recovery_code: code })).toMatchObject({ json: { recovery_codes_left: 7 } });
  });

  it("a lost response is returned again for the same Idempotency-Key within 60 seconds, and for no other", async () => {
    const world = await ground.open();
    const another = await world.another();
    const ann = await addOwner(world, "ann");
    const transaction = await pendingLogin(world, "ann");
    const totp = ann.nextCode();
    const first = grantOf(await finish(world, { transaction, totp }, key("one")));
    for (const each of [world, another]) {
      const again = grantOf(await finish(each, { transaction, totp }, key("one")));
      expect([sessionOf(again), claimsOf(again.token)["gen"]]).toEqual([sessionOf(first), 0]);
      expect(claimsOf(again.token)).toMatchObject({ acr: "2fa", amr: ["pwd", "otp", "mfa"] });
    }
    for (const headers of [{}, key("two")])
      expect(outcomeOf(await finish(world, { transaction, totp }, headers))).toEqual(over);
    // The code itself is not right any more, and the response can still be repeated.
    world.clock.advance(60);
    grantOf(await finish(world, { transaction, totp }, key("one")));
    world.clock.advance(1);
    expect(outcomeOf(await finish(world, { transaction, totp }, key("one")))).toEqual(over);
    expect(await sessionsOf(ground, world)).toBe(3);
  });

  it("a lost response is not returned again after the session moved on or ended", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    for (const [at, use] of [
      (token: string) => world.call("POST", "/logout", { bearer: token }),
      (_: string, refresh: string) => world.renew(refresh),
    ].entries()) {
      const transaction = await pendingLogin(world, "ann");
      const totp = ann.nextCode();
      const grant = grantOf(await finish(world, { transaction, totp }, key(`use${at}`)));
      await use(grant.token, grant.refresh_token);
      expect(outcomeOf(await finish(world, { transaction, totp }, key(`use${at}`)))).toEqual(over);
    }
  });

  it("a transaction is over from its 600th second on, and before its own time", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const [last, first, leeway] = [
      await pendingLogin(world, "ann"),
      await pendingLogin(world, "ann"),
      await pendingLogin(world, "ann"),
    ];
    world.clock.advance(599);
    const totp = () => codeAt(ann.secret, world.clock.now());
    expect((await finish(world, { transaction: last, totp: totp() })).status).toBe(200);
    world.clock.advance(1);
    expect(outcomeOf(await finish(world, { transaction: first, totp: totp() }))).toEqual(over);
    world.clock.advance(59);
    expect(outcomeOf(await finish(world, { transaction: leeway, totp: totp() }))).toEqual(over);
    const early = await pendingLogin(world, "ann");
    world.clock.advance(-61);
    expect(outcomeOf(await finish(world, { transaction: early, totp: totp() }))).toEqual(over);
    expect(await sessionsOf(ground, world)).toBe(3);
  });

  it("a clock that is set back after a redemption makes no transaction usable again", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const transaction = await pendingLogin(world, "ann");
    grantOf(await finish(world, { transaction, totp: ann.nextCode() }));
    world.clock.advance(-30);
    const body = { transaction, recovery_code: ann.recoveryCodes[0] };
    expect(outcomeOf(await finish(world, body))).toEqual(over);
  });

  it("a restored backup accepts a redeemed transaction again until `session-end --all` voids it", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const [restored, voided] = [await pendingLogin(world, "ann"), await pendingLogin(world, "ann")];
    const totp = ann.nextCode();
    grantOf(await finish(world, { transaction: restored, totp }));
    // The state of a backup from before the redemption.
    await ground.sql(world, "delete from ampho_spent");
    await ground.sql(world, "update ampho_totp set last_step = 0");
    expect((await finish(world, { transaction: restored, totp })).status).toBe(200);
    await world.ampho.sessions.endForEveryone();
    await ground.sql(world, "delete from ampho_spent");
    await ground.sql(world, "update ampho_totp set last_step = 0");
    const another = await world.another();
    for (const each of [world, another])
      for (const transaction of [restored, voided])
        expect(outcomeOf(await finish(each, { transaction, totp: ann.nextCode() }))).toEqual(over);
    expect(await world.ampho.sessions.list(ann.id)).toEqual([]);
  });

  it("unknown members of a body change nothing", async () => {
    const world = await ground.open(required);
    const extra = {
      roles: ["admin"],
      id: "another",
      sub: "another",
      email_proven: true,
      acr: "phr",
      amr: ["hwk", "mfa"],
      policy: "optional",
      factors: [],
      sid: "another",
      enroll: false,
      at: 0,
      now: 0,
      stored: false,
    };
    const { id } = await world.user("ann", { password });
    const transaction = await pendingEnrolment(world, "ann");
    const begun = await world.call("POST", "/totp", { body: { transaction, ...extra, secret: "A".repeat(32) } });
    const secret = String(begun.json["secret"]);
    expect(secret).not.toBe("A".repeat(32));
    const code = codeAt(secret, world.clock.now());
    const confirm = { transaction: begun.json["transaction"], totp: code, ...extra, recovery_codes: ["1"] };
    const enrolled = await world.call("POST", "/totp/confirm", { body: confirm });
    const pending = await logIn(world, "ann", extra);
    expect(pending.json).toMatchObject({ error: "factor_needed", enroll: false });
    world.clock.advance(30);
    const totp = codeAt(secret, world.clock.now());
    const second = await finish(world, { transaction: pending.json["transaction"], totp, ...extra });
    world.clock.advance(30);
    const raising = { totp: codeAt(secret, world.clock.now()), ...extra };
    const raised = await finish(world, raising, {}, String(second.json["token"]));
    const renewed = await world.call("POST", "/renew", {
      body: { refresh_token: raised.json["refresh_token"], ...extra },
    });
    for (const { json } of [enrolled, second, raised, renewed])
      expect(claimsOf(String(json["token"]))).toMatchObject({
        sub: id,
        login: "ann",
        roles: [],
        acr: "2fa",
        amr: ["pwd", "otp", "mfa"],
      });
  });

  it("a login beside the token of an ended session is finished by a second factor, and opens a new session", async () => {
    const world = await ground.open();
    const ends = {
      ended: async (_: Owner, sid: string) => void (await world.ampho.sessions.end(sid)),
      "ended for the user": ({ id }: Owner) => world.ampho.sessions.endForUser(id),
      revoked: ({ id, login }: Owner) => world.ampho.sessions.revokeForUser({ id, login }),
      "ended for everyone": () => world.ampho.sessions.endForEveryone(),
    };
    for (const [name, end] of Object.entries(ends)) {
      const owner = await addOwner(world, name.replaceAll(" ", "-"));
      const before = await fullLogin(world, owner);
      const bearer = before.token;
      await end(owner, sessionOf(before));
      world.clock.advance(1);
      const body = { login: owner.login, password };
      const needed = await world.call("POST", "/login", { bearer, body });
      expect([name, needed.error]).toEqual([name, "factor_needed"]);
      const { transaction } = needed.json;
      const done = await finish(world, { transaction, totp: owner.nextCode() }, {}, bearer);
      expect([name, done.status, done.error]).toEqual([name, 200, undefined]);
      expect(sessionOf(grantOf(done))).not.toBe(sessionOf(before));
    }
  });

  it("a login beside the token of a removed role re-authenticates its session, with a second factor too", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann", ["editor"]);
    const { token: bearer } = ann.weak;
    await world.ampho.users.setRoles("ann", []);
    expect(await admission(world.ampho, bearer)).toBe("invalid_token");
    const needed = await world.call("POST", "/login", { bearer, body: { login: "ann", password } });
    const { transaction } = needed.json;
    const raised = grantOf(await finish(world, { transaction, totp: ann.nextCode() }, {}, bearer));
    expect(sessionOf(raised)).toBe(sessionOf(ann.weak));
  });

  it("a login beside the token of an ended session sets up the factor that its policy requires", async () => {
    const world = await ground.open({ factors: { strict: "required" } });
    const user = await world.user("ann", { password, roles: ["strict"] });
    const { token: bearer } = await world.session(user);
    await world.ampho.sessions.endForUser(user.id);
    const needed = await world.call("POST", "/login", { bearer, body: { login: "ann", password } });
    expect(needed.json).toMatchObject({ error: "factor_needed", enroll: true });
    const begun = await world.call("POST", "/totp", { body: { transaction: needed.json["transaction"] } });
    const totp = codeAt(String(begun.json["secret"]), world.clock.now());
    const confirm = { transaction: begun.json["transaction"], totp };
    expect((await world.call("POST", "/totp/confirm", { body: confirm })).status, begun.text).toBe(200);
  });
});
