// Ampho against a real OpenID provider: the whole code flow, without a browser.
import { describe, expect, test } from "vitest";
import { runningClock } from "../world/clock.js";
import { startOpenIdProvider } from "../world/open-id-provider.js";
import { clientId, clientSecret, newSecrets, openProvider } from "./open.js";

const redirectUri = "https://app.example/api/security/login/outside/acme/callback";

async function begin(more: { readonly atUserInfo?: boolean } = {}) {
  const outside = await startOpenIdProvider({ clientId, clientSecret, redirectUris: [redirectUri], ...more });
  const settings = { issuer: outside.issuer, client_id: clientId, client_secret: clientSecret };
  const { provider } = await openProvider(settings, runningClock());
  const secrets = newSecrets();
  return { outside, provider, secrets };
}

function responseOf(parameters: URLSearchParams) {
  const { code = "", state = "", iss } = Object.fromEntries(parameters);
  return { code, state, ...(iss !== undefined && { iss }) };
}

describe("a real OpenID provider", () => {
  test.each([
    ["in the ID token", {}],
    ["at UserInfo", { atUserInfo: true }],
  ])("a user who signs in there is identified with the verified address %s", async (_, more) => {
    const { outside, provider, secrets } = await begin(more);
    outside.user = { sub: "ann-17", claims: { email: "ann@acme.example", email_verified: true } };
    const sent = responseOf(await outside.signIn(await provider.authorizationUrl(secrets)));
    expect(sent.iss).toBe(outside.issuer);
    await expect(provider.identify(sent, secrets)).resolves.toEqual({
      issuer: outside.issuer,
      subject: "ann-17",
      email: "ann@acme.example",
      emailVerified: true,
      speaksForEmail: false,
      ownsDomain: false,
      hasSecondFactor: false,
      authTime: expect.any(Number),
    });
  });

  test("a silent login reports the time of the first one, and max_age asks the user to sign in again", async () => {
    const { outside, provider } = await begin();
    const cookies = new Map<string, string>();
    const logIn = async (maxAge?: number) => {
      const secrets = newSecrets();
      const url = await provider.authorizationUrl(secrets, maxAge);
      const { authTime = 0 } = await provider.identify(responseOf(await outside.signIn(url, cookies)), secrets);
      return authTime;
    };
    const first = await logIn();
    await expect.poll(() => Math.floor(Date.now() / 1000)).toBeGreaterThan(first + 1);
    expect(await logIn()).toBe(first);
    expect(await logIn(300)).toBe(first);
    expect(await logIn(0)).toBeGreaterThan(first);
  });

  test("a code is good once, and only with the secrets of its own login", async () => {
    const { outside, provider, secrets } = await begin();
    const sent = responseOf(await outside.signIn(await provider.authorizationUrl(secrets)));
    const other = newSecrets();
    await expect(provider.identify({ ...sent, state: other.state }, other)).rejects.toMatchObject({ reason: "code" });
    const again = responseOf(await outside.signIn(await provider.authorizationUrl(secrets)));
    await provider.identify(again, secrets);
    await expect(provider.identify(again, secrets)).rejects.toMatchObject({ reason: "code" });
  });

  test("the promised iss must be there and must be that of the provider", async () => {
    const { outside, provider, secrets } = await begin();
    const { code, state } = responseOf(await outside.signIn(await provider.authorizationUrl(secrets)));
    await expect(provider.identify({ code, state }, secrets)).rejects.toMatchObject({ reason: "response" });
    const wrong = { code, state, iss: "https://other.example" };
    await expect(provider.identify(wrong, secrets)).rejects.toMatchObject({ reason: "response" });
    await expect(provider.identify({ code, state, iss: outside.issuer }, secrets)).resolves.toMatchObject({
      subject: "user-1",
    });
  });

  test("form_post sends the same fields in a form", async () => {
    const { outside, provider, secrets } = await begin();
    const url = new URL(await provider.authorizationUrl(secrets));
    url.searchParams.set("response_mode", "form_post");
    const sent = responseOf(await outside.signIn(url.href));
    await expect(provider.identify(sent, secrets)).resolves.toMatchObject({ subject: "user-1" });
  });
});
