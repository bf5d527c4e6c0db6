// Codes of authenticator apps at the gate: each is accepted once, near its time, in its form, for its user.
import { expect, it } from "vitest";
import { admission, grantOf, password, type World } from "../world/ampho.js";
import { claimsOf } from "../world/tokens.js";
import {
  addOwner,
  codeAt,
  fullLogin,
  logIn,
  onBothDatabases,
  outcomeOf,
  pendingLogin,
  setUp,
  unthrottled,
  wrong,
  wrongCode,
} from "./owners.js";

const stepUp = (world: World, bearer: string, totp: string) => world.call("POST", "/login", { bearer, body: { totp } });

onBothDatabases((ground) => {
  it("a session that confirms an app is raised by it alone, and keeps its `auth_time`", async () => {
    const world = await ground.open();
    await world.user("ann", { password });
    const [session, other] = [await world.login("ann"), await world.login("ann")];
    const { secret, transaction } = await setUp(world, session.token);
    world.clock.advance(60);
    const body = { transaction, totp: codeAt(secret, world.clock.now()) };
    // A token of another session neither confirms it nor is raised.
    expect((await world.call("POST", "/totp/confirm", { body, bearer: other.token })).status).toBe(401);
    const raised = grantOf(await world.call("POST", "/totp/confirm", { body, bearer: session.token }));
    const { auth_time, sid } = claimsOf(session.token);
    const level = { acr: "2fa", amr: ["pwd", "otp", "mfa"], auth_time, sid };
    expect(claimsOf(raised.token)).toMatchObject(level);
    expect(claimsOf(grantOf(await world.renew(raised.refresh_token)).token)).toMatchObject(level);
    expect((await world.renew(session.refresh_token)).status).toBe(401);
    expect((await world.renew(other.refresh_token)).status).toBe(401);
  });

  it("a login that waits while another session sets up an app is not raised by that", async () => {
    const world = await ground.open({ factors: { admin: "required" } });
    const { id } = await world.user("ann", { password });
    const session = await world.login("ann");
    await world.ampho.factors.setPolicy(id, "required");
    const { token: bearer } = await world.ampho.sessions.create(id, { amr: ["pwd"], authTime: world.clock.now() });
    const pending = await logIn(world, "ann");
    expect(pending.json).toMatchObject({ error: "factor_needed", enroll: true });
    const { secret, transaction } = await setUp(world, bearer);
    const body = { transaction, totp: codeAt(secret, world.clock.now()) };
    expect((await world.call("POST", "/totp/confirm", { body, bearer })).status).toBe(200);
    const finish = await world.call("POST", "/login", { body: { transaction: pending.json["transaction"] } });
    expect(finish.status).toBe(401);
    expect(await admission(world.ampho, session.token)).toBe("invalid_token");
  });

  it("a code is accepted once, in one request and in two", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const totp = ann.nextCode();
    expect((await logIn(world, "ann", { totp })).status).toBe(200);
    expect(outcomeOf(await logIn(world, "ann", { totp }))).toEqual(wrong);
    const transaction = await pendingLogin(world, "ann");
    expect(outcomeOf(await world.call("POST", "/login", { body: { transaction, totp } }))).toEqual(wrong);
    const next = ann.nextCode();
    expect((await world.call("POST", "/login", { body: { transaction, totp: next } })).status).toBe(200);
    expect(outcomeOf(await logIn(world, "ann", { totp: next }))).toEqual(wrong);
  });

  it("a used code is named after a right first factor, and a wrong code or another used factor is not", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const isNamed = ({ json }: { readonly json: Readonly<Record<string, unknown>> }) => json["reason"];
    const totp = ann.nextCode();
    const { token: bearer } = grantOf(await logIn(world, "ann", { totp }));
    const again = await logIn(world, "ann", { totp });
    expect([again.status, again.error, isNamed(again)]).toEqual([401, "invalid_credentials", "code_used"]);
    expect(String(again.json["message"])).toContain("Wait for the next one.");
    expect(isNamed(await stepUp(world, bearer, totp))).toBe("code_used");
    const [recoveryCode] = ann.recoveryCodes;
    expect((await logIn(world, "ann", { recovery_code: recoveryCode })).status).toBe(200);
    for (const sent of [
      { totp: wrongCode(ann.secret, world.clock.now()) },
      { recovery_code: recoveryCode },
      { totp, password: "another heron violet 91" },
    ]) {
      const response = await logIn(world, "ann", sent);
      expect([...outcomeOf(response), isNamed(response)]).toEqual([...wrong, undefined]);
    }
  });

  it("a login beside the transaction of a pending login is malformed, and no wrong password", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const transaction = await pendingLogin(world, "ann");
    const totp = ann.nextCode();
    for (const more of [{ totp }, { totp, password: "heron violet tumbrel 91" }, {}])
      for (const login of ["ann", "eve"]) {
        const response = await world.call("POST", "/login", { body: { transaction, login, ...more } });
        expect([more, response.status, response.error]).toEqual([more, 400, "invalid_request"]);
      }
    expect(await world.events()).not.toContain("login_rejected: no_password_given");
    expect((await world.call("POST", "/login", { body: { transaction, totp } })).status).toBe(200);
  });

  it("the code that confirmed the set-up is rejected at the first login", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    expect(outcomeOf(await logIn(world, "ann", { totp: ann.used }))).toEqual(wrong);
    expect((await logIn(world, "ann", { totp: ann.nextCode() })).status).toBe(200);
  });

  it("the code of a login is rejected at a re-authentication and at a step-up", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const totp = ann.nextCode();
    const { token: bearer } = grantOf(await logIn(world, "ann", { totp }));
    const again = { login: "ann", password: "heron violet tumbrel 91", totp };
    expect(outcomeOf(await world.call("POST", "/login", { bearer, body: again }))).toEqual(wrong);
    expect(outcomeOf(await stepUp(world, bearer, totp))).toEqual(wrong);
  });

  it("the code of a step-up is rejected at the next step-up and at a login", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const totp = ann.nextCode();
    const raised = grantOf(await stepUp(world, ann.weak.token, totp));
    expect(claimsOf(raised.token)).toMatchObject({ acr: "2fa", amr: ["pwd", "otp", "mfa"] });
    expect(outcomeOf(await stepUp(world, raised.token, totp))).toEqual(wrong);
    expect(outcomeOf(await logIn(world, "ann", { totp }))).toEqual(wrong);
  });

  it("a code that is sent 16 times at once to two instances opens one session", async () => {
    const world = await ground.open(unthrottled);
    const ann = await addOwner(world, "ann");
    const both = [world, await world.another()];
    const transactions: string[] = [];
    for (let n = 0; n < 16; n++) transactions.push(await pendingLogin(world, "ann"));
    const totp = ann.nextCode();
    const responses = await Promise.all(
      transactions.map((transaction, n) =>
        (both[n % 2] ?? world).call("POST", "/login", { body: { transaction, totp } }),
      ),
    );
    expect(responses.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const response of responses.filter(({ status }) => status !== 200)) expect(outcomeOf(response)).toEqual(wrong);
    expect(await world.ampho.sessions.list(ann.id)).toHaveLength(3);
  });

  it("a code that is sent at once to a login, a re-authentication and a step-up is accepted once", async () => {
    const world = await ground.open(unthrottled);
    const ann = await addOwner(world, "ann");
    const { token: bearer } = await fullLogin(world, ann);
    const transaction = await pendingLogin(world, "ann");
    const totp = ann.nextCode();
    const responses = await Promise.all([
      world.call("POST", "/login", { body: { transaction, totp } }),
      logIn(world, "ann", { totp }),
      stepUp(world, bearer, totp),
    ]);
    expect(responses.map(({ status }) => status).sort()).toEqual([200, 401, 401]);
  });

  it("a code is accepted one step before and after its time, and not two", async () => {
    const world = await ground.open(unthrottled);
    const ann = await addOwner(world, "ann");
    const at = async (steps: number) => {
      world.clock.advance(300);
      const totp = codeAt(ann.secret, world.clock.now() + 30 * steps);
      return (await logIn(world, "ann", { totp })).status;
    };
    for (const steps of [-1, 0, 1]) expect([steps, await at(steps)]).toEqual([steps, 200]);
    for (const steps of [-20, -2, 2, 20]) expect([steps, await at(steps)]).toEqual([steps, 401]);
  });

  it("a code of a step before the last accepted one is rejected", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    world.clock.advance(300);
    const [before, present, after] = [-30, 0, 30].map((by) => codeAt(ann.secret, world.clock.now() + by));
    expect((await logIn(world, "ann", { totp: after })).status).toBe(200);
    for (const totp of [present, before, after]) expect(outcomeOf(await logIn(world, "ann", { totp }))).toEqual(wrong);
  });

  it("a clock that is set back accepts no used code again", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const totp = ann.nextCode();
    expect((await logIn(world, "ann", { totp })).status).toBe(200);
    world.clock.advance(-60);
    expect(outcomeOf(await logIn(world, "ann", { totp }))).toEqual(wrong);
    expect(outcomeOf(await logIn(world, "ann", { totp: codeAt(ann.secret, world.clock.now()) }))).toEqual(wrong);
  });

  it("a code with spaces is accepted, and every other form is a bad request", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const [code] = [ann.nextCode()];
    const fullWidth = [...code].map((digit) => String.fromCharCode(digit.charCodeAt(0) + 0xfee0)).join("");
    const arabic = [...code].map((digit) => String.fromCharCode(0x660 + Number(digit))).join("");
    const bad = [`${code}0`, code.slice(1), fullWidth, arabic, "abcdef", `-${code.slice(1)}`, `${code}\n`, `${code}\0`];
    const { transaction } = await pendingSetUp(world);
    for (const totp of [...bad, "", " ", [code], { code }, Number(code), null, true]) {
      expect(outcomeOf(await logIn(world, "ann", { totp }))).toEqual([400, "invalid_request"]);
      const confirmed = await world.call("POST", "/totp/confirm", { body: { transaction, totp } });
      expect(outcomeOf(confirmed)).toEqual([400, "invalid_request"]);
    }
    expect((await logIn(world, "ann", { totp: ` ${code.slice(0, 3)} ${code.slice(3)} ` })).status).toBe(200);
  });

  it("a request with a code and a recovery code is a bad request, and uses neither", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const [recovery_code = ""] = ann.recoveryCodes;
    const totp = ann.nextCode();
    expect(outcomeOf(await logIn(world, "ann", { totp, recovery_code }))).toEqual([400, "invalid_request"]);
    expect((await logIn(world, "ann", { totp })).status).toBe(200);
    expect((await logIn(world, "ann", { recovery_code })).status).toBe(200);
  });

  it("the secrets of two users that are swapped in the database open no session", async () => {
    const world = await ground.open(unthrottled);
    const [ann, bob] = [await addOwner(world, "ann"), await addOwner(world, "bob")];
    const swap = async () => {
      const rows = await ground.sql(world, "select user_id, secret, kid from ampho_totp");
      const [one, other] = rows;
      for (const [from, to] of [
        [one, other],
        [other, one],
      ])
        await ground.sql(
          world,
          `update ampho_totp set secret = '${from?.["secret"]}' where user_id = '${to?.["user_id"]}'`,
        );
    };
    await swap();
    world.clock.advance(30);
    for (const { secret } of [ann, bob])
      for (const login of ["ann", "bob"]) {
        const totp = codeAt(secret, world.clock.now());
        expect(outcomeOf(await logIn(world, login, { totp }))).toEqual([503, "unavailable"]);
      }
    await swap();
    expect((await logIn(world, "ann", { totp: ann.nextCode() })).status).toBe(200);
  });

  it("a secret that is cut or changed in the database opens no session, and no error leaks", async () => {
    const world = await ground.open(unthrottled);
    const ann = await addOwner(world, "ann");
    for (const secret of ["", "AAAA", "!", "A".repeat(64)]) {
      await ground.sql(world, `update ampho_totp set secret = '${secret}'`);
      expect(outcomeOf(await logIn(world, "ann", { totp: ann.nextCode() }))).toEqual([503, "unavailable"]);
    }
  });
});

async function pendingSetUp(world: World) {
  await world.user("eve", { password: "heron violet tumbrel 91" });
  return setUp(world, (await world.login("eve")).token);
}
