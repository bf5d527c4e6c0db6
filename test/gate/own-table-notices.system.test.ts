// The notices of users of an application's own table. Ampho knows their addresses by `find` alone.
import { expect, it } from "vitest";
import type { AmphoOptions, ApplicationUser, ApplicationUsers } from "../../dist/index.js";
import { identityIdOf } from "../../dist/store/sql/rows/identities.js";
import { createSubject } from "../factors/webauthn/authenticator.js";
import { grantOf, password } from "../world/ampho.js";
import { startEvilProvider } from "../world/evil-provider.js";
import {
  addPerson,
  askedReset,
  begin,
  finishReset,
  logInBy,
  type Mailing,
  newPassword,
  noticeOf,
  openMailing,
  raiseAlarm,
} from "./mailboxes.js";
import { clientId, link, signIn } from "./outside.js";
import { codeAt, type Ground, onBothDatabases, outcomeOf, setUp, textsOf, wrongCode } from "./owners.js";
import { addPasskey, assertion, logInWith, passkeySettings } from "./passkey-owners.js";

interface Person extends ApplicationUser {
  login: string;
  email: string;
  emailProven: boolean;
  password: string | undefined;
}

const ann = "ann@x.example";

const person = (login: string): Person => ({
  id: `id of ${login}`,
  login,
  email: login,
  emailProven: true,
  password,
});

function tableOf(rows: Person[]): ApplicationUsers<Person> {
  return {
    find: async (login) => rows.find((row) => row.login === login || row.email === login),
    findById: async (id) => rows.find((row) => row.id === id),
    verify: async (user, given) => user.password === given,
    async setPassword(user, given) {
      user.password = given;
    },
    async setEmail(user, email) {
      user.email = email;
      return true;
    },
    async create({ login, email, password: given }) {
      const user = { ...person(login), email, password: given };
      rows.push(user);
      return user;
    },
  };
}

async function open(ground: Ground, options: AmphoOptions = {}): Promise<Mailing> {
  return openMailing(ground, { throttleAttempts: 5, users: tableOf([person(ann)]), ...options });
}

onBothDatabases((ground) => {
  it("each event of an account in the application's own table causes one notice, whose link ends all sessions while its mailbox is the account's", async () => {
    const world = await open(ground);
    const enter = async (more: object = {}) => grantOf(await logInBy(world, { login: ann, password, ...more }));
    let { token: bearer, device } = await enter();
    await world.mail("new_device", ann);
    const { secret, transaction } = await setUp(world, bearer);
    const confirm = { transaction, totp: codeAt(secret, world.clock.now()) };
    let codes: readonly string[] = [];
    await noticeOf(world, ann, "factor_added", async () => {
      const confirmed = await world.call("POST", "/totp/confirm", { bearer, body: confirm });
      codes = textsOf(confirmed.json["recovery_codes"]);
    });
    await noticeOf(world, ann, "recovery_used", async () => {
      ({ token: bearer, device } = await enter({ recovery_code: codes[0], device }));
    });
    await noticeOf(world, ann, "factor_attempts", async () => {
      for (let at = 0; at < 5; at += 1)
        await logInBy(world, { login: ann, password, totp: wrongCode(secret, world.clock.now()) });
    });
    await noticeOf(world, ann, "factor_removed", async () => {
      ({ token: bearer } = grantOf(await world.call("DELETE", "/totp", { bearer })));
    });
    await noticeOf(world, ann, "factor_added", () => addPasskey(world, bearer, createSubject(-7)));
    await noticeOf(world, ann, "factor_removed", () => world.ampho.factors.remove(`id of ${ann}`, { all: true }));
    ({ token: bearer, device } = await enter({ device }));
    const change = { password, new_password: newPassword };
    const { alarm } = await noticeOf(world, ann, "password_changed", () =>
      world.call("POST", "/password", { bearer, body: change }),
    );
    const reset = await askedReset(world, ann);
    await noticeOf(world, ann, "password_changed", () =>
      finishReset(world, { transaction: reset.transaction, code: reset.mail.code, new_password: password }),
    );
    ({ token: bearer } = await enter({ device }));
    const email = "new@x.example";
    const changed = await begin(world, "/account/email", { email }, { bearer });
    const { code } = await world.mail("email", email);
    const finish = { transaction: changed.transaction, code };
    await noticeOf(world, ann, "email_changed", async () => {
      ({ token: bearer } = grantOf(await world.call("POST", "/account/email/finish", { bearer, body: finish })));
    });
    expect(outcomeOf(await raiseAlarm(world, alarm))).toEqual([409, "settled"]);
    const again = await noticeOf(world, email, "password_changed", async () => {
      ({ token: bearer } = grantOf(await world.call("POST", "/password", { bearer, body: change })));
    });
    expect((await world.call("GET", "/session", { bearer })).status).toBe(200);
    expect((await raiseAlarm(world, again.alarm)).status).toBe(204);
    expect((await world.call("GET", "/session", { bearer })).status).toBe(401);
  });

  it("a user of the application's own table gets one notice of unknown devices an hour", async () => {
    const world = await open(ground);
    const enter = async () => grantOf(await logInBy(world, { login: ann, password }));
    for (const expected of [1, 1, 2, 2]) {
      await enter();
      expect(await world.countMails("new_device")).toBe(expected);
      world.clock.advance(1801);
    }
  });

  it("a user of the application's own table without a proven address gets no notice, also where a row of the database has the id", async () => {
    const former = await openMailing(ground);
    await addPerson(former, ann, password);
    const user = await former.ampho.users.find(ann);
    const row = { ...person(ann), id: user?.id ?? "", emailProven: false };
    const { call } = await former.another({ users: tableOf([row]) });
    const world = { ...former, call };
    const { token: bearer } = grantOf(await logInBy(world, { login: ann, password }));
    const body = { password, new_password: newPassword };
    expect((await world.call("POST", "/password", { bearer, body })).status).toBe(200);
    expect(await world.countMails("new_device", "password_changed")).toBe(0);
  });

  it("a cloned passkey of a user of the application's own table causes one notice", async () => {
    const world = await open(ground, passkeySettings);
    const { token } = grantOf(await logInBy(world, { login: ann, password }));
    await world.mail("new_device", ann);
    const subject = createSubject(-7, { backupEligible: false });
    const { options } = await addPasskey(world, token, subject);
    await world.mail("factor_added", ann);
    const owner = { subject, handle: options.user?.id ?? "" };
    const { device } = grantOf(await logInWith(world, owner, { signCount: 7 }));
    await noticeOf(world, ann, "passkey_cloned", async () => {
      const body = { ...(await assertion(world, owner, { signCount: 6 })), device };
      expect((await world.call("POST", "/login", { body })).status).toBe(401);
    });
  });

  it("identities of users of the application's own table cause one notice each, and a new user gets none of the device", async () => {
    const evil = await startEvilProvider(() => world.clock.now());
    const settings = { issuer: evil.issuer, client_id: clientId, client_secret: "a secret" };
    const world: Mailing = await open(ground, { providers: { acme: settings } });
    const outside = { world, evil, other: evil, mails: [] };
    let { token: bearer } = grantOf(await logInBy(world, { login: ann, password }));
    await world.mail("new_device", ann);
    await noticeOf(world, ann, "identity_linked", async () => {
      ({ token: bearer } = grantOf(await link(outside, bearer, { claims: { sub: "s-1" } })));
    });
    const removed = (subject: string) => identityIdOf({ issuer: evil.issuer, subject });
    await noticeOf(world, ann, "identity_unlinked", async () => {
      ({ token: bearer } = grantOf(await world.call("DELETE", `/identities/${removed("s-1")}`, { bearer })));
    });
    await noticeOf(world, ann, "identity_linked", () => link(outside, bearer, { claims: { sub: "s-2" } }));
    await noticeOf(world, ann, "identity_unlinked", () =>
      world.ampho.identities.remove(`id of ${ann}`, { id: removed("s-2") }),
    );
    await addPerson(world, "new@x.example", password);
    const claims = { sub: "s-3", email: "other@x.example", email_verified: true };
    const response = await signIn(outside, { claims });
    expect([response.status, response.error]).toEqual([401, "link_needed"]);
    const { code } = await world.mail("identity", claims.email);
    grantOf(await logInBy(world, { transaction: response.json["transaction"], code }));
    expect(await world.countMails("new_device")).toBe(1);
  });
});
