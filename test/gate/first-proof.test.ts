// The first proof of an address, by a login without the password or by a reset, against a stranger who has typed the address first.
import { expect, it } from "vitest";
import { createSubject } from "../factors/webauthn/authenticator.js";
import { admission, grantOf, password } from "../world/ampho.js";
import { claimsOf, sessionOf } from "../world/tokens.js";
import {
  asked,
  askedReset,
  finishReset,
  logInBy,
  type Mailing,
  mailSettings,
  newPassword,
  openMailing,
  wrong,
} from "./mailboxes.js";
import { codeAt, type Ground, logIn, onBothDatabases, outcomeOf, setUp, textsOf } from "./owners.js";
import { addPasskey, logInWith } from "./passkey-owners.js";

const ann = "ann@x.example";
const imported = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/** The sign-up of an application has created the user for a stranger, who sets up an app and a passkey. */
async function strangers(ground: Ground) {
  const world = await openMailing(ground, { throttleAttempts: 1_000, throttleAddress: 0 });
  const { id } = await world.ampho.users.create({ login: "mallory", email: ann, password });
  const first = await world.login("mallory");
  const { secret, transaction } = await setUp(world, first.token);
  const body = { transaction, totp: codeAt(secret, world.clock.now()) };
  const confirmed = await world.call("POST", "/totp/confirm", { bearer: first.token, body });
  const codes = textsOf(confirmed.json["recovery_codes"]);
  world.clock.advance(60);
  const totp = () => codeAt(secret, world.clock.now());
  const strong = grantOf(await logIn(world, "mallory", { totp: totp(), remember: true }));
  const subject = createSubject(-7);
  const { added, options: page } = await addPasskey(world, strong.token, subject);
  return {
    world,
    id,
    codes,
    totp,
    subject,
    handle: page.user?.id ?? "",
    session: grantOf(added),
    device: strong.device,
  };
}

/** Tries everything that the stranger had. */
async function expectEnded(stranger: Awaited<ReturnType<typeof strangers>>, now: string) {
  const { world, codes, totp, subject, handle, session, device } = stranger;
  world.clock.advance(60);
  expect(await admission(world.ampho, session.token)).toBe("invalid_token");
  expect((await world.renew(session.refresh_token)).error).toBe("session_ended");
  for (const more of [{}, { device }, { totp: totp() }, { recovery_code: codes[0] }])
    expect(outcomeOf(await logIn(world, "mallory", more))).toEqual(wrong);
  for (const more of [{ totp: totp() }, { recovery_code: codes[0] }])
    expect(outcomeOf(await logInBy(world, { login: "mallory", password: now, ...more }))).toEqual(wrong);
  expect((await logInWith(world, { subject, handle })).status).toBe(401);
}

/** A user whose app an import has brought, and who sets up a passkey in a session. */
async function importedOwner(ground: Ground) {
  const world = await openMailing(ground);
  const line = { login: "mallory", email: ann, email_proven: true, totp_secret: imported };
  await world.ampho.users.import([JSON.stringify(line)]);
  await world.ampho.users.setPassword("mallory", password);
  // The app came with an address that was proven. The address of today is not.
  await ground.sql(world, "update ampho_users set password_by_operator = 1, email_proven_at = null");
  world.clock.advance(60);
  const totp = () => codeAt(imported, world.clock.now());
  const session = grantOf(await logIn(world, "mallory", { totp: totp() }));
  const subject = createSubject(-7);
  const { added, options } = await addPasskey(world, session.token, subject);
  return { world, totp, subject, handle: options.user?.id ?? "", session: grantOf(added) };
}

const begunBy = async (world: Mailing) => {
  const { transaction, mail } = await asked(world, "mallory");
  return { transaction, code: mail.code };
};

onBothDatabases((ground) => {
  it.each(["code", "link"] as const)(
    "a lost response to the first login by a mailed %s is returned again for its Idempotency-Key",
    async (by) => {
      const world = await openMailing(ground);
      await world.ampho.users.create({ login: ann, password });
      const { transaction, match, mail } = await asked(world, ann);
      const body = by === "code" ? { transaction, code: mail.code } : { link: mail.link, match };
      const headers = { "Idempotency-Key": "one-0123456789abcdef" };
      const first = grantOf(await world.call("POST", "/login", { body, headers }));
      const again = await world.call("POST", "/login", { body, headers });
      expect(sessionOf(grantOf(again))).toBe(sessionOf(first));
      expect((await logInBy(world, body)).status).toBe(401);
    },
  );

  it("a first proof by a mailed code needs no factor of the stranger before, and none outlives it", async () => {
    const stranger = await strangers(ground);
    const { world, id } = stranger;
    const victim = grantOf(await logInBy(world, await begunBy(world)));
    expect(claimsOf(victim.token)).toMatchObject({ sub: id, amr: ["mail"], acr: "1fa" });
    expect((await world.ampho.factors.list(id)).factors).toEqual([]);
    const set = await world.call("POST", "/password", { bearer: victim.token, body: { new_password: newPassword } });
    expect(await admission(world.ampho, grantOf(set).token)).toBe("in");
    await expectEnded(stranger, newPassword);
    expect((await logIn(world, "mallory", { password: newPassword })).status).toBe(200);
    const events = (await world.events()).filter((event) => event.includes("email_proven"));
    expect(events[0]).toBe("email_proven");
    expect(events).toContain("factor_removed: email_proven");
  });

  it.each(["code", "link"] as const)(
    "a first proof by a reset with a mailed %s needs no factor of the stranger before, and none outlives it",
    async (by) => {
      const stranger = await strangers(ground);
      const { world, id } = stranger;
      const { transaction, mail } = await askedReset(world, "mallory");
      const body = by === "code" ? { transaction, code: mail.code } : { transaction, link: mail.link };
      expect(outcomeOf(await finishReset(world, body))).toEqual([204]);
      expect((await world.ampho.factors.list(id)).factors).toEqual([]);
      expect(await world.ampho.users.find("mallory")).toMatchObject({ emailProven: true });
      await expectEnded(stranger, newPassword);
      expect((await logIn(world, "mallory", { password: newPassword })).status).toBe(200);
      // The next reset is no first proof, and does not pass the app that the owner sets up.
      const owner = grantOf(await logIn(world, "mallory", { password: newPassword }));
      const app = await setUp(world, owner.token);
      const confirm = { transaction: app.transaction, totp: codeAt(app.secret, world.clock.now()) };
      grantOf(await world.call("POST", "/totp/confirm", { bearer: owner.token, body: confirm }));
      const again = await askedReset(world, "mallory");
      const sent = { transaction: again.transaction, code: again.mail.code };
      expect(outcomeOf(await finishReset(world, sent))).toEqual([401, "factor_needed"]);
    },
  );

  it("a first proof under a policy that needs a second factor lets the owner set one up", async () => {
    const { world, id, totp } = await strangers(ground);
    const strict = await world.another({ ...mailSettings, mail: async () => {}, factors: { "*": "required" } });
    const needed = await logInBy(strict, await begunBy(world));
    expect(needed.json).toMatchObject({ error: "factor_needed", enroll: true });
    expect((await world.ampho.factors.list(id)).factors).toEqual([]);
    const { transaction } = needed.json;
    world.clock.advance(60);
    expect((await logInBy(strict, { transaction, totp: totp() })).status).toBe(401);
    const app = await strict.call("POST", "/totp", { body: { transaction } });
    const body = { transaction: app.json["transaction"], totp: codeAt(String(app.json["secret"]), world.clock.now()) };
    const victim = grantOf(await strict.call("POST", "/totp/confirm", { body }));
    expect(claimsOf(victim.token)).toMatchObject({ sub: id, acr: "2fa" });
  });

  it("a login and a set-up of the stranger end with the first proof, also under a password that an operator has set", async () => {
    const stranger = await strangers(ground);
    const { world, id, totp } = stranger;
    await ground.sql(world, "update ampho_users set password_by_operator = 1");
    const pending = String((await logIn(world, "mallory")).json["transaction"]);
    const { token: bearer } = stranger.session;
    const session = grantOf(await logInWith(world, stranger, {}, { bearer }));
    const app = await setUp(world, session.token);
    grantOf(await logInBy(world, await begunBy(world)));
    world.clock.advance(60);
    expect((await logInBy(world, { transaction: pending, totp: totp() })).status).toBe(401);
    const body = { transaction: app.transaction, totp: codeAt(app.secret, world.clock.now()) };
    expect((await world.call("POST", "/totp/confirm", { bearer: session.token, body })).status).toBe(401);
    expect((await world.ampho.factors.list(id)).factors).toEqual([]);
  });

  it("a first proof asks for the factor that an import has brought alone, and removes what a session has set up", async () => {
    const { world, totp, subject, handle, session } = await importedOwner(ground);
    const pending = await logInBy(world, await begunBy(world));
    expect(pending.json).toMatchObject({ error: "factor_needed", factors: ["totp"] });
    const { transaction } = pending.json;
    expect((await logInBy(world, { transaction })).json).toMatchObject({ factors: ["totp"] });
    // Nothing has ended before the factor is proven.
    expect(await admission(world.ampho, session.token)).toBe("in");
    world.clock.advance(60);
    const proven = grantOf(await logInBy(world, { transaction, totp: totp() }));
    expect(claimsOf(proven.token)).toMatchObject({ acr: "2fa" });
    expect(await admission(world.ampho, session.token)).toBe("invalid_token");
    expect((await logInWith(world, { subject, handle })).status).toBe(401);
    // The password of the operator stays, and the imported app too.
    expect(outcomeOf(await logIn(world, "mallory"))).toEqual([401, "factor_needed"]);
  });

  it("a reset that proves the address asks for the imported factor alone", async () => {
    const { world, totp } = await importedOwner(ground);
    const { transaction, mail } = await askedReset(world, "mallory");
    const body = { transaction, code: mail.code };
    const needed = await finishReset(world, body);
    expect(needed.json).toMatchObject({ error: "factor_needed", factors: ["totp"] });
    world.clock.advance(60);
    expect(outcomeOf(await finishReset(world, { ...body, totp: totp() }))).toEqual([204]);
  });

  it("first proofs at once by a code and a reset end the stranger's access, and one can be too late", async () => {
    const stranger = await strangers(ground);
    const { world, id } = stranger;
    const login = await begunBy(world);
    const reset = await askedReset(world, "mallory");
    const sent = { transaction: reset.transaction, code: reset.mail.code };
    const [entered, done] = await Promise.all([logInBy(world, login), finishReset(world, sent)]);
    expect([entered.status === 200, done.status === 204]).toContain(true);
    expect((await world.ampho.factors.list(id)).factors).toEqual([]);
    await expectEnded(stranger, newPassword);
  });
});
