// POST /token with the key of a service account, and what its tokens and keys open.
import { describe, expect, it } from "vitest";
import { routes } from "../../dist/http/rest/routes.js";
import { generateApiKey } from "../../dist/tokens/api-key.js";
import { openWorld } from "../world/ampho.js";
import { withinSecond } from "../world/deadline.js";
import { everyFeature } from "../world/every-feature.js";
import { textsOf } from "../world/sqlite.js";
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
      iss: "https://id.example",
      aud: "articles",
      sub: id,
      client_id: id,
      login: id,
      scope: "articles:read",
      jti: expect.any(String),
      iat: now,
      nbf: now,
      exp: now + 900,
    });
    const auth = await world.ampho.verify(token, ["service"]);
    expect(auth).toMatchObject({ credential: "service", id, roles: [], scopes: ["articles:read"], apiKey: undefined });
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
    const auth = await world.ampho.verify(key, ["api_key"]);
    expect(auth).toMatchObject({ credential: "api_key", id, roles: [], apiKey: { id: keyId, name: "nightly" } });
    await world.ampho.services.setScopes("nightly", ["articles:write"]);
    expect(await askGuard(world, key, writers)).toBe("articles:write");
  });

  it("the routes and the keys do not exist without the parameter", async () => {
    const world = await openWorld({ scopes });
    for (const path of ["/token", "/revoke", "/introspect"])
      expect((await world.call("POST", path, { form })).error).toBe("not_found");
    await world.ampho.services.add({ name: "nightly", scopes: [] });
    await expect(world.ampho.services.createApiKey("nightly")).rejects.toMatchObject({ code: "not_found" });
    const other = await world.another({ tokenEndpoint: true });
    const { key } = await other.ampho.services.createApiKey("nightly");
    expect(await askGuard(world, key)).toBe("invalid_token");
    // Keys of users switch on no key of a service account.
    const users = await world.another({ tokenEndpoint: false, apiKeys: 5 });
    expect(await askGuard(users, key)).toBe("invalid_token");
    expect((await users.ampho.apiKeys.inspect(key)).good).toBe(false);
    await expect(users.ampho.services.createApiKey("nightly")).rejects.toMatchObject({ code: "not_found" });
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

describe("a request that must get no token", () => {
  it("a key, an access token and a refresh token of a user are rejected", async () => {
    const service = await openService({ apiKeys: 5 });
    const { world, id, key } = service;
    const ann = await world.ampho.users.create({ login: "ann", roles: ["reader"] });
    const grant = await world.session(ann);
    const own = await world.ampho.apiKeys.create(ann.id, { name: "x", scopes: ["articles:read"] });
    const token = await tokenOf(service);
    for (const client of [ann.id, "ann", id, "nightly"])
      for (const secret of [own.key, grant.token, grant.refresh_token, token]) {
        const sent = { ...form, client_id: client, client_secret: secret };
        expect(outcomeOf(await world.call("POST", "/token", { form: sent }))).toEqual([401, "invalid_client"]);
        const headers = basic(client, secret);
        expect(outcomeOf(await world.call("POST", "/token", { form, headers }))).toEqual([401, "invalid_client"]);
      }
    const other = await serviceOf(world, "other");
    for (const [client, secret] of [
      [other.id, key] as const,
      ["nightly", key] as const,
      [id, generateApiKey("ampho")] as const,
      ["", key] as const,
      [id, ""] as const,
      [id.toUpperCase(), key] as const,
      [id, `${key} `] as const,
    ])
      expect(outcomeOf(await world.call("POST", "/token", { form, headers: basic(client, secret) }))).toEqual([
        401,
        "invalid_client",
      ]);
    for (const headers of [
      { Authorization: `Bearer ${key}` },
      { Authorization: `Bearer ${token}` },
      { Authorization: "Basic" },
      {},
      { Authorization: "Basic !!!" },
      { Authorization: `Basic ${btoa("%zz:%zz")}` },
      { Cookie: `key=${key}` },
    ])
      expect(outcomeOf(await world.call("POST", "/token", { form, headers }))).toEqual([401, "invalid_client"]);
  });

  it("another grant, JSON, and a secret in the query are rejected", async () => {
    const { world, id, key } = await openService();
    const headers = basic(id, key);
    for (const grant of ["password", "refresh_token", "authorization_code", "", "CLIENT_CREDENTIALS"])
      expect(outcomeOf(await world.call("POST", "/token", { form: { grant_type: grant }, headers }))).toEqual([
        400,
        "unsupported_grant_type",
      ]);
    expect(outcomeOf(await world.call("POST", "/token", { form: {}, headers }))).toEqual([400, "invalid_request"]);
    const body = { ...form, client_id: id, client_secret: key };
    expect(outcomeOf(await world.call("POST", "/token", { body }))).toEqual([415, "unsupported_media_type"]);
    for (const name of ["client_secret", "client_assertion"])
      expect((await world.call("POST", `/token?${name}=${key}`, { form, headers })).error).toBe("invalid_request");
    expect((await world.call("GET", "/token")).error).toBe("method_not_allowed");
  });

  it("a flood of wrong secrets waits by its address, and the service account goes on elsewhere", async () => {
    const service = await openService({ throttleAddress: 5 });
    const { world, id } = service;
    const codes: unknown[] = [];
    for (let n = 0; n < 20; n++)
      codes.push((await askToken({ world, id, key: generateApiKey("ampho") }, { address: "203.0.113.7" })).error);
    expect(codes).toEqual([...Array(5).fill("invalid_client"), ...Array(15).fill("too_many_attempts")]);
    expect((await askToken(service, { address: "203.0.113.7" })).error).toBe("too_many_attempts");
    expect((await askToken(service, { address: "203.0.113.8" })).status).toBe(200);
    // A key that was good lately does not wait, also at the address of the flood.
    expect((await askToken(service, { address: "203.0.113.7" })).status).toBe(200);
    expect((await world.ampho.services.find("nightly"))?.disabled).toBe(false);
  });

  it("a flood of wrong assertions waits by its address", async () => {
    const service = await openService({ throttleAddress: 5 });
    const assert = (n: number, address: string) =>
      service.world.call("POST", "/token", {
        form: {
          ...form,
          client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
          client_assertion: `e30.${Buffer.from(JSON.stringify({ sub: service.id, n })).toString("base64url")}.AAAA`,
        },
        address,
      });
    const codes: unknown[] = [];
    for (let n = 0; n < 8; n++) codes.push((await assert(n, "203.0.113.7")).error);
    expect(codes).toEqual([...Array(5).fill("invalid_client"), ...Array(3).fill("too_many_attempts")]);
    expect((await assert(9, "203.0.113.8")).error).toBe("invalid_client");
    expect((await askToken(service, { address: "203.0.113.8" })).status).toBe(200);
  });
});

describe("a token and a key of a service account", () => {
  it("no route of Ampho takes them", async () => {
    const service = await openService({ ...everyFeature, scopes, revocationFeedToken: "0".repeat(32) });
    const { world, key } = service;
    const token = await tokenOf(service);
    const guarded = routes.filter(({ access }) => ["session", "feed"].includes(access.name));
    for (const bearer of [token, key]) {
      for (const { method, path } of guarded) {
        const sent = await world.call(method, path.replaceAll(/\{\w+\}/g, "x"), { bearer });
        expect([path, sent.status], sent.text).toEqual([path, path === "/revocations" ? 401 : 403]);
      }
      for (const path of ["/renew", "/logout"]) {
        expect((await world.call("POST", path, { bearer })).status).toBeGreaterThanOrEqual(401);
        const body = { refresh_token: bearer };
        expect((await world.call("POST", "/renew", { body })).status).toBe(401);
      }
    }
    expect(await askGuard(world, token)).toBe("articles:read");
    expect(await askGuard(world, key)).toBe("articles:read");
  });

  it("an application cannot give users the claims of a service account or of an actor", async () => {
    for (const name of ["client_id", "act", "by"]) {
      const world = await openWorld({ scopes, tokenEndpoint: true, claims: () => ({ [name]: "svc_x" }) });
      const { id } = await world.user("ann");
      await expect(world.ampho.sessions.create(id)).rejects.toThrow(name);
    }
  });

  it("every change ends them at once in this process, also within the second of their issue", async () => {
    const service = await openService();
    const { world, key, keyId } = service;
    const changes = [
      () => world.ampho.services.setScopes("nightly", ["articles:read", "articles:write"]),
      () => world.ampho.services.setPublicKeys("nightly", undefined),
      () => world.ampho.services.disable("nightly"),
      () => world.ampho.services.enable("nightly"),
      async () => world.ampho.apiKeys.revoke((await world.ampho.services.createApiKey("nightly")).id),
      () => world.ampho.apiKeys.revoke(keyId),
    ];
    for (const change of changes) {
      const token = change === changes[3] ? "" : await tokenOf(service);
      if (token !== "") expect(await askGuard(world, token)).toContain("articles:read");
      await change();
      if (token !== "") expect(await askGuard(world, token)).toBe("invalid_token");
      if (change === changes[3]) world.clock.advance(10);
    }
    expect(outcomeOf(await askToken(service))).toEqual([401, "invalid_client"]);
    expect(await askGuard(world, key)).toBe("invalid_token");
  });

  it("a service account that was deleted leaves nothing, and its name is free again", async () => {
    const service = await openService();
    const { world, key } = service;
    const token = await tokenOf(service);
    await world.ampho.services.remove("nightly");
    expect([await askGuard(world, token), await askGuard(world, key)]).toEqual(["invalid_token", "invalid_token"]);
    const again = await serviceOf(world, "nightly");
    expect(again.id).not.toBe(service.id);
    expect(await askGuard(world, token)).toBe("invalid_token");
    expect(await askGuard(world, await tokenOf(again))).toBe("articles:read");
    expect(await askGuard(world, token, { ...readers, live: true })).toBe("invalid_token");
  });

  it("sessions.endForEveryone ends its tokens, and its keys only with `apiKeys`", async () => {
    const service = await openService();
    const { world, key } = service;
    const token = await tokenOf(service);
    await world.ampho.sessions.endForEveryone();
    expect([await askGuard(world, token), await askGuard(world, key)]).toEqual(["invalid_token", "articles:read"]);
    world.clock.advance(1);
    const next = await tokenOf(service);
    await world.ampho.sessions.endForEveryone({ apiKeys: true });
    expect([await askGuard(world, next), await askGuard(world, key)]).toEqual(["invalid_token", "invalid_token"]);
  });

  it("apiKeys.revokeForEveryone ends its keys, and the tokens that it got for them", async () => {
    const service = await openService();
    const { world, key } = service;
    const token = await tokenOf(service);
    await world.ampho.apiKeys.revokeForEveryone();
    await withinSecond(() => askGuard(world, token), "invalid_token");
    await withinSecond(() => askGuard(world, key), "invalid_token");
  });

  it("no table, log line or metric has a key or a token", async () => {
    const service = await openService();
    const { world, key } = service;
    const token = await tokenOf(service);
    await askGuard(world, key);
    const kept = `${[...textsOf(world.databaseFile).values()].flat().join()} ${world.notices.join()} ${world.ampho.metrics()}`;
    for (const secret of [key, key.slice(-20), token, token.split(".")[2] ?? "?"]) expect(kept).not.toContain(secret);
  });
});

describe("ampho.services", () => {
  it.each([
    ["a scope that no role has", { scopes: ["articles:delete"] }],
    ["a scope of Ampho", { scopes: ["ampho:admin"] }],
    ["a blank in a scope", { scopes: ["articles:read articles:write"] }],
    ["a scope twice", { scopes: ["articles:read", "articles:read"] }],
    ["capitals in the name", { name: "Nightly" }],
    ["an id as its name", { name: "svc_x" }],
    ["an empty name", { name: "" }],
    ["65 characters", { name: "a".repeat(65) }],
    ["a line end in the name", { name: "nightly\n" }],
    ["a name that is taken", { name: "taken" }],
    ["an unknown member", { roles: ["editor"] }],
  ])("a service account cannot be created with %s", async (_, more) => {
    const { ampho } = await openWorld({ scopes });
    await ampho.services.add({ name: "taken", scopes: [] });
    const service = { name: "nightly", scopes: ["articles:read"], ...more };
    await expect(ampho.services.add(service)).rejects.toMatchObject({ code: "invalid_request" });
    expect((await ampho.services.list()).map(({ name }) => name)).toEqual(["taken"]);
  });

  it("an unknown service account is not found, and a service account has at most 100 keys", async () => {
    const { world } = await openService();
    for (const name of ["other", "", "a b", "x".repeat(300)]) {
      expect(await world.ampho.services.find(name)).toBeUndefined();
      await expect(world.ampho.services.disable(name)).rejects.toMatchObject({ code: "not_found" });
      await expect(world.ampho.services.createApiKey(name)).rejects.toMatchObject({ code: "not_found" });
    }
    for (let n = 1; n < 100; n++) await world.ampho.services.createApiKey("nightly");
    await expect(world.ampho.services.createApiKey("nightly")).rejects.toMatchObject({ code: "invalid_request" });
    const { api_keys: keys = [] } = (await world.ampho.services.find("nightly")) ?? {};
    expect([keys.length, keys[0]?.scopes]).toEqual([100, ["articles:read"]]);
  });
});
