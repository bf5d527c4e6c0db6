// Google as a provider (docs/guides/providers.md). Requests to its host go to a server of the test.
import { expect, it, onTestFinished } from "vitest";
import { password } from "../world/ampho.js";
import { startEvilProvider } from "../world/evil-provider.js";
import { begin, clientId, identities, openOutside } from "./outside.js";
import { type Ground, onBothDatabases, outcomeOf } from "./owners.js";

const google = "https://accounts.google.com";

async function openGoogle(ground: Ground, more: object = {}, options: object = {}) {
  const time = { now: () => 0 };
  const evil = await startEvilProvider(() => time.now());
  evil.metadata = {
    ...evil.metadata,
    issuer: google,
    authorization_endpoint: `${google}/authorize`,
    token_endpoint: `${google}/token`,
    jwks_uri: `${google}/jwks`,
  };
  const { fetch } = globalThis;
  globalThis.fetch = (input, init) =>
    fetch(input instanceof URL ? new URL(input.href.replace(google, evil.origin)) : input, init);
  onTestFinished(() => {
    globalThis.fetch = fetch;
  });
  const settings = { issuer: google, client_id: clientId, client_secret: "a secret", ...more };
  const outside = await openOutside(ground, { options: { providers: { google: settings }, ...options } });
  const { world } = outside;
  time.now = () => world.clock.now();
  const signIn = async (claims: object) => {
    const { transaction, state, nonce } = await begin(world, "google");
    evil.claims = { iss: google, nonce, email_verified: true, ...claims };
    return world.call("POST", "/login", { body: { transaction, outside: { provider: "google", code: "c", state } } });
  };
  return { ...outside, signIn };
}

onBothDatabases((ground) => {
  it("an account of Google with an address of the domain, but of no or another organization, is not signed in by it", async () => {
    const outside = await openGoogle(ground, { domains: ["acme.example"] });
    await outside.world.user("ann@acme.example", { password });
    const email = "ann@acme.example";
    for (const hd of [undefined, "", "other.example", "sub.acme.example", ["acme.example"]])
      expect([hd, ...outcomeOf(await outside.signIn({ sub: "eve", email, hd }))]).toEqual([hd, 401, "link_needed"]);
    expect(await identities(outside, ground)).toEqual([]);
    expect(outcomeOf(await outside.signIn({ sub: "ann", email, hd: "ACME.example" }))).toEqual([200]);
    expect(await identities(outside, ground)).toMatchObject([{ subject: "ann" }]);
  });

  it("Google speaks for addresses of gmail.com and of the organization in hd alone", async () => {
    const { signIn } = await openGoogle(ground, {}, { registration: "open" });
    const outcome = async (email: string, hd?: string) => outcomeOf(await signIn({ sub: email, email, hd }));
    expect(await outcome("eve@acme.example", "other.example")).toEqual([401, "link_needed"]);
    expect(await outcome("eve@notgmail.com", "gmail.com")).toEqual([401, "link_needed"]);
    expect(await outcome("ann@gmail.com")).toEqual([200]);
    expect(await outcome("ann@acme.example", "acme.example")).toEqual([200]);
  });
});
