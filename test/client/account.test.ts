// `ampho/client/account` against a real server, with tokens in the record and with tokens in cookies.
import { describe, expect, it } from "vitest";
import { createAccount } from "../../dist/client/account.js";
import { createClient } from "../../dist/client/full.js";
import type { AmphoOptions } from "../../dist/index.js";
import { settableClock } from "../world/clock.js";
import { openCookieJar } from "./cookie-jar.js";
import { createTestStorage } from "./storage.js";
import { ann, ben, openWorld } from "./world.js";

async function openDevice(cookies: boolean, options: AmphoOptions = {}) {
  const clock = settableClock();
  const world = await openWorld({ clock, cookies, ...options });
  if (cookies) openCookieJar(world.url);
  const open = (more = {}) => createClient({ baseUrl: world.url, storage: createTestStorage(), cookies, ...more });
  return { world, clock, open };
}

describe.each([false, true])("an account page with tokens in cookies: %s", (cookies) => {
  it("A user reads the account and the sessions, and ends one", async () => {
    const { world, open } = await openDevice(cookies);
    const client = open();
    await client.login(ann.login, ann.password);
    const { account, sessions } = createAccount(client);
    expect(await account.get()).toMatchObject({ login: "ann", password: true, passkeys: [], totp: null });
    const [other] = await world.ampho.sessions.findUserIds("ann");
    const { token } = await world.ampho.sessions.create(other ?? "");
    const list = await sessions.list();
    expect(list.map(({ current }) => current).sort()).toEqual([false, true]);
    await sessions.end(list.find(({ current }) => !current)?.id ?? "");
    await expect(world.ampho.verify(token)).rejects.toThrow("revoked");
    expect(await sessions.list()).toHaveLength(1);
    await expect(sessions.end("0.unknown")).rejects.toMatchObject({ code: "not_found" });
    expect(await account.export()).toMatchObject({ account: { login: "ann" }, sessions: [{}] });
  });

  it("A user without a recent login proves it, and then goes on", async () => {
    const { clock, open } = await openDevice(cookies);
    const client = open({ onStepUp: () => client.login(ann.login, ann.password) });
    await client.login(ann.login, ann.password);
    clock.advance(400);
    expect(await createAccount(client).account.export()).toMatchObject({ account: { login: "ann" } });
  });

  it("After a change of the login or the end of the account, the client has no session", async () => {
    const { open } = await openDevice(cookies);
    const client = open();
    await client.login(ann.login, ann.password);
    const { account } = createAccount(client);
    await expect(account.changeLogin(ben.login)).rejects.toMatchObject({ code: "login_taken" });
    expect(await client.session()).toMatchObject({ login: "ann" });
    await account.changeLogin("anna");
    expect(await client.session()).toBeUndefined();
    await client.login("anna", ann.password);
    await account.remove();
    expect(await client.session()).toBeUndefined();
    await expect(client.login("anna", ann.password)).rejects.toMatchObject({ code: "invalid_credentials" });
  });

  it("A user changes the password, and cannot remove it without a passkey", async () => {
    const { open } = await openDevice(cookies);
    const client = open();
    await client.login(ann.login, ann.password);
    const { account } = createAccount(client);
    const next = "violet kettle harbour evening";
    await expect(account.changePassword(next, "wrong")).rejects.toMatchObject({ code: "invalid_credentials" });
    await expect(account.changePassword("short", ann.password)).rejects.toMatchObject({ code: "password_rejected" });
    await account.changePassword(next, ann.password);
    await expect(account.removePassword()).rejects.toMatchObject({ code: "last_way_in" });
    await client.login(ann.login, next);
  });
});

it("A login sends the token of a captcha after captcha_needed", async () => {
  const { open } = await openDevice(false, { captcha: (token) => token === "solved", throttleAttempts: 1 });
  const client = open();
  await expect(client.login(ann.login, "wrong")).rejects.toMatchObject({ code: "invalid_credentials" });
  await expect(client.login(ann.login, ann.password)).rejects.toMatchObject({ code: "captcha_needed" });
  expect(await client.login(ann.login, ann.password, { captcha: "solved" })).toMatchObject({ login: "ann" });
});

it("an account page accepts a prefix with a slash at its end, as the client does", async () => {
  const { open } = await openDevice(false);
  const prefix = "/api/security/";
  const client = open({ prefix });
  await client.login(ann.login, ann.password);
  expect(await createAccount(client, { prefix }).account.get()).toMatchObject({ login: "ann" });
});
