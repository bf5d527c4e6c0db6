// The notices of security events: one mail to the proven address for each event, with a link that ends all sessions.
import { expect, it } from "vitest";
import { identityIdOf } from "../../dist/store/sql/rows/identities.js";
import { createSubject } from "../factors/webauthn/authenticator.js";
import { type FullGrant, grantOf, password } from "../world/ampho.js";
import { startEvilProvider } from "../world/evil-provider.js";
import {
  addPerson,
  asked,
  logInBy,
  type Mailing,
  newPassword,
  noticeOf,
  openMailing,
  raiseAlarm,
} from "./mailboxes.js";
import { clientId, link } from "./outside.js";
import { codeAt, type Ground, onBothDatabases, setUp, textsOf, wrongCode } from "./owners.js";
import { addPasskey, assertion, logInWith, passkeySettings } from "./passkey-owners.js";

const ann = "ann@x.example";

interface Owner {
  readonly world: Mailing;
  readonly grant: FullGrant;
  readonly secret: string;
  readonly recoveryCodes: readonly string[];
  /** A code that was not used yet. */
  nextCode(): string;
}

/** A user with a proven address and an app. */
async function openOwner(ground: Ground): Promise<Owner> {
  const world = await openMailing(ground, { throttleAttempts: 5 });
  const first = await addPerson(world, ann, password);
  const { secret, transaction } = await setUp(world, first.token);
  const body = { transaction, totp: codeAt(secret, world.clock.now()) };
  const confirmed = await world.call("POST", "/totp/confirm", { bearer: first.token, body });
  await world.mail("factor_added", ann);
  const nextCode = () => {
    world.clock.advance(30);
    return codeAt(secret, world.clock.now());
  };
  const again = { login: ann, password, totp: nextCode(), device: first.device };
  const grant = grantOf(await logInBy(world, again));
  return { world, grant, secret, recoveryCodes: textsOf(confirmed.json["recovery_codes"]), nextCode };
}

onBothDatabases((ground) => {
  it("several wrong second factors behind a right password cause one notice, whose link ends all sessions", async () => {
    const { world, grant, secret } = await openOwner(ground);
    const attempt = () => logInBy(world, { login: ann, password, totp: wrongCode(secret, world.clock.now()) });
    for (let at = 0; at < 4; at += 1) expect((await attempt()).status).toBe(401);
    expect(await world.countMails("factor_attempts")).toBe(0);
    const { alarm } = await noticeOf(world, ann, "factor_attempts", attempt);
    for (let at = 0; at < 3; at += 1) await attempt();
    expect(await world.countMails("factor_attempts")).toBe(1);
    expect((await world.call("GET", "/session", { bearer: grant.token })).status).toBe(200);
    expect((await raiseAlarm(world, alarm)).status).toBe(204);
    expect((await world.call("GET", "/session", { bearer: grant.token })).status).toBe(401);
  });

  it("the notice of wrong second factors behind a mailed code states that a mail can be the first one", async () => {
    const { world, secret } = await openOwner(ground);
    const { transaction, mail } = await asked(world, ann);
    const pending = String((await logInBy(world, { transaction, code: mail.code })).json["transaction"]);
    const { text } = await noticeOf(world, ann, "factor_attempts", async () => {
      for (let at = 0; at < 5; at += 1)
        await logInBy(world, { transaction: pending, totp: wrongCode(secret, world.clock.now()) });
    });
    expect(text).toMatch(/your password, a mail to you, or a sign-in with another provider/);
  });

  it.each([4, 0])(
    "wrong recovery codes behind a right password count for the notice, after %i wrong codes of the app",
    async (apps) => {
      const { world, secret } = await openOwner(ground);
      for (let at = 0; at < 5; at += 1) {
        expect(await world.countMails("factor_attempts")).toBe(0);
        const totp = wrongCode(secret, world.clock.now());
        const factor = at < apps ? { totp } : { recovery_code: "0".repeat(24) };
        expect((await logInBy(world, { login: ann, password, ...factor })).status).toBe(401);
      }
      expect(await world.countMails("factor_attempts")).toBe(1);
    },
  );

  it("wrong passwords cause no notice, and a login on an unknown device causes one", async () => {
    const { world, grant, nextCode } = await openOwner(ground);
    expect((await logInBy(world, { login: ann, password: newPassword })).status).toBe(401);
    await logInBy(world, { login: ann, password, totp: nextCode(), device: grant.device });
    expect(await world.countMails("new_device", "factor_attempts")).toBe(0);
    await noticeOf(world, ann, "new_device", () => logInBy(world, { login: ann, password, totp: nextCode() }));
  });

  it("a notice that was written while the clock was ahead suppresses none after the clock was set back", async () => {
    const world = await openMailing(ground);
    await addPerson(world, ann, password);
    const logIn = () => logInBy(world, { login: ann, password });
    world.clock.advance(8 * 86_400);
    await noticeOf(world, ann, "new_device", logIn);
    world.clock.advance(-8 * 86_400);
    await noticeOf(world, ann, "new_device", logIn);
  });

  it("a user gets at most 20 notices of a kind in an hour", async () => {
    const world = await openMailing(ground);
    let { token: bearer } = await addPerson(world, ann, password);
    let current = password;
    const change = async () => {
      const next = `${password} ${world.clock.now()}`;
      const body = { password: current, new_password: next };
      const changed = grantOf(await world.call("POST", "/password", { bearer, body }));
      world.clock.advance(1);
      bearer = changed.token;
      current = next;
    };
    for (let at = 0; at < 22; at += 1) await change();
    expect(await world.countMails("password_changed")).toBe(20);
    world.clock.advance(3600);
    bearer = grantOf(await logInBy(world, { login: ann, password: current })).token;
    await change();
    expect(await world.countMails("password_changed")).toBe(21);
  });

  it("each change of a credential causes one notice", async () => {
    const { world, grant, recoveryCodes } = await openOwner(ground);
    const sent = { login: ann, password, recovery_code: recoveryCodes[0], device: grant.device };
    await noticeOf(world, ann, "recovery_used", () => logInBy(world, sent));
    let bearer = grant.token;
    await noticeOf(world, ann, "factor_removed", async () => {
      bearer = grantOf(await world.call("DELETE", "/totp", { bearer })).token;
    });
    await noticeOf(world, ann, "factor_added", async () => {
      bearer = grantOf((await addPasskey(world, bearer, createSubject(-7))).added).token;
    });
    const body = { password, new_password: newPassword };
    await noticeOf(world, ann, "password_changed", () => world.call("POST", "/password", { bearer, body }));
  });

  it("a counter that steps back causes one notice, and none for a synced passkey", async () => {
    const world = await openMailing(ground, passkeySettings);
    for (const [address, backupEligible, status] of [
      [ann, false, 401],
      ["bob@x.example", true, 200],
    ] as const) {
      const { token } = await addPerson(world, address, password);
      const subject = createSubject(-7, { backupEligible });
      const { options } = await addPasskey(world, token, subject);
      await world.mail("factor_added", address);
      const owner = { subject, handle: options.user?.id ?? "" };
      const { device } = grantOf(await logInWith(world, owner, { signCount: 7 }));
      await world.mail("new_device", address);
      const use = async () => {
        const body = { ...(await assertion(world, owner, { signCount: 6 })), device };
        expect((await world.call("POST", "/login", { body })).status).toBe(status);
      };
      if (backupEligible) await use();
      else await noticeOf(world, ann, "passkey_cloned", use);
      expect(await world.countMails("passkey_cloned")).toBe(1);
    }
    expect((await world.events()).filter((event) => event.startsWith("passkey_cloned"))).toHaveLength(2);
  });

  it("a thief of the password sets up no factor without the mailed code, and the owner sets up one, with one notice", async () => {
    const world = await openMailing(ground, { factors: { "*": "optional", strict: "required" } });
    const { device } = await addPerson(world, ann, password);
    await world.ampho.users.setRoles(ann, ["strict"]);
    const pending = async () => {
      const response = await logInBy(world, { login: ann, password, device });
      expect(response.json).toMatchObject({ error: "factor_needed", enroll: true });
      return { transaction: String(response.json["transaction"]), mail: await world.mail("enroll", ann) };
    };
    const begin = (body: object) => world.call("POST", "/totp", { body });
    const [first, other] = [await pending(), await pending()];
    const { transaction, mail } = first;
    expect((await begin({ transaction })).error).toBe("invalid_request");
    expect((await begin({ transaction, code: other.mail.code })).error).toBe("invalid_credentials");
    expect((await world.call("POST", "/passkeys/options", { body: { transaction } })).error).toBe("invalid_request");
    const begun = await begin({ transaction, code: mail.code });
    const totp = codeAt(String(begun.json["secret"]), world.clock.now());
    const body = { transaction: begun.json["transaction"], totp };
    await noticeOf(world, ann, "factor_added", async () =>
      grantOf(await world.call("POST", "/totp/confirm", { body })),
    );
    expect((await world.call("POST", "/totp/confirm", { body })).error).toBe("transaction_over");
    // The other pending login was begun before the factor.
    const late = await begin({ transaction: other.transaction, code: other.mail.code });
    expect([late.status, late.error]).toEqual([401, "transaction_over"]);
    expect(await world.countMails("factor_added")).toBe(1);
  });

  it("a link and its removal cause one notice each", async () => {
    const evil = await startEvilProvider(() => world.clock.now());
    const settings = { issuer: evil.issuer, client_id: clientId, client_secret: "a secret" };
    const world: Mailing = await openMailing(ground, { providers: { acme: settings } });
    let { token: bearer } = await addPerson(world, ann, password);
    const outside = { world, evil, other: evil, mails: [] };
    await noticeOf(world, ann, "identity_linked", async () => {
      bearer = grantOf(await link(outside, bearer, { claims: { sub: "s-1" } })).token;
    });
    const path = `/identities/${identityIdOf({ issuer: evil.issuer, subject: "s-1" })}`;
    await noticeOf(world, ann, "identity_unlinked", () => world.call("DELETE", path, { bearer }));
  });
});
