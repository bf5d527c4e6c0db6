// `ampho/client/outside` against a real server and a provider that the test controls.
import { afterEach, expect, it, vi } from "vitest";
import { createOutside, LinkNeeded } from "../../dist/client/outside.js";
import { createClient, FactorNeeded } from "../../dist/client/ways.js";
import { startEvilProvider } from "../world/evil-provider.js";
import { createTestStorage } from "./storage.js";
import { ann, openWorld } from "./world.js";

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

it("a user links an identity, logs in with it, and unlinks it", async () => {
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
  const { client, outside, come } = await open();
  vi.stubGlobal("location", { hash: "#section", pathname: "/", search: "" });
  expect(await outside.returned()).toBeUndefined();
  const url = await outside.loginWith("acme");
  await expect(come(url, {}, { state: "of-an-attacker" })).rejects.toMatchObject({ code: "invalid_credentials" });
  await expect(come(url, {}, { code: "", error: "access_denied" })).rejects.toMatchObject({
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
