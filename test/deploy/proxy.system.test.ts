// Ampho behind the real nginx and the real Caddy, with the files of deploy/.
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { installMs } from "../world/debian.js";
import { alice } from "../world/people.js";
import { addUser, attack, command, freshPlace, type Place, type Served, startServe } from "../world/serve.js";
import { quiet } from "../world/wait.js";
import { certificate, proxies, type RunningProxy } from "./proxies.js";

const revocationFeedToken = "feed-token-of-the-tests-0123456789abcdef";
const api = "/api/security";
let place: Place;
let served: Served;
beforeAll(async () => {
  place = freshPlace({
    AMPHO_TRUST_PROXY: "1",
    AMPHO_SECURITY_REVOCATION_FEED_TOKEN: revocationFeedToken,
    AMPHO_SECURITY_TOKEN_AUDIENCE: "https://api.example",
  });
  await addUser(place);
  served = await startServe(place);
});
describe.each(Object.entries(proxies))("behind %s", (_, start) => {
  let proxy: RunningProxy;
  beforeAll(async () => {
    proxy = await start([served.port]);
  }, installMs);
  afterAll(() => proxy?.stop());

  const logIn = async (headers: Readonly<Record<string, string>> = {}) => {
    const { status, json } = await proxy.ask(`${api}/login`, { method: "POST", body: alice, headers });
    expect(status).toBe(200);
    return { token: String(json["token"]), refreshToken: String(json["refresh_token"]) };
  };
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

  it("a session has the address of the client, whatever headers the client sends", async () => {
    const forged = {
      "x-forwarded-for": "203.0.113.7",
      forwarded: "for=203.0.113.8",
      "x-real-ip": "203.0.113.9",
    };
    for (const headers of [{}, forged, { "x-forwarded-for": "203.0.113.7, 203.0.113.9" }]) await logIn(headers);
    const { stdout } = await command(place, ["session-list", alice.login, "--json"]);
    const addresses = JSON.parse(stdout).map(({ address }: { readonly address: string }) => address);
    expect(addresses.length).toBeGreaterThanOrEqual(3);
    expect(new Set(addresses)).toEqual(new Set(["127.0.0.1"]));
  });

  it("a session can be renewed, read and ended behind a proxy", async () => {
    const { token, refreshToken } = await logIn();
    const renewed = await proxy.ask(`${api}/renew`, { method: "POST", body: { refresh_token: refreshToken } });
    expect(renewed.status).toBe(200);
    expect((await proxy.ask(`${api}/session`, { headers: bearer(token) })).json["login"]).toBe(alice.login);
    expect((await proxy.ask(`${api}/logout`, { method: "POST", headers: bearer(token) })).status).toBe(204);
    expect((await proxy.ask(`${api}/session`, { headers: bearer(token) })).status).toBe(401);
  });

  it("the revocation feed waits for an entry behind a proxy, and responds at once", async () => {
    const { token } = await logIn();
    const { json } = await proxy.ask(`${api}/revocations?after=0`, { headers: bearer(revocationFeedToken) });
    const next = proxy.ask(`${api}/revocations?after=${json["last"]}&wait=20`, {
      headers: bearer(revocationFeedToken),
    });
    let reported = false;
    void next.then(() => (reported = true));
    await quiet(1000);
    expect(reported).toBe(false);
    await proxy.ask(`${api}/logout`, { method: "POST", headers: bearer(token) });
    await vi.waitFor(() => expect(reported).toBe(true), { timeout: 60_000 });
    expect((await next).status).toBe(200);
  });

  it("the doctor finds nothing to fix behind a proxy, and no attack succeeds", { timeout: 180_000 }, async () => {
    const trusting = { ...place, env: { ...place.env, NODE_EXTRA_CA_CERTS: certificate } };
    const url = `https://localhost:${proxy.port}`;
    const examined = await command(trusting, ["doctor", "--url", url, "--json"]);
    // The files of the test are readable, and other work on the machine slows a hash.
    const expected = ["files", "hashing"];
    const found = JSON.parse(examined.stdout).filter(
      ({ check }: { readonly check: string }) => !expected.includes(check),
    );
    expect(found).toEqual([]);
    const attacked = await attack(trusting, url);
    expect(attacked.stdout.match(/^\S+ .*(?:SUCCEEDED|FAILED).*$/gm) ?? []).toEqual([]);
    expect(attacked.code).toBe(0);
    const doubted = await command(place, ["doctor", "--url", url]);
    expect([doubted.code, doubted.stdout]).toEqual([1, expect.stringContaining("NODE_EXTRA_CA_CERTS=ca.pem")]);
  });

  it("Ampho itself rejects a body that is too large for Ampho", async () => {
    const large = { login: "alice", password: "x".repeat(20_000) };
    const rejected = await proxy.ask(`${api}/login`, { method: "POST", body: large });
    expect([rejected.status, rejected.json["error"]]).toEqual([413, "payload_too_large"]);
    // The largest token gets through and is rejected.
    const token = await proxy.ask(`${api}/session`, { headers: bearer("x".repeat(8192)) });
    expect([token.status, token.json["error"]]).toEqual([401, "invalid_token"]);
  });

  it("the proxy rejects a body that is far too large before it reaches Ampho", async () => {
    const before = served.entries().length;
    const rejected = await proxy
      .ask(`${api}/login`, { method: "POST", body: "x".repeat(200_000) })
      .catch(() => undefined);
    // Caddy responds with 502 where Ampho has rejected the request while it was still being sent.
    expect([413, 502, undefined]).toContain(rejected?.status);
    expect(
      served
        .entries()
        .slice(before)
        .filter(({ route }) => route?.endsWith("/login"))
        .map(({ status }) => status),
    ).not.toContain(200);
  });
});
