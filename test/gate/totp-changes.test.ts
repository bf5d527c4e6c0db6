// Changes of second factors need a recent login at the level of the account, in the session that began them.
import { expect, it } from "vitest";
import { grantOf, password, type World } from "../world/ampho.js";
import { claimsOf, foreignToken } from "../world/tokens.js";
import {
  addOwner,
  codeAt,
  fullLogin,
  logIn,
  onBothDatabases,
  outcomeOf,
  pendingLogin,
  setUp,
  wrong,
} from "./owners.js";

const changes = [
  ["POST", "/totp"],
  ["DELETE", "/totp"],
  ["POST", "/recovery-codes"],
] as const;
const over = [401, "transaction_over"];

const attempt = async (world: World, bearer: string) => {
  const outcomes: unknown[] = [];
  for (const [method, path] of changes) outcomes.push(outcomeOf(await world.call(method, path, { bearer })));
  return outcomes;
};
const all = (error: string) => changes.map(() => [401, error]);

const confirm = (world: World, transaction: string, totp: string, bearer?: string) =>
  world.call("POST", "/totp/confirm", { body: { transaction, totp }, bearer });

onBothDatabases((ground) => {
  it("a session by password alone changes no factor of an account that has one", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    expect(await attempt(world, ann.weak.token)).toEqual(all("login_too_weak"));
    const { device } = await fullLogin(world, ann, { remember: true });
    const remembered = grantOf(await logIn(world, "ann", { device }));
    expect(claimsOf(remembered.token)).toMatchObject({ acr: "1fa", amr: ["pwd", "dev"] });
    expect(await attempt(world, remembered.token)).toEqual(all("login_too_weak"));
    expect((await logIn(world, "ann", { totp: ann.nextCode() })).status).toBe(200);
  });

  it("a session with both factors changes none 301 seconds after the login", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const { token } = await fullLogin(world, ann);
    world.clock.advance(301);
    expect(await attempt(world, token)).toEqual(all("login_too_old"));
  });

  it("a step-up in a session whose password is old changes no factor", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    world.clock.advance(301);
    const raised = await world.call("POST", "/login", { bearer: ann.weak.token, body: { totp: ann.nextCode() } });
    expect(await attempt(world, grantOf(raised).token)).toEqual(all("login_too_old"));
  });

  it("a token of other software that names a session and no level changes no factor", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const { acr: _acr, amr: _amr, ...claims } = claimsOf(ann.weak.token);
    for (const more of [{}, { acr: "0" }, { acr: "urn:mace:incommon:iap:silver" }])
      expect(await attempt(world, foreignToken(world.key, { ...claims, ...more }))).toEqual(all("login_too_weak"));
  });

  it("a pending login changes no factor of an account that has one", async () => {
    const world = await ground.open();
    await addOwner(world, "ann");
    const transaction = await pendingLogin(world, "ann");
    expect(outcomeOf(await world.call("POST", "/totp", { body: { transaction } }))).toEqual(over);
    expect(outcomeOf(await world.call("POST", "/totp", { bearer: transaction }))).toEqual(over);
    for (const [method, path] of changes.slice(1))
      expect(outcomeOf(await world.call(method, path, { bearer: transaction }))).toEqual([401, "invalid_token"]);
  });

  it("a set-up is confirmed only in the session that began it", async () => {
    const world = await ground.open();
    for (const login of ["ann", "bob"]) await world.user(login, { password });
    const [ann, other, bob] = [await world.login("ann"), await world.login("ann"), await world.login("bob")];
    const { secret, transaction } = await setUp(world, ann.token);
    const totp = codeAt(secret, world.clock.now());
    for (const { token } of [other, bob])
      expect(outcomeOf(await confirm(world, transaction, totp, token))).toEqual(over);
    expect(outcomeOf(await confirm(world, transaction, totp))).toEqual([401, "missing_token"]);
    expect(outcomeOf(await confirm(world, transaction, totp, transaction))).toEqual([401, "invalid_token"]);
    const { token } = grantOf(await confirm(world, transaction, totp, ann.token));
    expect(outcomeOf(await confirm(world, transaction, totp, ann.token))).toEqual([401, "invalid_token"]);
    expect(outcomeOf(await confirm(world, transaction, totp, token))).toEqual(over);
  });

  it("a set-up that began before another one was confirmed, or in a session that ended, is over", async () => {
    const world = await ground.open();
    await world.user("ann", { password });
    const [one, two] = [await world.login("ann"), await world.login("ann")];
    const begun = [await setUp(world, one.token), await setUp(world, one.token), await setUp(world, two.token)];
    const [first, second, third] = begun.map(({ secret, transaction }) => ({
      transaction,
      totp: codeAt(secret, world.clock.now()),
    }));
    if (!(first && second && third)) throw new Error("three set-ups were begun");
    const { token } = grantOf(await confirm(world, first.transaction, first.totp, one.token));
    expect(outcomeOf(await confirm(world, second.transaction, second.totp, token))).toEqual(over);
    expect(outcomeOf(await confirm(world, third.transaction, third.totp, two.token))).toEqual(over);
  });

  it("a set-up that is confirmed 16 times at once on two instances stores one secret", async () => {
    const world = await ground.open();
    const { id } = await world.user("ann", { password });
    const { token } = await world.login("ann");
    const both = [world, await world.another()];
    const { secret, transaction } = await setUp(world, token);
    const totp = codeAt(secret, world.clock.now());
    const responses = await Promise.all(
      Array.from({ length: 16 }, (_, n) => confirm(both[n % 2] ?? world, transaction, totp, token)),
    );
    expect(responses.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const response of responses.filter(({ status }) => status !== 200)) expect(outcomeOf(response)).toEqual(over);
    expect(await ground.sql(world, `select since from ampho_totp where user_id = '${id}'`)).toHaveLength(1);
  });

  it("a login that must set up an app does so once of 16 times at once, and its code is used", async () => {
    const world = await ground.open({ factors: { "*": "required" }, throttleAttempts: 1000 });
    const { id } = await world.user("ann", { password });
    const pending = await pendingLogin(world, "ann");
    const both = [world, await world.another()];
    const begun = await world.call("POST", "/totp", { body: { transaction: pending } });
    const [secret, transaction] = [String(begun.json["secret"]), String(begun.json["transaction"])];
    const totp = codeAt(secret, world.clock.now());
    const responses = await Promise.all(
      Array.from({ length: 16 }, (_, n) => confirm(both[n % 2] ?? world, transaction, totp)),
    );
    expect(responses.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const { status } of responses.filter((response) => response.status !== 200)) expect(status).toBe(401);
    expect(await world.ampho.sessions.list(id)).toHaveLength(1);
    expect(outcomeOf(await logIn(world, "ann", { totp }))).toEqual(wrong);
    for (const again of [pending, transaction])
      expect((await world.call("POST", "/totp", { body: { transaction: again } })).status).toBe(401);
    expect((await confirm(world, transaction, totp)).status).toBe(401);
    world.clock.advance(30);
    expect((await logIn(world, "ann", { totp: codeAt(secret, world.clock.now()) })).status).toBe(200);
  });

  it("two set-ups of one login are one set-up, and the second user of its transaction gets nothing", async () => {
    const world = await ground.open({ factors: { "*": "required" } });
    for (const login of ["ann", "bob"]) await world.user(login, { password });
    const [ann, bob] = [await pendingLogin(world, "ann"), await pendingLogin(world, "bob")];
    const begin = (transaction: string) => world.call("POST", "/totp", { body: { transaction } });
    const [one, two, theirs] = [await begin(ann), await begin(ann), await begin(bob)];
    expect(one.json["secret"]).toBe(two.json["secret"]);
    expect(theirs.json["secret"]).not.toBe(one.json["secret"]);
    const totp = codeAt(String(one.json["secret"]), world.clock.now());
    expect(outcomeOf(await confirm(world, String(theirs.json["transaction"]), totp))).toEqual(wrong);
    expect((await confirm(world, String(one.json["transaction"]), totp)).status).toBe(200);
    expect(outcomeOf(await confirm(world, String(two.json["transaction"]), totp))).not.toEqual([200]);
  });

  it("a new secret replaces the old one only when it is confirmed, and ends all other sessions", async () => {
    const world = await ground.open();
    const ann = await addOwner(world, "ann");
    const [other, own] = [await fullLogin(world, ann), await fullLogin(world, ann)];
    const { secret, transaction } = await setUp(world, own.token);
    expect((await world.call("GET", "/sessions", { bearer: other.token })).status).toBe(200);
    expect((await logIn(world, "ann", { totp: ann.nextCode() })).status).toBe(200);
    const totp = codeAt(secret, world.clock.now());
    const confirmed = await confirm(world, transaction, totp, own.token);
    expect(outcomeOf(confirmed)).toEqual([200]);
    expect((await world.call("GET", "/sessions", { bearer: other.token })).status).toBe(401);
    expect(outcomeOf(await logIn(world, "ann", { totp: ann.nextCode() }))).toEqual(wrong);
    expect((await logIn(world, "ann", { totp: codeAt(secret, world.clock.now()) })).status).toBe(200);
    for (const recovery_code of ann.recoveryCodes.slice(0, 2))
      expect(outcomeOf(await logIn(world, "ann", { recovery_code }))).toEqual(wrong);
  });

  it("a required set-up that a live session begins returns the tokens of a login", async () => {
    const world = await ground.open({ factors: { admin: "required" } });
    const ann = await world.user("ann", { password });
    const { token } = await world.login("ann");
    await world.ampho.users.setRoles(ann.login, ["admin"]);
    const needed = await world.call("POST", "/login", { bearer: token, body: { login: "ann", password } });
    expect([needed.error, needed.json["enroll"]]).toEqual(["factor_needed", true]);
    const { json } = await world.call("POST", "/totp", { body: { transaction: needed.json["transaction"] } });
    const totp = codeAt(String(json["secret"]), world.clock.now());
    const grant = grantOf(await confirm(world, String(json["transaction"]), totp));
    expect(claimsOf(grant.token)).toMatchObject({ sub: ann.id, acr: "2fa" });
  });

  it("a set-up that a session has begun is over after a new password, although the session goes on", async () => {
    const world = await ground.open();
    await world.user("ann", { password });
    const before = await world.login("ann");
    const { secret, transaction } = await setUp(world, before.token);
    const body = { password, new_password: "amber tulip canoe walnut" };
    const { token: bearer } = grantOf(await world.call("POST", "/password", { bearer: before.token, body }));
    const totp = codeAt(secret, world.clock.now());
    expect(outcomeOf(await confirm(world, transaction, totp, bearer))).toEqual(over);
    const again = await setUp(world, bearer);
    expect((await confirm(world, again.transaction, codeAt(again.secret, world.clock.now()), bearer)).status).toBe(200);
  });
});
