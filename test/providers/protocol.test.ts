// The steps of the protocol before an ID token: discovery, the authorization request, the response, the code.
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { ProviderFailure } from "../../dist/providers/provider.js";
import { start } from "../world/clock.js";
import { type EvilProvider, json, type Responder, redirect, startEvilProvider } from "../world/evil-provider.js";
import { clientId, clientSecret, newSecrets, openProvider } from "./open.js";

const settingsOf = ({ issuer }: EvilProvider) => ({ issuer, client_id: clientId, client_secret: clientSecret });

async function begin() {
  const evil = await startEvilProvider(() => start);
  const opened = await openProvider(settingsOf(evil));
  const secrets = newSecrets();
  evil.claims = { nonce: secrets.nonce };
  const identify = (response: object = {}) =>
    opened.provider.identify({ code: "code-1", state: secrets.state, ...response }, secrets);
  return { evil, ...opened, secrets, identify };
}

const rejected = (reason: string) => expect.objectContaining({ name: "OutsideRejection", reason });
const failure = (message: RegExp) =>
  expect.objectContaining({ name: "ProviderFailure", message: expect.stringMatching(message) });

describe("the authorization request", () => {
  test("it asks for a code with PKCE S256, state and nonce, and names the callback of this provider", async () => {
    const { evil, provider, secrets } = await begin();
    const url = new URL(await provider.authorizationUrl(secrets));
    expect(url.origin + url.pathname).toBe(`${evil.issuer}/authorize`);
    expect(Object.fromEntries(url.searchParams)).toEqual({
      response_type: "code",
      client_id: clientId,
      redirect_uri: "https://app.example/api/security/login/outside/acme/callback",
      scope: "openid email",
      state: secrets.state,
      nonce: secrets.nonce,
      code_challenge: createHash("sha256").update(secrets.verifier).digest("base64url"),
      code_challenge_method: "S256",
      max_age: "2592000",
    });
    const recent = new URL(await provider.authorizationUrl(secrets, 300));
    expect(recent.searchParams.get("max_age")).toBe("300");
    expect(url.href).not.toContain(secrets.verifier);
  });
});

const page =
  (status: number, type: string): Responder =>
  (_, response) =>
    void response.writeHead(status, { "content-type": type }).end("<p>Please sign in to this network.</p>");

describe("the response", () => {
  test.each<[string, (about: { secrets: { state: string }; evil: EvilProvider }) => object]>([
    ["without state", () => ({ state: "" })],
    ["with a wrong state", () => ({ state: "another" })],
    ["with the issuer of another provider", () => ({ iss: "https://other.example" })],
    ["with our issuer and a slash", ({ evil }) => ({ iss: `${evil.issuer}/` })],
    ["without a code", () => ({ code: "" })],
  ])("a response %s is rejected, and its code is sent nowhere", async (_, response) => {
    const about = await begin();
    await expect(about.identify(response(about))).rejects.toMatchObject({ name: "OutsideRejection" });
    expect(about.evil.tokenRequests).toEqual([]);
  });

  test("a response without iss is rejected where the provider promises it", async () => {
    const { evil, identify } = await begin();
    evil.metadata = { ...evil.metadata, authorization_response_iss_parameter_supported: true };
    await expect(identify()).rejects.toEqual(rejected("response"));
    expect(evil.tokenRequests).toEqual([]);
    await expect(identify({ iss: evil.issuer })).resolves.toMatchObject({ subject: "user-1" });
  });
});

describe("the code", () => {
  test("it is redeemed with the verifier and the callback, and the client proves itself", async () => {
    const { evil, secrets, identify } = await begin();
    await identify();
    const [request] = evil.tokenRequests;
    expect(Object.fromEntries(request ?? [])).toEqual({
      grant_type: "authorization_code",
      code: "code-1",
      redirect_uri: "https://app.example/api/security/login/outside/acme/callback",
      code_verifier: secrets.verifier,
    });
    // RFC 6749 §2.3.1: both parts are encoded as a form.
    const basic = Buffer.from(request?.authorization?.slice("Basic ".length) ?? "", "base64").toString();
    const decoded = basic.split(":").map((part) => decodeURIComponent(part.replaceAll("+", " ")));
    expect(decoded).toEqual([clientId, clientSecret]);
  });

  test("a provider that lists client_secret_post gets the secret in the body", async () => {
    const { evil, identify } = await begin();
    evil.metadata = {
      ...evil.metadata,
      token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post"],
    };
    await identify();
    expect(evil.tokenRequests[0]?.get("client_secret")).toBe(clientSecret);
    expect(evil.tokenRequests[0]?.authorization).toBeUndefined();
  });

  test("a code that the provider rejects is rejected", async () => {
    const { evil, identify } = await begin();
    evil.token = () => json({ error: "invalid_grant" }, 400);
    await expect(identify()).rejects.toEqual(rejected("code"));
  });

  test.each([
    ["invalid_client", json({ error: "invalid_client" }, 400)],
    ["401", json({ error: "invalid_client" }, 401)],
  ])("a client that the provider does not accept is a failure of the configuration: %s", async (_, response) => {
    const { evil, identify } = await begin();
    evil.token = () => response;
    await expect(identify()).rejects.toEqual(failure(/does not accept the client/));
  });

  test.each<[string, Responder]>([
    ["502", json({}, 502)],
    ["a redirect", redirect],
    ["1 MB", json({ access_token: "x".repeat(1_000_000) })],
    ["a page with 200", page(200, "text/html")],
    ["a page with 400", page(400, "text/html")],
    ["a page that is called JSON", page(200, "application/json")],
    ["an array", json([])],
  ])("a token endpoint that returns %s is a failure", async (_, response) => {
    const { evil, identify } = await begin();
    evil.routes.set("/token", response);
    await expect(identify()).rejects.toMatchObject({ name: "ProviderFailure" });
  });

  test("the verifier is sent also to a provider that ignores PKCE, and one without S256 is not used", async () => {
    const silent = await begin();
    silent.evil.metadata = { ...silent.evil.metadata, code_challenge_methods_supported: undefined };
    await silent.identify();
    expect(silent.evil.tokenRequests[0]?.get("code_verifier")).toBe(silent.secrets.verifier);
    const plain = await begin();
    plain.evil.metadata = { ...plain.evil.metadata, code_challenge_methods_supported: ["plain"] };
    await expect(plain.identify()).rejects.toEqual(failure(/PKCE/));
    expect(plain.evil.tokenRequests).toEqual([]);
  });
});

describe("a flood of invented codes", () => {
  /** The provider rejects an invented code only when `release` is called, and accepts the code `good` at once. */
  async function beginFlood() {
    const begun = await begin();
    const { evil, provider } = begun;
    const held: (() => void)[] = [];
    const good = evil.token;
    evil.token = (claims) => (request, response) => {
      if (evil.tokenRequests.at(-1)?.get("code") === "good") return good(claims)(request, response);
      held.push(() => json({ error: "invalid_grant" }, 400)(request, response));
    };
    const invent = (address: string, network?: string, secrets = newSecrets()) =>
      provider
        .identify({ code: "invented", state: secrets.state }, secrets, { address, network })
        .catch((error: Error) => error.name);
    const honest = (address: string) => {
      const secrets = newSecrets();
      evil.claims = { nonce: secrets.nonce };
      return provider.identify({ code: "good", state: secrets.state }, secrets, { address, network: undefined });
    };
    const release = () => {
      for (const each of held.splice(0)) each();
    };
    return { ...begun, held, invent, honest, release };
  }
  const sent = { timeout: 60_000 };

  test("it holds 64 requests to the provider, and the next login works", async () => {
    const { held, invent, honest, release } = await beginFlood();
    const logins = Array.from({ length: 80 }, (_, at) => invent(`192.0.${at}.1`));
    await expect.poll(() => held.length, sent).toBe(64);
    release();
    const outcomes = await Promise.all(logins);
    expect(outcomes.filter((name) => name === "ProviderFailure")).toHaveLength(16);
    expect(outcomes.filter((name) => name === "OutsideRejection")).toHaveLength(64);
    await expect(honest("192.0.2.1")).resolves.toMatchObject({ subject: "user-1" });
  });

  test("one address holds 8 of them, one network holds 16, and the logins of others go on", async () => {
    const { held, invent, honest, release, lines } = await beginFlood();
    const ofAddress = Array.from({ length: 200 }, () => invent("192.0.2.1"));
    const network = "2001:db8:1::/48";
    const ofNetwork = Array.from({ length: 200 }, (_, at) => invent(`2001:db8:1:${at}::/64`, network));
    const ofIpv4Network = Array.from({ length: 200 }, (_, at) => invent(`198.51.100.${at}`));
    await expect.poll(() => held.length, sent).toBe(40);
    for (let at = 10; at < 30; at++)
      await expect(honest(`192.0.2.${at}`)).resolves.toMatchObject({ subject: "user-1" });
    release();
    const busy = async (outcomes: readonly Promise<unknown>[]) =>
      (await Promise.all(outcomes)).filter((name) => name === "AmphoError").length;
    expect([await busy(ofAddress), await busy(ofNetwork), await busy(ofIpv4Network)]).toEqual([192, 184, 184]);
    expect(lines).toEqual([]);
    await expect(honest("192.0.2.1")).resolves.toMatchObject({ subject: "user-1" });
  });

  test("five codes of one login are judged, also if all are sent at once, and a failure of the provider counts none", async () => {
    const { evil, held, invent, release } = await beginFlood();
    const secrets = newSecrets();
    evil.routes.set("/token", json({}, 502));
    for (let at = 0; at < 10; at++) expect(await invent("192.0.2.1", undefined, secrets)).toBe("ProviderFailure");
    evil.routes.clear();
    const codes = Array.from({ length: 1000 }, (_, at) => invent(`192.0.2.${at % 250}`, undefined, secrets));
    await expect.poll(() => held.length, sent).toBe(5);
    release();
    expect((await Promise.all(codes)).filter((name) => name !== "AmphoError")).toHaveLength(5);
    expect(await invent("198.51.100.1", undefined, secrets)).toBe("AmphoError");
    expect(evil.tokenRequests).toHaveLength(5);
  });
});

test("the log has each cause of failures once until the provider works, also two causes in turn", async () => {
  const { evil, provider, identify, lines } = await begin();
  const report = (error: ProviderFailure) => provider.report(error);
  const works = evil.token;
  for (const status of [500, 502, 500, 502]) {
    evil.token = () => json({}, status);
    await identify().catch(report);
  }
  const shown = [500, 502].map((status) => expect.stringContaining(`its token endpoint was ${status}`));
  expect(lines).toEqual(shown);
  evil.token = works;
  await identify();
  evil.token = () => json({}, 500);
  await identify().catch(report);
  expect(lines).toEqual([...shown, shown[0]]);
});

describe("discovery", () => {
  const discovery = "/.well-known/openid-configuration";

  test.each<[string, (evil: EvilProvider) => void]>([
    ["another issuer", (evil) => change(evil, { issuer: "https://accounts.google.com" })],
    ["the issuer with a slash", (evil) => change(evil, { issuer: `${evil.issuer}/` })],
    [
      "a token endpoint without TLS on another host",
      (evil) => change(evil, { token_endpoint: "http://evil.example/t" }),
    ],
    ["a JWKS of a private address", (evil) => change(evil, { jwks_uri: "http://169.254.169.254/latest" })],
    ["a JWKS of a file", (evil) => change(evil, { jwks_uri: "file:///etc/passwd" })],
    [
      "an authorization endpoint that is a script",
      (evil) => change(evil, { authorization_endpoint: "javascript:alert(1)" }),
    ],
    ["an endpoint with a password", (evil) => change(evil, { token_endpoint: "https://a:b@evil.example/t" })],
    ["no JWKS", (evil) => change(evil, { jwks_uri: undefined })],
    ["a redirect", (evil) => evil.routes.set(discovery, redirect)],
    ["1 MB", (evil) => evil.routes.set(discovery, json({ ...evil.metadata, more: "x".repeat(1_000_000) }))],
    ["404", (evil) => evil.routes.set(discovery, json({}, 404))],
    [
      "no JSON",
      (evil) =>
        evil.routes.set(
          discovery,
          (_, response) => void response.writeHead(200, { "content-type": "application/json" }).end("{"),
        ),
    ],
  ])("metadata with %s is not used", async (_, prepare) => {
    const { evil, provider, secrets, identify } = await begin();
    prepare(evil);
    await expect(provider.authorizationUrl(secrets)).rejects.toMatchObject({ name: "ProviderFailure" });
    await expect(identify()).rejects.toMatchObject({ name: "ProviderFailure" });
    expect(evil.tokenRequests).toEqual([]);
  });

  test("a provider that was down is asked again after ten seconds, and by one request for all logins", async () => {
    const { evil, provider, clock, secrets } = await begin();
    evil.routes.set(discovery, json({}, 503));
    const logins = Array.from({ length: 8 }, () => provider.authorizationUrl(secrets));
    expect((await Promise.allSettled(logins)).map(({ status }) => status)).toEqual(Array(8).fill("rejected"));
    expect(evil.requested).toEqual([discovery]);
    evil.routes.clear();
    await expect(provider.authorizationUrl(secrets)).rejects.toMatchObject({ name: "ProviderFailure" });
    clock.advance(10);
    await expect(provider.authorizationUrl(secrets)).resolves.toMatch(/code_challenge/);
  });

  test("known metadata stays in use while the provider is down", async () => {
    const { evil, provider, clock, secrets } = await begin();
    await provider.authorizationUrl(secrets);
    evil.routes.set(discovery, json({}, 503));
    clock.advance(3601);
    await expect(provider.authorizationUrl(secrets)).resolves.toMatch(/code_challenge/);
  });
});

function change(evil: EvilProvider, metadata: object): void {
  evil.metadata = { ...evil.metadata, ...metadata };
}
