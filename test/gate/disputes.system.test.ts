// An operator's word about the address of an account. A reason makes it final: no link, session or factor of a thief
// overturns it, and a page for users cannot use it.
import { expect, it } from "vitest";
import { askGuard, readers } from "../api-keys/worlds.js";
import { admission, grantOf, password } from "../world/ampho.js";
import { addPerson, askedReset, finishReset, logInBy, newPassword, openMailing, raiseAlarm } from "./mailboxes.js";
import { codeOf, link, openOutside, signIn } from "./outside.js";
import { codeAt, logIn, onBothDatabases, outcomeOf, setUp } from "./owners.js";

const ann = "ann@x.example";
const owner = "ann@owner.example";
const reason = "The owner has called, ticket 4711.";
const wrong = [401, "invalid_credentials"];

onBothDatabases((ground) => {
  it("an application sets no other address of an account with a mailbox without a reason, also in two steps", async () => {
    const world = await openMailing(ground);
    await addPerson(world, ann, password);
    const rejected = { code: "invalid_request" };
    for (const email of ["thief@evil.example", undefined, ann])
      await expect(world.ampho.users.setEmail(ann, email)).rejects.toMatchObject(rejected);
    expect(await world.ampho.users.find(ann)).toMatchObject({ email: ann, emailProven: true });
    await world.ampho.users.setEmail(ann, owner, { reason });
    // The address that an operator has set is a mailbox too, before its first proof.
    await expect(world.ampho.users.setEmail(ann, "thief@evil.example")).rejects.toMatchObject(rejected);
    await expect(world.ampho.users.recover(ann, { reason: "x", email: "no address" })).rejects.toMatchObject(rejected);
    await world.ampho.users.create({ login: "bob", email: "bob@x.example" });
    await world.ampho.users.setEmail("bob", "bob@y.example");
  });

  it("the same address by an operator keeps its proof, so the mailbox alone is not in an account with an app", async () => {
    const world = await openMailing(ground);
    const session = await addPerson(world, ann, password);
    const { secret, transaction } = await setUp(world, session.token);
    const body = { transaction, totp: codeAt(secret, world.clock.now()) };
    expect((await world.call("POST", "/totp/confirm", { bearer: session.token, body })).status).toBe(200);
    for (const same of [ann, ann.replace("x.example", "X.EXAMPLE")]) {
      await world.ampho.users.setEmail(ann, same, { reason });
      expect(await world.ampho.users.find(ann)).toMatchObject({ emailProven: true });
      world.clock.advance(61);
      const asked = await askedReset(world, ann);
      const proof = { transaction: asked.transaction, code: asked.mail.code };
      expect(outcomeOf(await finishReset(world, proof))).toEqual([401, "factor_needed"]);
    }
  });

  it("an address by an operator ends all sessions, and no alarm link of the thief overturns it", async () => {
    const world = await openMailing(ground);
    const thief = await addPerson(world, ann, password);
    await world.login(ann);
    const { alarm } = await world.mail("new_device", ann);
    await world.ampho.users.setEmail(ann, owner, { reason });
    expect(await admission(world.ampho, thief.token)).toBe("invalid_token");
    const last = await world.mail("email_changed", ann);
    expect([last.alarm, last.text]).toEqual(["", expect.stringContaining("was changed by an operator.")]);
    expect(outcomeOf(await raiseAlarm(world, alarm))).toEqual([409, "settled"]);
    expect((await world.ampho.users.find(ann))?.email).toBe(owner);
    world.clock.advance(61);
    expect((await askedReset(world, owner)).mail.to).toBe(owner);
  });

  it("a code for a change goes to the address that an operator has set, and not to a thief of the password", async () => {
    const world = await openMailing(ground);
    await addPerson(world, ann, password);
    await world.ampho.users.setEmail(ann, owner, { reason });
    world.clock.advance(61);
    const thief = grantOf(await logIn(world, ann));
    const asked = await world.call("POST", "/account/confirm", {
      bearer: thief.token,
      body: { change: "email_changed" },
    });
    expect(asked.status, asked.text).toBe(200);
    expect((await world.mail("confirm")).to).toBe(owner);
  });

  it("a recovery in a dispute opens no way in to the thief, and leaves nothing that a session has set up", async () => {
    const outside = await openOutside(ground, {
      options: { mailLogin: true, throttleAttempts: 1_000_000 },
    });
    const { world } = outside;
    const { ampho, clock } = world;
    await ampho.users.import([JSON.stringify({ login: "ann", email: ann, email_proven: true })]);
    await ampho.users.setPassword("ann", password);
    const { id } = (await ampho.users.find("ann")) ?? { id: "" };
    const thief = await world.login("ann");
    await ground.sql(world, `update ampho_sessions set confirmed = '*', confirmed_at = ${clock.now()}`);
    const linked = grantOf(await link(outside, thief.token, { claims: { sub: "evil" } }));
    const { secret, transaction } = await setUp(world, linked.token);
    const totp = () => codeAt(secret, clock.now());
    const confirmed = await world.call("POST", "/totp/confirm", {
      bearer: linked.token,
      body: { transaction, totp: totp() },
    });
    expect(confirmed.status, confirmed.text).toBe(200);
    const { match, link: url } = await ampho.users.recover("ann", { email: owner, reason, print: true });
    clock.advance(60);
    expect(outcomeOf(await logIn(world, "ann", { totp: totp() }))).toEqual(wrong);
    expect((await signIn(outside, { claims: { sub: "evil" } })).status).toBe(401);
    expect((await world.renew(linked.refresh_token)).error).toBe("session_ended");
    await expect(ampho.sessions.create(id)).rejects.toMatchObject({ code: expect.any(String) });
    // Neither a reset nor a login by mail opens it, also to the new address.
    const reset = await world.call("POST", "/password/reset", { body: { login: owner } });
    const code = await codeOf(outside, owner, "reset");
    expect((await finishReset(world, { transaction: reset.json["transaction"], code })).status).toBe(401);
    clock.advance(61);
    const mail = await world.call("POST", "/login/mail", { body: { login: owner } });
    expect((await logInBy(world, { transaction: mail.json["transaction"], code: "12345678" })).status).toBe(401);
    // The link and the number are a first proof.
    const proof = { link: url?.split("#ampho=")[1], match };
    expect(outcomeOf(await finishReset(world, { ...proof, match: undefined }))).toEqual([401, "match_needed"]);
    expect(outcomeOf(await finishReset(world, proof))).toEqual([204]);
    expect(await ampho.users.find("ann")).toMatchObject({ email: owner, emailProven: true });
    expect(await ampho.factors.list(id)).toMatchObject({ factors: [] });
    expect(await ampho.identities.list(id)).toEqual([]);
    clock.advance(61);
    expect((await logIn(world, "ann", { password: newPassword })).status).toBe(200);
  });

  it("an API key pauses in a dispute, in every process, and one of the operator goes on after it", async () => {
    const options = { scopes: { editor: ["articles:read"] }, apiKeys: 5 };
    const world = await openMailing(ground, options);
    await addPerson(world, ann, password);
    const { id } = (await world.ampho.users.find(ann)) ?? { id: "" };
    await world.ampho.users.setRoles(ann, ["editor"]);
    const { key } = await world.ampho.apiKeys.create(id, { name: "x", scopes: ["articles:read"] });
    expect(await askGuard(world, key, readers)).toBe("articles:read");
    const { match, link: url } = await world.ampho.users.recover(ann, { email: owner, reason, print: true });
    expect(await askGuard(world, key, readers)).not.toBe("articles:read");
    const other = await world.another(options);
    expect(await askGuard(other, key, readers)).not.toBe("articles:read");
    expect(outcomeOf(await finishReset(world, { link: url?.split("#ampho=")[1], match }))).toEqual([204]);
    world.clock.advance(3_600);
    const later = await world.another(options);
    expect(await askGuard(later, key, readers)).toBe("articles:read");
  });
});
