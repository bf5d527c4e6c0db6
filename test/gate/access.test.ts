// Everything that can still sign in or act: what a thief has added long ago is in it, and ends.
import { describe, expect, it } from "vitest";
import type { ApplicationUser, ApplicationUsers } from "../../dist/index.js";
import type { AccessItem } from "../../dist/wire/account.js";
import { createSubject } from "../factors/webauthn/authenticator.js";
import { admission, grantOf, password, type World } from "../world/ampho.js";
import { sessionOf } from "../world/tokens.js";
import {
  addPerson,
  askedReset,
  confirm,
  finishReset,
  type Mailing,
  mailingOf,
  mailSettings,
  newPassword,
  openMailing,
  raiseAlarm,
} from "./mailboxes.js";
import { addLinked, link, openOutside, signIn } from "./outside.js";
import { codeAt, type Ground, onBothDatabases, setUp, textsOf } from "./owners.js";
import { addPasskey, logInWith, passkeySettings } from "./passkey-owners.js";

const email = "ann@x.example";
const day = 86_400;
const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

const accessOf = async (world: Pick<World, "call">, bearer: string) => {
  const { json, status, text } = await world.call("GET", "/account/access", { bearer });
  expect(status, text).toBe(200);
  return json["access"] as readonly AccessItem[];
};

const ofKind = (list: readonly AccessItem[], kind: string) => list.filter((each) => each.kind === kind);

const open = (ground: Parameters<typeof openMailing>[0]) =>
  openMailing(ground, { ...passkeySettings, apiKeys: 5, scopes: { "*": ["read"] } });

const logIn = async (world: Mailing, secret: string, agent = firefox) =>
  world.call("POST", "/login", { body: { login: email, password: secret }, headers: { "User-Agent": agent } });

onBothDatabases((ground) => {
  it("a key that a thief has added 8 days ago is listed with its origin, and ends", async () => {
    const world = await open(ground);
    await addPerson(world, email, password);
    const thief = grantOf(await logIn(world, password));
    const body = { name: "Backup", scopes: ["read"], ttl: 90 * day };
    const headers = { "User-Agent": firefox };
    const key = await world.call("POST", "/api-keys", { bearer: thief.token, body, headers });
    expect(key.status, key.text).toBe(201);
    expect((await world.call("POST", "/logout", { bearer: thief.token })).status).toBe(204);
    world.clock.advance(8 * day);

    const { token } = grantOf(await logIn(world, password));
    const [listed] = ofKind(await accessOf(world, token), "api_key");
    expect(listed).toMatchObject({ name: "Backup", browser: "Firefox", actor: "user", confirmed: null, used: null });
    expect(world.clock.now() - (listed?.created ?? 0)).toBeGreaterThanOrEqual(8 * day);
    expect((await world.call("DELETE", `/api-keys/${listed?.id}`, { bearer: token })).status).toBe(204);
    expect(ofKind(await accessOf(world, token), "api_key")).toEqual([]);
  });

  it("the first login after a reset or an alarm, and no other, leads to the list", async () => {
    const world = await open(ground);
    const { token } = await addPerson(world, email, password);
    expect((await logIn(world, password)).json).not.toHaveProperty("review");
    const { transaction, mail } = await askedReset(world, email);
    expect((await finishReset(world, { transaction, code: mail.code })).status).toBe(204);
    expect((await world.call("GET", "/account", { bearer: token })).status).toBe(401);
    expect((await logIn(world, "another one")).json).not.toHaveProperty("review");
    expect((await logIn(world, newPassword)).json).toMatchObject({ review: true });
    expect((await logIn(world, newPassword)).json).not.toHaveProperty("review");
    const { alarm } = await world.mail("password_changed");
    expect((await raiseAlarm(world, alarm)).status).toBe(204);
    const again = await askedReset(world, email);
    const body = { transaction: again.transaction, code: again.mail.code, new_password: password };
    expect((await finishReset(world, body)).status).toBe(204);
    expect((await logIn(world, password)).json).toMatchObject({ review: true });
  });

  it("the first login after a recovery by an operator leads to the list, in place and to another address", async () => {
    const world = await open(ground);
    await addPerson(world, email, password);
    const recover = async (about: object) => {
      const { match, link: url } = await world.ampho.users.recover(email, { reason: "called", print: true, ...about });
      world.clock.advance(61);
      const finished = await finishReset(world, { link: url?.split("#ampho=")[1], match });
      expect(finished.status, finished.text).toBe(204);
    };
    for (const about of [{}, { email: "ann@owner.example" }]) {
      await recover(about);
      expect((await logIn(world, newPassword)).json).toMatchObject({ review: true });
      expect((await logIn(world, newPassword)).json).not.toHaveProperty("review");
    }
  });

  it("neither a wrong password, a step of a login nor a renewal uses the review up", async () => {
    const world = await open(ground);
    const { token } = await addPerson(world, email, password);
    const { secret, transaction } = await setUp(world, token);
    const app = { transaction, totp: codeAt(secret, world.clock.now()) };
    grantOf(await world.call("POST", "/totp/confirm", { bearer: token, body: app }));
    const { alarm } = await world.mail("factor_added");
    expect((await raiseAlarm(world, alarm)).status).toBe(204);
    world.clock.advance(31);
    expect((await logIn(world, "another one")).error).toBe("invalid_credentials");
    const needed = await logIn(world, password);
    expect([needed.error, "review" in needed.json]).toEqual(["factor_needed", false]);
    const body = { transaction: needed.json["transaction"], totp: codeAt(secret, world.clock.now()) };
    const entered = await world.call("POST", "/login", { body });
    expect(entered.json).toMatchObject({ review: true });
    expect((await world.renew(String(entered.json["refresh_token"]))).json).not.toHaveProperty("review");
  });

  it("one code of the mailbox confirms the removal of everything that a thief has added", async () => {
    const world = await open(ground);
    const { token } = await addPerson(world, email, password);
    let bearer = token;
    for (const name of ["f1", "f2", "f3"]) {
      const subject = createSubject(-7, { id: Buffer.alloc(16, name) });
      bearer = grantOf((await addPasskey(world, bearer, subject)).added).token;
    }
    world.clock.advance(8 * day);
    const { id } = (await world.ampho.users.find(email)) ?? { id: "" };
    const owner = await world.ampho.sessions.create(id, {
      amr: ["pwd", "swk", "mfa"],
      acr: "phr",
      authTime: world.clock.now(),
    });
    const passkeys = ofKind(await accessOf(world, owner.token), "passkey");
    const remove = (at: number, by: string) =>
      world.callOnce("DELETE", `/passkeys/${passkeys[at]?.id}`, { bearer: by });
    expect((await remove(0, owner.token)).error).toBe("confirmation_needed");
    let reviewing = (await confirm(world, owner.token, "review")).token;
    for (const at of [0, 1, 2]) reviewing = grantOf(await remove(at, reviewing)).token;
    expect(ofKind(await accessOf(world, reviewing), "passkey")).toEqual([]);
  });

  it("the list has each session, factor, code, key, address and login, and no other user's", async () => {
    const world = await open(ground);
    await addPerson(world, "bob@x.example", password);
    const { token } = await addPerson(world, email, password);
    const { added } = await addPasskey(world, token, createSubject(-7));
    const bearer = grantOf(added).token;
    await world.call("POST", "/api-keys", { bearer, body: { name: "Job", scopes: ["read"], ttl: day } });
    const list = await accessOf(world, bearer);
    const kinds = ["session", "passkey", "recovery_codes", "api_key", "password", "address", "login"];
    expect(list.map(({ kind }) => kind)).toEqual(kinds);
    expect(ofKind(list, "session")).toMatchObject([{ current: true, actor: "user" }]);
    expect(ofKind(list, "passkey")).toMatchObject([{ confirmed: true, actor: "user" }]);
    expect(ofKind(list, "address")).toMatchObject([{ name: email, confirmed: true, actor: "user" }]);
    const found = await world.ampho.users.access(email);
    expect(found.access.map(({ kind }) => kind)).toEqual(kinds);
    expect(found.access.every(({ current }) => !current)).toBe(true);
    expect(found.weaker_policy).toBeNull();
    await expect(world.ampho.users.access("nobody")).rejects.toMatchObject({ code: "not_found" });
  });

  describe("the end of everything else", () => {
    const endAll = (world: Mailing, bearer: string) => world.callOnce("DELETE", "/account/access", { bearer });
    const shown = (list: readonly AccessItem[]) => list.map(({ kind, name }) => `${kind} ${name ?? ""}`.trim());
    const standing = ["password", `address ${email}`, `login ${email}`];

    /** An account with a passkey of its owner, newer than everything that a thief has added 8 days ago. */
    async function openRobbed(ground: Ground) {
      const mails: Mailing["mails"] = [];
      const options = {
        ...mailSettings,
        ...passkeySettings,
        apiKeys: 5,
        scopes: { "*": ["read"] },
        mail: async (message: Mailing["mails"][number]) => void mails.push(message),
      };
      const opened = await openOutside(ground, { options });
      const world = mailingOf(ground, opened.world, mails);
      const outside = { ...opened, world };
      const { token } = await addPerson(world, email, password);
      const linked = grantOf(await link(outside, token, { claims: { sub: "thief" } }));
      const add = async (bearer: string, name: string) => {
        const subject = createSubject(-7, { id: Buffer.alloc(16, name) });
        const { added, options } = await addPasskey(world, bearer, subject);
        return { subject, handle: options.user?.id ?? "", token: grantOf(added).token };
      };
      const thief = await add(linked.token, "thief");
      const body = { name: "Backup", scopes: ["read"], ttl: 90 * day };
      const key = await world.call("POST", "/api-keys", { bearer: thief.token, body });
      const owner = await add(thief.token, "owner");
      world.clock.advance(8 * day);
      const theirs = grantOf(await logInWith(world, thief));
      return { world, outside, thief, theirs, key: String(key.json["key"]), owner };
    }

    it("everything that a thief has added 8 days ago ends, and the passkey of this login stays", async () => {
      const { world, outside, thief, theirs, key, owner } = await openRobbed(ground);
      const bob = { sub: "bob", email: "bob@x.example", email_verified: true };
      const { token: bobs } = await addPerson(world, bob.email, password);
      expect((await link(outside, bobs, { claims: bob })).status).toBe(200);
      const ofBob = () => ground.sql(world, "select * from ampho_identities where subject = 'bob'");
      const before = await ofBob();
      const { token } = grantOf(await logInWith(world, owner));
      const list = await accessOf(world, token);
      expect(list.filter(({ current }) => current).map(({ kind, id }) => [kind, id])).toEqual([
        ["session", sessionOf({ token })],
        ["passkey", owner.subject.id.toString("base64url")],
      ]);
      const ended = await endAll(world, token);
      expect(ended.status, ended.text).toBe(200);
      const after = grantOf(ended).token;
      expect(shown(await accessOf(world, after))).toEqual(["session", "passkey Phone", ...standing]);
      expect(await admission(world.ampho, theirs.token)).toBe("invalid_token");
      expect(await admission(world.ampho, token)).toBe("invalid_token");
      await expect(world.ampho.verify(key, ["api_key"])).rejects.toMatchObject({ code: "invalid_token" });
      expect((await logInWith(world, thief)).status).toBe(401);
      expect((await signIn(outside, { claims: { sub: "thief" } })).status).not.toBe(200);
      expect((await logInWith(world, owner)).status).toBe(200);
      expect(before).toHaveLength(1);
      expect(await ofBob()).toEqual(before);
      expect((await signIn(outside, { claims: bob })).status).toBe(200);
    });

    it("an app stays for a session that has shown its code, and the recovery codes end", async () => {
      const world = await open(ground);
      const { token } = await addPerson(world, email, password);
      const { secret, transaction } = await setUp(world, token);
      const body = { transaction, totp: codeAt(secret, world.clock.now()) };
      const codes = textsOf(
        (await world.call("POST", "/totp/confirm", { bearer: token, body })).json["recovery_codes"],
      );
      world.clock.advance(8 * day);
      const enter = async (proof: object) =>
        grantOf(await world.call("POST", "/login", { body: { login: email, password, ...proof } }));
      const byCode = await enter({ recovery_code: codes[0] });
      const confirmed = await confirm(world, byCode.token, "access_ended");
      const kept = grantOf(await endAll(world, confirmed.token));
      expect(shown(await accessOf(world, kept.token))).toEqual(["session", "totp", "recovery_codes 7", ...standing]);
      const byApp = await enter({ totp: codeAt(secret, world.clock.now()) });
      const reviewing = await confirm(world, byApp.token, "review");
      const left = grantOf(await endAll(world, reviewing.token));
      expect(shown(await accessOf(world, left.token))).toEqual(["session", "totp", ...standing]);
      // One code for a review covers the rest of its 900 seconds.
      expect((await endAll(world, left.token)).status).toBe(200);
    });

    it("a session without a recent login, a code, or the factor of the account ends nothing", async () => {
      const { world, owner, theirs } = await openRobbed(ground);
      const rows = async () => {
        const tables = ["passkeys", "identities", "api_keys", "recovery", "accounts"];
        return Promise.all(tables.map((table) => ground.sql(world, `select * from ampho_${table} order by 1, 2`)));
      };
      const { id } = (await world.ampho.users.find(email)) ?? { id: "" };
      const { token } = grantOf(await logInWith(world, owner));
      const unproven = await world.ampho.sessions.create(id, {
        amr: ["pwd", "swk", "mfa"],
        acr: "phr",
        authTime: world.clock.now(),
      });
      const weak = await world.ampho.sessions.create(id, { authTime: world.clock.now() });
      const before = await rows();
      expect((await endAll(world, weak.token)).error).toBe("login_too_weak");
      expect((await endAll(world, unproven.token)).error).toBe("confirmation_needed");
      const confirmed = await confirm(world, unproven.token, "access_ended");
      expect(await endAll(world, confirmed.token)).toMatchObject({ status: 409, error: "last_way_in" });
      world.clock.advance(301);
      expect((await endAll(world, token)).error).toBe("login_too_old");
      expect((await endAll(world, theirs.token)).error).toBe("login_too_old");
      expect(await rows()).toEqual(before);
    });

    it("the last way in stays: nothing ends where the identity of another login is the only one", async () => {
      const opened = await openOutside(ground, { options: { ...passkeySettings, mail: undefined } });
      const { user } = await addLinked(opened, "ann");
      await ground.sql(opened.world, "update ampho_users set password_hash = null, hash_kind = null");
      const end = (bearer: string) => opened.world.call("DELETE", "/account/access", { bearer });
      const byApplication = await opened.world.ampho.sessions.create(user.id, { authTime: opened.world.clock.now() });
      expect(await end(byApplication.token)).toMatchObject({ status: 409, error: "last_way_in" });
      const { token } = grantOf(await signIn(opened, { claims: { sub: "ann" } }));
      const ended = await end(token);
      expect(ended.status, ended.text).toBe(200);
      expect((await signIn(opened, { claims: { sub: "ann" } })).status).toBe(200);
      expect(await admission(opened.world.ampho, byApplication.token)).toBe("invalid_token");
    });
  });

  describe("an application's own table", () => {
    it("the list of an own table has no time of the address and of the login", async () => {
      const rows: ApplicationUser[] = [{ id: "7", login: "ann", email, emailProven: true }];
      const users: ApplicationUsers = {
        find: (login) => rows.find((row) => row.login === login),
        findById: (id) => rows.find((row) => row.id === id),
        verify: (_, given) => given === password,
      };
      const world = await openMailing(ground, { users });
      const { token } = await world.login("ann");
      const list = await accessOf(world, token);
      expect(list.map(({ kind }) => kind)).toEqual(["session", "password", "address", "login"]);
      expect(list.slice(1)).toMatchObject([{ created: null }, { created: null, confirmed: true }, { created: null }]);
    });
  });
});
