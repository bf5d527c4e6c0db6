// GitHub by a stand-in on the loopback interface, whose three endpoints return what GitHub documents. It is a GitHub Enterprise
// Server for the settings, which differs from github.com only by its URLs.
import { describe, expect, test } from "vitest";
import { githubApi } from "../../dist/providers/github.js";
import { start } from "../world/clock.js";
import { json, startEvilProvider } from "../world/evil-provider.js";
import { clientId, clientSecret, newSecrets, openProvider } from "./open.js";

/** The members of the recorded responses that matter, in the form of docs.github.com/en/rest/users. */
const user = {
  login: "octocat",
  id: 583_231,
  node_id: "MDQ6VXNlcjU4MzIzMQ==",
  type: "User",
  email: "public@acme.example",
};
const emails = [
  { email: "old@acme.example", verified: true, primary: false, visibility: null },
  { email: "octocat@acme.example", verified: true, primary: true, visibility: "private" },
];
const token = { access_token: "gho_16C7e42F292c6912E7710c838347Ae178B4a", scope: "user:email", token_type: "bearer" };

async function openGithub() {
  const standIn = await startEvilProvider(() => start);
  const authorizations: (string | undefined)[] = [];
  const api =
    (value: unknown) =>
    (...[request, response]: Parameters<ReturnType<typeof json>>) => {
      authorizations.push(request.headers.authorization);
      json(value)(request, response);
    };
  standIn.routes.set("/login/oauth/access_token", json(token));
  standIn.routes.set("/api/v3/user", api(user));
  standIn.routes.set("/api/v3/user/emails", api(emails));
  const settings = { kind: "github", issuer: standIn.issuer, client_id: clientId, client_secret: clientSecret };
  const { provider } = await openProvider(settings);
  const secrets = newSecrets();
  const identify = (response: object = {}) =>
    provider.identify({ code: "code-1", state: secrets.state, ...response }, secrets);
  return { standIn, provider, secrets, identify, api, authorizations };
}

describe("GitHub", () => {
  test("the number of the account is the subject, and the address is the primary verified one", async () => {
    const { standIn, identify, authorizations } = await openGithub();
    await expect(identify()).resolves.toEqual({
      issuer: standIn.issuer,
      subject: "583231",
      email: "octocat@acme.example",
      emailVerified: true,
      speaksForEmail: true,
      ownsDomain: false,
      hasSecondFactor: false,
    });
    expect(authorizations).toEqual([`Bearer ${token.access_token}`, `Bearer ${token.access_token}`]);
  });

  test("a primary address that is not verified is not proven, and another verified one does not stand in", async () => {
    const { standIn, identify, api } = await openGithub();
    standIn.routes.set("/api/v3/user/emails", api([emails[0], { ...emails[1], verified: false }]));
    await expect(identify()).resolves.toMatchObject({
      email: "octocat@acme.example",
      emailVerified: false,
      speaksForEmail: false,
    });
    standIn.routes.set("/api/v3/user/emails", api([emails[0]]));
    expect(await identify()).toEqual({
      issuer: standIn.issuer,
      subject: "583231",
      emailVerified: false,
      speaksForEmail: false,
      ownsDomain: false,
      hasSecondFactor: false,
    });
  });

  test("a code that GitHub rejects with status 200 is rejected", async () => {
    const { standIn, identify } = await openGithub();
    standIn.routes.set("/login/oauth/access_token", json({ error: "bad_verification_code" }));
    await expect(identify()).rejects.toMatchObject({ name: "OutsideRejection", reason: "code" });
  });

  test.each([
    ["incorrect_client_credentials", "it does not accept the client and its secret"],
    ["redirect_uri_mismatch", "it does not accept the callback"],
  ])("the error %s with status 200 is a failure of the configuration, and not of the user", async (error, message) => {
    const { standIn, identify } = await openGithub();
    standIn.routes.set("/login/oauth/access_token", json({ error, error_description: "a text of GitHub" }));
    await expect(identify()).rejects.toMatchObject({ name: "ProviderFailure", message });
  });

  test.each([
    ["https://github.com", "https://api.github.com"],
    ["https://github.com/", "https://api.github.com"],
    ["https://github.acme.example/", "https://github.acme.example/api/v3"],
  ])("the API of %s is at %s", (issuer, api) => {
    expect(githubApi(issuer)).toBe(api);
  });

  test.each([{ login: "octocat" }, { id: "583231" }, { id: 0 }, { id: 1.5 }, []])(
    "the user %j has no subject",
    async (response) => {
      const { standIn, identify, api } = await openGithub();
      standIn.routes.set("/api/v3/user", api(response));
      await expect(identify()).rejects.toMatchObject({ name: "OutsideRejection", reason: "user" });
    },
  );

  test("the iss that GitHub sends is compared, and a response without it is accepted", async () => {
    const { standIn, identify } = await openGithub();
    await expect(identify({ iss: `${standIn.issuer}/login/oauth` })).resolves.toMatchObject({ subject: "583231" });
    await expect(identify({ iss: standIn.issuer })).rejects.toMatchObject({ reason: "response" });
  });

  test("the request asks for addresses only, with PKCE", async () => {
    const { standIn, provider, secrets } = await openGithub();
    const url = new URL(await provider.authorizationUrl(secrets));
    expect(url.origin + url.pathname).toBe(`${standIn.issuer}/login/oauth/authorize`);
    expect(url.searchParams.get("scope")).toBe("user:email");
    expect(url.searchParams.get("code_challenge_method")).toBe("S256");
    expect(url.searchParams.has("nonce")).toBe(false);
  });

  test("an API that fails is a failure of the provider", async () => {
    const { standIn, identify } = await openGithub();
    standIn.routes.set("/api/v3/user", json({ message: "Server Error" }, 500));
    await expect(identify()).rejects.toMatchObject({ name: "ProviderFailure" });
  });
});
