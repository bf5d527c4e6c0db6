// An OpenID provider under the control of an attacker, against the provider as the configuration creates it.
import { createPublicKey } from "node:crypto";
import { describe, expect, test } from "vitest";
import { start } from "../world/clock.js";
import {
  type EvilProvider,
  json,
  redirect,
  signed,
  signedWithSecret,
  signingKey,
  startEvilProvider,
  unsigned,
} from "../world/evil-provider.js";
import { clientId, clientSecret, newSecrets, openProvider } from "./open.js";

const settingsOf = ({ issuer }: EvilProvider, more: object = {}) => ({
  issuer,
  client_id: clientId,
  client_secret: clientSecret,
  ...more,
});

async function begin(more: object = {}, path = "") {
  const evil = await startEvilProvider(() => start, path);
  const opened = await openProvider(settingsOf(evil, more));
  const secrets = newSecrets();
  evil.claims = { nonce: secrets.nonce };
  const identify = (response: object = {}) =>
    opened.provider.identify({ code: "code-1", state: secrets.state, ...response }, secrets);
  return { evil, ...opened, secrets, identify };
}

const rejected = (reason: string) => expect.objectContaining({ name: "OutsideRejection", reason });
const failure = (message: RegExp) =>
  expect.objectContaining({ name: "ProviderFailure", message: expect.stringMatching(message) });

describe("an ID token", () => {
  test("a good token identifies the user by issuer and subject", async () => {
    const { evil, identify } = await begin();
    evil.claims = { ...evil.claims, email: "ann@acme.example", email_verified: true };
    await expect(identify()).resolves.toEqual({
      issuer: evil.issuer,
      subject: "user-1",
      email: "ann@acme.example",
      emailVerified: true,
      speaksForEmail: false,
      ownsDomain: false,
      hasSecondFactor: false,
      authTime: start,
    });
  });

  test.each<[string, (evil: EvilProvider) => void]>([
    ["with the algorithm none", (evil) => tokenOf(evil, unsigned)],
    [
      "signed with HS256 and the client's secret",
      (evil) => tokenOf(evil, (claims) => signedWithSecret(clientSecret, claims)),
    ],
    [
      "signed with HS256 and the public key",
      (evil) => {
        const pem = createPublicKey(evil.key.privateKey).export({ format: "pem", type: "spki" }).toString();
        tokenOf(evil, (claims) => signedWithSecret(pem, claims, { kid: evil.key.kid }));
      },
    ],
    [
      "with the header of another algorithm",
      (evil) => tokenOf(evil, (claims) => signed(evil.key, claims, { alg: "PS256" })),
    ],
    ["signed with another key under a known kid", (evil) => tokenOf(evil, (claims) => signed(signingKey(), claims))],
    [
      "of the type of an access token",
      (evil) => tokenOf(evil, (claims) => signed(evil.key, claims, { typ: "at+jwt" })),
    ],
    [
      "of the type of a login transaction",
      (evil) => tokenOf(evil, (claims) => signed(evil.key, claims, { typ: "lt+jwt" })),
    ],
    [
      "with a critical extension",
      (evil) => tokenOf(evil, (claims) => signed(evil.key, claims, { crit: ["exp"], exp: 1 })),
    ],
    ["with padding", (evil) => tokenOf(evil, (claims) => `${signed(evil.key, claims)}=`)],
    ["for another client", (evil) => claim(evil, { aud: "client-2" })],
    ["for two clients without azp", (evil) => claim(evil, { aud: [clientId, "client-2"] })],
    [
      "for two clients with the azp of another one",
      (evil) => claim(evil, { aud: [clientId, "client-2"], azp: "client-2" }),
    ],
    ["for us with the azp of another client", (evil) => claim(evil, { azp: "client-2" })],
    ["without nonce", (evil) => claim(evil, { nonce: undefined })],
    ["with another nonce", (evil) => claim(evil, { nonce: "another" })],
    ["that has expired", (evil) => claim(evil, { exp: start - 61 })],
    ["without exp", (evil) => claim(evil, { exp: undefined })],
    ["with exp as a text", (evil) => claim(evil, { exp: String(start + 300) })],
    ["that was issued ahead of time", (evil) => claim(evil, { iat: start + 61 })],
    ["that was issued before the login began", (evil) => claim(evil, { iat: start - 700 })],
    ["that is not valid yet", (evil) => claim(evil, { nbf: start + 61 })],
    ["with an auth_time ahead of time", (evil) => claim(evil, { auth_time: start + 61 })],
    ["with an auth_time as a text", (evil) => claim(evil, { auth_time: String(start) })],
    ["of an issuer with a slash at its end", (evil) => claim(evil, { iss: `${evil.issuer}/` })],
    ["of an issuer in upper case", (evil) => claim(evil, { iss: evil.issuer.toUpperCase() })],
    ["without iss", (evil) => claim(evil, { iss: undefined })],
  ])("an ID token %s is rejected", async (_, prepare) => {
    const { evil, identify } = await begin();
    prepare(evil);
    await expect(identify()).rejects.toEqual(rejected("id_token"));
  });

  test.each([
    ["without sub", undefined],
    ["with an empty sub", ""],
    ["with a number as sub", 7],
    ["with a sub of 256 characters", "s".repeat(256)],
    ["with a sub that is not ASCII", "\u0430nn"],
  ])("an ID token %s names no user", async (_, sub) => {
    const { evil, identify } = await begin();
    claim(evil, { sub });
    await expect(identify()).rejects.toMatchObject({ name: "OutsideRejection" });
  });

  test("a response without an ID token is rejected", async () => {
    const { evil, identify } = await begin();
    evil.token = () => json({ access_token: "at-1", token_type: "Bearer" });
    await expect(identify()).rejects.toEqual(rejected("id_token"));
  });

  test("two audiences are accepted with our own azp", async () => {
    const { evil, identify } = await begin();
    claim(evil, { aud: [clientId, "client-2"], azp: clientId });
    await expect(identify()).resolves.toMatchObject({ subject: "user-1" });
  });

  test("tokens with unknown keys cause one fetch of the keys in ten seconds", async () => {
    const { evil, clock, identify } = await begin();
    const fetches = () => evil.requested.filter((path) => path.endsWith("/jwks")).length;
    let n = 0;
    evil.token = (claims) =>
      json({ access_token: "a", token_type: "bearer", id_token: signed(signingKey(`key-${++n + 10}`), claims) });
    for (let at = 0; at < 3; at++) await expect(identify()).rejects.toEqual(rejected("id_token"));
    expect(fetches()).toBe(1);
    clock.advance(10);
    for (let at = 0; at < 2; at++) await expect(identify()).rejects.toEqual(rejected("id_token"));
    expect(fetches()).toBe(2);
  }, 60_000);

  test("a new key of the provider is fetched for the first token that names it", async () => {
    const { evil, clock, identify } = await begin();
    await identify();
    const next = signingKey("key-2");
    evil.keys = [next.jwk];
    tokenOf(evil, (claims) => signed(next, claims));
    clock.advance(11);
    await expect(identify()).resolves.toMatchObject({ subject: "user-1" });
  });

  test("a provider whose keys are unreachable cannot be used, and is asked once in ten seconds", async () => {
    const { evil, clock, identify, lines } = await begin();
    evil.routes.set("/jwks", json({}, 500));
    for (let at = 0; at < 4; at++) await expect(identify()).rejects.toEqual(failure(/keys cannot be fetched/));
    expect(evil.requested.filter((path) => path === "/jwks")).toHaveLength(1);
    expect(lines.join("\n")).toMatch(/cannot be fetched: the response was 500/);
    evil.routes.clear();
    clock.advance(10);
    await expect(identify()).resolves.toMatchObject({ subject: "user-1" });
  });

  test("a symmetric key that the provider publishes verifies nothing", async () => {
    const { evil, identify } = await begin();
    const secret = "c".repeat(43);
    evil.keys = [{ kty: "oct", alg: "HS256", kid: "shared", k: Buffer.from(secret).toString("base64url") }];
    tokenOf(evil, (claims) => signedWithSecret(secret, claims, { kid: "shared" }));
    await expect(identify()).rejects.toEqual(rejected("id_token"));
  });

  test("one subject at two issuers, and a subject in another case, are different identities", async () => {
    const one = await begin();
    const other = await begin();
    const first = await one.identify();
    const second = await other.identify();
    claim(one.evil, { sub: "USER-1" });
    const third = await one.identify();
    const ids = [first, second, third].map(({ issuer, subject }) => `${issuer} ${subject}`);
    expect(new Set(ids).size).toBe(3);
  });
});

describe("the address of an identity", () => {
  test.each([
    ["without email_verified", undefined, false],
    ["that is verified by the text false", "false", false],
    ["that is verified by the number 1", 1, false],
    ["that is verified by the text true, as Apple writes it", "true", true],
    ["that is verified", true, true],
  ])("an address %s is proven: %s %s", async (_, verified, emailVerified) => {
    const { evil, identify } = await begin();
    claim(evil, { email: "ann@acme.example", email_verified: verified });
    await expect(identify()).resolves.toMatchObject({
      email: "ann@acme.example",
      emailVerified,
      speaksForEmail: false,
    });
  });

  test.each(["", "ann", "ann@", "a b@acme.example", "ann@acme.example\r\nbcc: x@y.example", 7, ["ann@acme.example"]])(
    "the address %j is no address, and the login goes on without it",
    async (email) => {
      const { evil, identify } = await begin();
      claim(evil, { email, email_verified: true });
      const identity = await identify();
      expect(identity.email).toBeUndefined();
      expect(identity.emailVerified).toBe(false);
    },
  );

  test("a provider whose addresses are believed speaks for verified ones only", async () => {
    const { evil, identify } = await begin({ address: "believed" });
    claim(evil, { email: "ann@acme.example", email_verified: true });
    await expect(identify()).resolves.toMatchObject({ speaksForEmail: true });
    claim(evil, { email_verified: false });
    await expect(identify()).resolves.toMatchObject({ speaksForEmail: false });
  });

  test("the second factor of a provider counts only where the settings trust it", async () => {
    const trusted = await begin({ trust: "amr" });
    claim(trusted.evil, { amr: ["pwd", "mfa"] });
    await expect(trusted.identify()).resolves.toMatchObject({ hasSecondFactor: true });
    claim(trusted.evil, { acr: "phr" });
    await expect(trusted.identify()).resolves.toMatchObject({ hasSecondFactor: true });
    claim(trusted.evil, { amr: ["pwd"], acr: "1" });
    await expect(trusted.identify()).resolves.toMatchObject({ hasSecondFactor: false });
    const other = await begin();
    claim(other.evil, { amr: ["pwd", "mfa"] });
    await expect(other.identify()).resolves.toMatchObject({ hasSecondFactor: false });
  });
});

describe("UserInfo", () => {
  const address = { email: "ann@acme.example", email_verified: true };

  async function beginWithUserInfo(info: object) {
    const begun = await begin();
    const { evil } = begun;
    evil.metadata = { ...evil.metadata, userinfo_endpoint: `${evil.issuer}/userinfo` };
    evil.routes.set("/userinfo", json(info));
    return begun;
  }

  test("the address comes from UserInfo, with the access token, where the ID token has none", async () => {
    const { evil, identify } = await beginWithUserInfo({});
    const authorizations: unknown[] = [];
    evil.routes.set("/userinfo", (request, response) => {
      authorizations.push(request.headers.authorization);
      json({ sub: "user-1", ...address })(request, response);
    });
    await expect(identify()).resolves.toMatchObject({ email: "ann@acme.example", emailVerified: true });
    expect(authorizations).toEqual(["Bearer at-1"]);
  });

  test("UserInfo is not asked where the ID token has an address, and changes no subject and no second factor", async () => {
    const { evil, identify } = await beginWithUserInfo({ sub: "user-1", ...address, amr: ["mfa"], hd: "acme.example" });
    claim(evil, { email: "ben@acme.example", email_verified: false });
    await expect(identify()).resolves.toMatchObject({ email: "ben@acme.example", emailVerified: false });
    expect(evil.requested).not.toContain("/userinfo");
    claim(evil, { email: undefined });
    await expect(identify()).resolves.toMatchObject({ subject: "user-1", hasSecondFactor: false, ownsDomain: false });
  });

  test.each([
    ["another subject", { sub: "user-2", ...address }],
    ["a subject in another case", { sub: "USER-1", ...address }],
    ["no subject", address],
    ["a number as subject", { sub: 1, ...address }],
  ])("UserInfo with %s is rejected", async (_, info) => {
    const { identify } = await beginWithUserInfo(info);
    await expect(identify()).rejects.toEqual(rejected("user"));
  });

  test.each<[string, (evil: EvilProvider) => void]>([
    ["returns 500", (evil) => evil.routes.set("/userinfo", json({}, 500))],
    ["returns 401", (evil) => evil.routes.set("/userinfo", json({}, 401))],
    ["redirects", (evil) => evil.routes.set("/userinfo", redirect)],
    ["returns 1 MB", (evil) => evil.routes.set("/userinfo", json({ sub: "user-1", more: "x".repeat(1_000_000) }))],
    ["returns a token", (evil) => tokenAt(evil, "/userinfo")],
    ["has no TLS on another host", (evil) => userInfoAt(evil, "http://169.254.169.254/latest")],
    ["is a file", (evil) => userInfoAt(evil, "file:///etc/passwd")],
  ])("a UserInfo endpoint that %s is a failure of the provider", async (_, prepare) => {
    const { evil, identify } = await beginWithUserInfo({ sub: "user-1" });
    prepare(evil);
    await expect(identify()).rejects.toMatchObject({ name: "ProviderFailure" });
  });

  const userInfoAt = (evil: EvilProvider, url: string) => {
    evil.metadata = { ...evil.metadata, userinfo_endpoint: url };
  };
  /** A signed response (OpenID Connect Core §5.3.2), which the client has not asked for. */
  const tokenAt = (evil: EvilProvider, path: string) =>
    void evil.routes.set(path, (_, response) =>
      response
        .writeHead(200, { "content-type": "application/jwt" })
        .end(signed(evil.key, { iss: evil.issuer, aud: clientId, sub: "user-1", ...address })),
    );
});

describe("the tenants of Microsoft", () => {
  const [ours, others] = ["11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555"];

  async function openTenants() {
    const evil = await startEvilProvider(() => start, "/common/v2.0");
    evil.metadata = { ...evil.metadata, issuer: `${evil.origin}/{tenantid}/v2.0` };
    const { provider } = await openProvider(settingsOf(evil, { tid: [ours] }));
    const secrets = newSecrets();
    const identify = (tid: string, iss = `${evil.origin}/${tid}/v2.0`) => {
      evil.claims = { nonce: secrets.nonce, tid, iss };
      return provider.identify({ code: "code-1", state: secrets.state }, secrets);
    };
    return { evil, identify };
  }

  test("a listed tenant is its own issuer", async () => {
    const { evil, identify } = await openTenants();
    await expect(identify(ours)).resolves.toMatchObject({ issuer: `${evil.origin}/${ours}/v2.0`, subject: "user-1" });
  });

  test("another tenant, and a tenant that differs from the issuer, are rejected", async () => {
    const { evil, identify } = await openTenants();
    await expect(identify(others)).rejects.toEqual(rejected("id_token"));
    await expect(identify(ours, `${evil.origin}/${others}/v2.0`)).rejects.toEqual(rejected("id_token"));
    await expect(identify("{tenantid}")).rejects.toEqual(rejected("id_token"));
  });
});

function tokenOf(evil: EvilProvider, sign: (claims: Readonly<Record<string, unknown>>) => string): void {
  evil.token = (claims) => json({ access_token: "at-1", token_type: "Bearer", id_token: sign(claims) });
}

function claim(evil: EvilProvider, claims: object): void {
  evil.claims = { ...evil.claims, ...claims };
}
