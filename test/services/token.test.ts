// POST /token with the key of a service account, and what its tokens and keys open.
import { describe, expect, it } from "vitest";
import { openWorld } from "../world/ampho.js";
import {
  askGuard,
  askToken,
  basic,
  openService,
  outcomeOf,
  readers,
  scopes,
  serviceOf,
  tokenOf,
  writers,
} from "./services.js";

const form = { grant_type: "client_credentials" };

describe("POST /token", () => {
  it("a service gets an access token for its key, which routes with its scopes take", async () => {
    const service = await openService({ tokenIssuer: "https://id.example", tokenAudience: ["articles"] });
    const { world, id } = service;
    const { status, json, headers } = await askToken(service);
    expect([status, json, headers.get("cache-control")]).toEqual([
      200,
      { access_token: expect.any(String), token_type: "Bearer", expires_in: 900, scope: "articles:read" },
      "no-store",
    ]);
    const token = String(json["access_token"]);
    const [head = "", body = ""] = token.split(".").map((part) => Buffer.from(part, "base64url").toString());
    const now = world.clock.now();
    expect(JSON.parse(head)).toMatchObject({ typ: "at+jwt" });
    expect(JSON.parse(body)).toEqual({
      ...{ iss: "https://id.example", aud: "articles", sub: id, client_id: id, login: id, scope: "articles:read" },
      ...{ jti: expect.any(String), iat: now, nbf: now, exp: now + 900 },
    });
    const auth = await world.ampho.verify(token, ["service"]);
    expect(auth).toMatchObject({ credential: "service", id, roles: [], scopes: ["articles:read"], key: undefined });
    expect(auth.session).toBeUndefined();
    expect(await askGuard(world, token)).toBe("articles:read");
    expect(await askGuard(world, token, writers)).toBe("insufficient_scope");
    expect(await askGuard(world, token, {})).toBe("credential_not_accepted");
    expect(await askGuard(world, token, { ...readers, live: true })).toBe("articles:read");
    expect(await askGuard(world, token, { ...readers, roles: ["reader"] })).toBe("insufficient_scope");
    expect(await world.events()).toContain("service_token_issued");
  });

  it("the secret can be in the form", async () => {
    const { world, id, key } = await openService();
    const sent = { ...form, client_id: id, client_secret: key };
    expect((await world.call("POST", "/token", { form: sent })).status).toBe(200);
  });

  it("a key of a service opens a route itself", async () => {
    const { world, id, key, keyId } = await openService();
    expect(await askGuard(world, key)).toBe("articles:read");
    expect(await askGuard(world, key, writers)).toBe("insufficient_scope");
    const auth = await world.ampho.verify(key, ["key"]);
    expect(auth).toMatchObject({ credential: "key", id, roles: [], key: { id: keyId, name: "nightly" } });
    await world.ampho.services.setScopes("nightly", ["articles:write"]);
    expect(await askGuard(world, key, writers)).toBe("articles:write");
  });

  it("the routes and the keys do not exist without the parameter", async () => {
    const world = await openWorld({ scopes });
    for (const path of ["/token", "/revoke", "/introspect"])
      expect((await world.call("POST", path, { form })).error).toBe("not_found");
    await world.ampho.services.add({ name: "nightly", scopes: [] });
    await expect(world.ampho.services.createKey("nightly")).rejects.toMatchObject({ code: "not_found" });
    const other = await world.another({ tokenEndpoint: true });
    const { key } = await other.ampho.services.createKey("nightly");
    expect(await askGuard(world, key)).toBe("invalid_token");
  });

  it("a scope narrows the token, and one that the service lacks gets none", async () => {
    const service = await serviceOf(await openWorld({ scopes, tokenEndpoint: true }), "two", [
      "articles:read",
      "articles:write",
    ]);
    expect((await askToken(service, { scope: "articles:write" })).json["scope"]).toBe("articles:write");
    for (const scope of [
      "articles:delete",
      "articles:read ampho:introspect",
      "",
      " articles:read",
      "ARTICLES:READ",
      "*",
    ])
      expect([scope, ...outcomeOf(await askToken(service, { scope }))]).toEqual([scope, 400, "invalid_scope"]);
    await service.world.ampho.services.setScopes("two", []);
    expect(outcomeOf(await askToken(service))).toEqual([400, "invalid_scope"]);
  });
});
