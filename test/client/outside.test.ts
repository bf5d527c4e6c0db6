// `ampho/client/outside` against a real server and a provider that the test controls.
import { Secret, TOTP } from "otpauth";
import { afterEach, expect, it, vi } from "vitest";
import { createClient, FactorNeeded } from "../../dist/client/full.js";
import { createOutside, LinkNeeded } from "../../dist/client/outside.js";
import type { Message } from "../../dist/index.js";
import { startEvilProvider } from "../world/evil-provider.js";
import { openCookieJar } from "./cookie-jar.js";
import { createTestStorage, seen } from "./storage.js";
import { ann, ben, openWorld } from "./world.js";

afterEach(() => vi.unstubAllGlobals());

async function open(acme: object = {}) {
  const evil = await startEvilProvider(() => Math.floor(Date.now() / 1000));
  const world = await openWorld({
    appUrl: "http://localhost/",
    mail: async () => {},
    providers: { acme: { issuer: evil.issuer, client_id: "client-1", client_secret: "s", ...acme } },
  });
  const client = createClient({ baseUrl: world.url, storage: createTestStorage() });
  const outside = createOutside(client, { storage: createTestStorage() });
  const history = { state: null, replaceState: vi.fn() };

  /** The provider sends the page back, as the callback does. */
  async function come(url: string, claims: object, change: Record<string, string> = {}) {
    const { searchParams } = new URL(url);
    evil.claims = { nonce: searchParams.get("nonce"), ...claims };
    const state = searchParams.get("state") ?? "";
    const fields = new URLSearchParams({ code: "code-1", state, provider: "acme", ...change });
    vi.stubGlobal("location", { hash: `#${fields}`, pathname: "/", search: "" });
    vi.stubGlobal("history", history);
    return outside.returned();
  }
  return { evil, world, client, outside, come, history };
}

it("a user links an identity, signs in with it, and unlinks it", async () => {
  const { client, outside, come, history } = await open();
  await client.login(ann.login, ann.password);
  const linked = await come(await outside.identities.link("acme", { returnTo: "/account" }), { sub: "s-1" });
  expect(linked).toEqual({ session: undefined, returnTo: "/account" });
  await client.logout();
  const returned = await come(await outside.loginWith("acme", { returnTo: "/cart" }), { sub: "s-1" });
  expect(returned).toMatchObject({ session: { login: "ann" }, returnTo: "/cart" });
  expect(history.replaceState).toHaveBeenCalledWith(null, "", "/");
  expect((await client.session())?.login).toBe("ann");
  const account = await (await client.fetch("/api/security/account")).json();
  await outside.identities.unlink(account.identities[0].id);
  await expect(come(await outside.loginWith("acme"), { sub: "s-1" })).rejects.toMatchObject({
    code: "registration_closed",
  });
});

it("a page without a response has nothing to finish, and a foreign or cancelled one creates no session", async () => {
  const { world, client, outside, come } = await open();
  vi.stubGlobal("location", { hash: "#section", pathname: "/", search: "" });
  expect(await outside.returned()).toBeUndefined();
  const url = await outside.loginWith("acme");
  await expect(come(url, {}, { state: "of-an-attacker" })).rejects.toMatchObject({ code: "invalid_credentials" });
  // Members of every object are the state of nothing.
  world.requests.length = 0;
  for (const state of ["constructor", "__proto__", "toString", "hasOwnProperty"])
    await expect(come(url, {}, { state })).rejects.toMatchObject({ code: "invalid_credentials" });
  expect(world.requests).toEqual([]);
  const denied = { code: "", error: "access_denied" };
  await expect(come(url, {}, { ...denied, state: "of-an-attacker" })).rejects.toMatchObject({
    code: "invalid_credentials",
  });
  await expect(come(url, {}, denied)).rejects.toMatchObject({ code: "outside_cancelled" });
  await expect(come(await outside.loginWith("acme"), {}, { code: "", error: "server_error" })).rejects.toMatchObject({
    code: "invalid_credentials",
  });
  expect(await client.session()).toBeUndefined();
});

it("a user proves the account by a password, and the identity is linked", async () => {
  const { world, client, outside, come } = await open();
  await world.ampho.users.create({ login: "eve@acme.example", password: ann.password });
  const claims = { sub: "s-2", email: "eve@acme.example", email_verified: true };
  const needed = await come(await outside.loginWith("acme"), claims).catch((error: unknown) => error);
  if (!(needed instanceof LinkNeeded)) throw new Error("the identity was not unknown");
  expect(needed.ways).toEqual(["login", "mail"]);
  await expect(needed.finish({ login: "eve@acme.example", password: "wrong" })).rejects.toMatchObject({
    code: "invalid_credentials",
  });
  expect((await needed.finish({ login: "eve@acme.example", password: ann.password })).login).toBe("eve@acme.example");
  await client.logout();
  expect(await come(await outside.loginWith("acme"), claims)).toMatchObject({ session: { login: "eve@acme.example" } });
});

it("an account whose policy asks for more is asked for it", async () => {
  const { world, client, outside, come } = await open();
  await client.login(ann.login, ann.password);
  await come(await outside.identities.link("acme"), { sub: "s-1" });
  await client.logout();
  await world.ampho.factors.setPolicy((await world.ampho.users.find("ann"))?.id ?? "", "required");
  const needed = await come(await outside.loginWith("acme"), { sub: "s-1" }).catch((error: unknown) => error);
  expect(needed).toBeInstanceOf(FactorNeeded);
  expect(needed).toMatchObject({ enroll: true });
});

/** A server in cookie mode. The query in the URL of the page is what the callback has put there. */
async function openByCookie() {
  const evil = await startEvilProvider(() => Math.floor(Date.now() / 1000));
  const mails: Message[] = [];
  const world = await openWorld({
    cookies: true,
    appUrl: "http://localhost/",
    mail: async (mail) => void mails.push(mail),
    providers: { acme: { issuer: evil.issuer, client_id: "client-1", client_secret: "s" } },
  });
  const jar = openCookieJar(world.url);
  const storage = createTestStorage();
  const client = createClient({ baseUrl: world.url, storage, cookies: true });
  const outside = createOutside(client, { storage: createTestStorage() });
  const replaceState = vi.fn();
  vi.stubGlobal("history", { state: null, replaceState });
  vi.stubGlobal("location", { hash: "", pathname: "/", search: "" });

  /** The provider sends the browser to the callback, and the callback sends it to a page. */
  async function comeBack(url: string, claims: object = {}, change: Record<string, string> = {}) {
    const { searchParams } = new URL(url);
    evil.claims = { nonce: searchParams.get("nonce"), sub: "s-1", ...claims };
    const query = new URLSearchParams({ code: "code-1", state: searchParams.get("state") ?? "", ...change });
    const target = `${world.url}/api/security/login/outside/acme/callback?${query}`;
    const response = await fetch(target, { credentials: "include", redirect: "manual" });
    const page = new URL(response.headers.get("Location") ?? "");
    vi.stubGlobal("location", { hash: "", pathname: page.pathname, search: page.search });
    return outside.returned();
  }

  async function linkAnn() {
    await client.login(ann.login, ann.password);
    expect(await comeBack(await outside.identities.link("acme"))).toBeUndefined();
    await client.logout();
  }
  async function nextCode() {
    const codes = () => mails.map(({ text }) => /^\d\d(?: \d\d){3}$/m.exec(text)?.[0]);
    const code = await vi.waitUntil(() => codes().find(Boolean), { timeout: 60_000 });
    mails.length = 0;
    return code.replaceAll(" ", "");
  }
  return { world, nextCode, jar, storage, client, outside, replaceState, comeBack, linkAnn };
}

it("a page in cookie mode knows the session that the callback created, and renews it", async () => {
  const { jar, storage, client, outside, comeBack, linkAnn } = await openByCookie();
  await linkAnn();
  const url = await outside.loginWith("acme", { returnTo: "/cart" });
  expect(await outside.returned()).toBeUndefined();
  expect(await comeBack(url)).toMatchObject({ session: { login: "ann", amr: ["fed"] }, returnTo: "/cart" });
  expect((await client.session())?.login).toBe("ann");
  expect(await outside.returned()).toBeUndefined();
  jar.cookies.delete("__Host-ampho-token");
  storage.age(1000);
  expect(await seen(client.fetch("/guarded"))).toBe("ann");
});

it("a page in cookie mode keeps the former session after a login that was given up", async () => {
  const { client, outside, replaceState, comeBack, linkAnn } = await openByCookie();
  await linkAnn();
  await client.login(ann.login, ann.password);
  const before = await client.session();
  const url = await outside.loginWith("acme", { returnTo: "/cart" });
  expect(await outside.returned()).toBeUndefined();
  await expect(comeBack(url, {}, { code: "", error: "access_denied" })).rejects.toMatchObject({
    code: "outside_cancelled",
  });
  expect(replaceState).toHaveBeenLastCalledWith(null, "", "/");
  expect((await client.session())?.session).toEqual(before?.session);
});

it("a page in cookie mode distinguishes an address that an account has from a cancelled login", async () => {
  const { outside, comeBack } = await openByCookie();
  const linking = comeBack(await outside.loginWith("acme"), { email: "ann@example.org", email_verified: false });
  await expect(linking).rejects.toMatchObject({
    code: "link_needed",
    message: "This identity belongs to no account yet. Prove the account or the address.",
  });
  const cancelled = comeBack(await outside.loginWith("acme"), {}, { code: "", error: "access_denied" });
  await expect(cancelled).rejects.toMatchObject({
    code: "outside_cancelled",
    message: "The login at the provider was cancelled.",
  });
});

it("a page in cookie mode asks for a second factor, and finishes the login", async () => {
  const { client, outside, comeBack, linkAnn } = await openByCookie();
  await linkAnn();
  await client.login(ann.login, ann.password);
  const { confirm, secret } = await client.totp.begin();
  const app = new TOTP({ secret: Secret.fromBase32(secret) });
  const { recoveryCodes } = await confirm(app.generate());
  // The session of the same user, then that of another one, then none.
  for (const [at, before] of [ann, ben, undefined].entries()) {
    if (before === ben) await client.login(ben.login, ben.password);
    if (before === undefined) await client.logout();
    const needed = await comeBack(await outside.loginWith("acme")).catch((error: unknown) => error);
    if (!(needed instanceof FactorNeeded)) throw needed;
    expect([needed.factors, needed.enroll]).toEqual([["totp", "recovery_code"], false]);
    const session = await needed.finish({ recoveryCode: recoveryCodes[at] });
    expect(session).toMatchObject({ login: "ann", recoveryCodesLeft: 7 - at });
    expect(session.amr).toContain("fed");
    expect((await client.session())?.login).toBe("ann");
  }
});

it("a login whose response gets lost is repeated by the page, although the provider accepts its code once", async () => {
  const { world, client, outside, come, evil } = await open();
  await client.login(ann.login, ann.password);
  await come(await outside.identities.link("acme"), { sub: "s-1" });
  await client.logout();
  let lost = 2;
  world.intercept = (request, response) => {
    if (request.method !== "POST" || !request.url?.endsWith("/login") || lost-- <= 0) return false;
    const { writeHead } = response;
    response.writeHead = ((...args: Parameters<typeof writeHead>) => {
      response.destroy();
      return writeHead.apply(response, args);
    }) as typeof writeHead;
    return false;
  };
  const codes = evil.tokenRequests.length;
  expect(await come(await outside.loginWith("acme"), { sub: "s-1" })).toMatchObject({ session: { login: "ann" } });
  expect([lost, evil.tokenRequests.length]).toEqual([-1, codes + 1]);
});

it("a page in cookie mode loses no session when its first renewal after the callback gets lost", async () => {
  const { world, storage, client, outside, comeBack, linkAnn } = await openByCookie();
  await linkAnn();
  let lost = 3;
  world.intercept = (request, response) => {
    if (!request.url?.endsWith("/renew") || lost-- <= 0) return false;
    // The server renews, and its response does not arrive.
    const { writeHead } = response;
    response.writeHead = ((...args: Parameters<typeof writeHead>) => {
      response.destroy();
      return writeHead.apply(response, args);
    }) as typeof writeHead;
    return false;
  };
  await expect(comeBack(await outside.loginWith("acme"))).rejects.toMatchObject({ code: "unavailable" });
  // React calls an effect twice.
  const returned = await Promise.all([outside.returned(), outside.returned()]);
  expect(returned).toMatchObject([{ session: { login: "ann" } }, { session: { login: "ann" } }]);
  storage.age(1000);
  expect(await seen(client.fetch("/guarded"))).toBe("ann");
  expect(await world.count("renew_replayed")).toBe(0);
});

it("a page in cookie mode takes no error from a link that it did not begin", async () => {
  const { world, client, outside } = await openByCookie();
  await client.login(ann.login, ann.password);
  world.requests.length = 0;
  for (const search of ["?ampho_error=factor_needed&ampho_needed=totp", "?ampho_error=factor_needed&ampho_needed="]) {
    vi.stubGlobal("location", { hash: "", pathname: "/", search });
    expect(await outside.returned()).toBeUndefined();
  }
  expect(world.requests).toEqual([]);
});

it("a page in cookie mode sets up a factor with the mailed code", async () => {
  const { world, nextCode, client, outside, comeBack } = await openByCookie();
  const claims = { email: "eve@acme.example", email_verified: true };
  const { id } = await world.ampho.users.create({ login: "eve@acme.example", password: ann.password });
  const unlinked = await comeBack(await outside.loginWith("acme"), claims).catch((error: unknown) => error);
  if (!(unlinked instanceof LinkNeeded)) throw unlinked;
  expect(unlinked.ways).toEqual(["login", "mail"]);
  expect((await unlinked.finish({ code: await nextCode() })).login).toBe("eve@acme.example");
  await client.logout();
  await world.ampho.factors.setPolicy(id, "required");
  const needed = await comeBack(await outside.loginWith("acme"), claims).catch((error: unknown) => error);
  if (!(needed instanceof FactorNeeded)) throw needed;
  expect([needed.enroll, needed.mail, needed.factors]).toEqual([true, true, []]);
  const { secret, confirm } = await client.totp.begin(needed, { code: await nextCode() });
  const { recoveryCodes } = await confirm(new TOTP({ secret: Secret.fromBase32(secret) }).generate());
  expect(recoveryCodes).toHaveLength(8);
  expect((await client.session())?.login).toBe("eve@acme.example");
});
