// OAuth libraries as clients of POST /token, /introspect and /revoke, each used as its own documentation shows.
import path from "node:path";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { mount } from "../../dist/adapters/node.js";
import { spawnSync } from "../../scripts/child-process.mjs";
import { runPython } from "../interop/python.js";
import { openAmpho } from "../world/ampho.js";
import { installFromDebian, installMs } from "../world/debian.js";
import { keyPair } from "../world/key-pairs.js";
import { listen } from "../world/listen.js";
import { scopes } from "./services.js";

const issuer = "https://id.example";

async function open() {
  const { ampho } = await openAmpho({ scopes, tokenEndpoint: true, tokenIssuer: issuer });
  onTestFinished(() => ampho.close());
  const { url: origin } = await listen(mount(ampho));
  const url = `${origin}/api/security`;
  const { id } = await ampho.services.add({ name: "nightly", scopes: ["articles:read", "articles:write"] });
  const { key } = await ampho.services.createApiKey("nightly");
  const { privateKey, publicKey } = keyPair("ec", { namedCurve: "P-256" });
  await ampho.services.setPublicKeys("nightly", { keys: [{ ...publicKey.export({ format: "jwk" }), kid: "own" }] });
  const { id: gatewayId } = await ampho.services.add({ name: "gateway", scopes: ["ampho:introspect"] });
  const { key: gatewayKey } = await ampho.services.createApiKey("gateway");
  const endpoints = {
    issuer,
    token_endpoint: `${url}/token`,
    introspection_endpoint: `${url}/introspect`,
    revocation_endpoint: `${url}/revoke`,
  };
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const pkcs8 = privateKey.export({ format: "der", type: "pkcs8" });
  const signing = await crypto.subtle.importKey("pkcs8", new Uint8Array(pkcs8), algorithm, false, ["sign"]);
  return { ampho, url, id, key, privateKey, signing, gateway: { id: gatewayId, key: gatewayKey }, endpoints };
}

describe("OAuth libraries", () => {
  it("oauth4webapi gets a token in each way, introspects it, and revokes it", async () => {
    const { ampho, id, key, signing, gateway, endpoints } = await open();
    const loopback = { [oauth.allowInsecureRequests]: true };
    const client = { client_id: id };
    const asker = { client_id: gateway.id };
    const byGateway = oauth.ClientSecretBasic(gateway.key);
    const active = async (token: string) => {
      const response = await oauth.introspectionRequest(endpoints, asker, byGateway, token, loopback);
      return (await oauth.processIntrospectionResponse(endpoints, asker, response)).active;
    };
    const ways = [
      oauth.ClientSecretBasic(key),
      oauth.ClientSecretPost(key),
      oauth.PrivateKeyJwt({ key: signing, kid: "own" }),
    ];
    const parameters = new URLSearchParams({ scope: "articles:read" });
    for (const way of ways) {
      const response = await oauth.clientCredentialsGrantRequest(endpoints, client, way, parameters, loopback);
      const granted = await oauth.processClientCredentialsResponse(endpoints, client, response);
      expect([granted.token_type, granted.scope, granted.expires_in]).toEqual(["bearer", "articles:read", 900]);
      expect((await ampho.verify(granted.access_token, ["service"])).id).toBe(id);
      expect(await active(granted.access_token)).toBe(true);
      const revoked = await oauth.revocationRequest(endpoints, client, way, granted.access_token, loopback);
      await oauth.processRevocationResponse(revoked);
      expect(await active(granted.access_token)).toBe(false);
    }
    const wrong = new URLSearchParams({ scope: "articles:delete" });
    const response = await oauth.clientCredentialsGrantRequest(
      endpoints,
      client,
      oauth.ClientSecretPost(key),
      wrong,
      loopback,
    );
    await expect(oauth.processClientCredentialsResponse(endpoints, client, response)).rejects.toMatchObject({
      error: "invalid_scope",
      error_description: expect.stringContaining("scopes"),
    });
  });

  it("openid-client gets a token in each way, introspects it, and revokes it", async () => {
    const { id, key, signing, gateway, endpoints } = await open();
    const configure = (client: string, way: openid.ClientAuth) => {
      const configuration = new openid.Configuration(endpoints, client, undefined, way);
      openid.allowInsecureRequests(configuration);
      return configuration;
    };
    const asker = configure(gateway.id, openid.ClientSecretBasic(gateway.key));
    const ways = [
      openid.ClientSecretBasic(key),
      openid.ClientSecretPost(key),
      openid.PrivateKeyJwt({ key: signing, kid: "own" }),
    ];
    for (const way of ways) {
      const service = configure(id, way);
      const granted = await openid.clientCredentialsGrant(service, { scope: "articles:write" });
      expect(granted.scope).toBe("articles:write");
      const found = await openid.tokenIntrospection(asker, granted.access_token);
      expect(found).toMatchObject({ active: true, sub: id, client_id: id, scope: "articles:write" });
      await openid.tokenRevocation(service, granted.access_token);
      expect(await openid.tokenIntrospection(asker, granted.access_token)).toEqual({ active: false });
    }
    await expect(openid.clientCredentialsGrant(configure(id, openid.ClientSecretPost("wrong")))).rejects.toMatchObject({
      status: 401,
    });
  });
});

const authlib = () => spawnSync("/usr/bin/python3", ["-c", "import authlib, requests"]).status === 0;

describe("Authlib of Debian", () => {
  beforeAll(() => {
    if (!authlib()) installFromDebian("Python with Authlib", "python3-authlib", "python3-requests");
  }, installMs);

  it("it gets a token in each way, introspects it, and revokes it", async () => {
    const { url, id, key, privateKey, gateway } = await open();
    const pem = privateKey.export({ format: "pem", type: "pkcs8" });
    const given = JSON.stringify({ url, id, key, pem, gateway, aud: issuer });
    const program = path.join(import.meta.dirname, "authlib-client.py");
    const seen: unknown = JSON.parse(await runPython([program], given, { AUTHLIB_INSECURE_TRANSPORT: "1" }));
    expect(seen).toEqual([
      ["client_secret_basic", "Bearer", "articles:read"],
      ["client_secret_post", "Bearer", "articles:read"],
      ["private_key_jwt", "Bearer", "articles:read"],
      [true, id],
      200,
      [false, null],
      "invalid_client",
    ]);
  });
});
