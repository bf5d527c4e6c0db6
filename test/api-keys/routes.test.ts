// The routes of API keys, and keys at the routes of Ampho.
import { describe, expect, it } from "vitest";
import { createFindRoutes, routes } from "../../dist/http/rest/routes.js";
import { generateApiKey } from "../../dist/tokens/api-key.js";
import { createVerifier } from "../../dist/verify/verifier.js";
import { openMailing, raiseAlarm } from "../gate/mailboxes.js";
import { codeAt, textsOf as listOf, setUp } from "../gate/owners.js";
import { grantOf, openWorld, password, readResponse, requestFor } from "../world/ampho.js";
import { everyFeature } from "../world/every-feature.js";
import { claimsOf, foreignToken } from "../world/tokens.js";
import { askGuard, openKeys, readers, readsOf, scopes } from "./worlds.js";

const day = 86_400;
const body = { name: "Backup", scopes: ["articles:read"] };

describe("the routes of API keys", () => {
  it("a user creates, lists, uses, rotates and ends a key", async () => {
    const { world, grant } = await openKeys();
    const { call, clock } = world;
    const bearer = grant.token;
    const created = await call("POST", "/api-keys", { bearer, body });
    expect([created.status, created.json]).toEqual([
      201,
      {
        id: expect.stringMatching(/^key_[\w-]{22}$/),
        key: expect.stringMatching(/^ampho_key_[0-9A-Za-z]{36}$/),
        name: "Backup",
        scopes: ["articles:read"],
        expires: clock.now() + 90 * day,
      },
    ]);
    const { id, key } = created.json as { id: string; key: string };
    expect(await askGuard(world, key, readers)).toBe("articles:read");
    const list = async () => (await call("GET", "/api-keys", { bearer })).json["api_keys"];
    expect(await list()).toEqual([
      {
        id,
        start: key.slice(10, 14),
        name: "Backup",
        scopes: ["articles:read"],
        created: clock.now(),
        expires: clock.now() + 90 * day,
        last_used: null,
      },
    ]);
    const rotated = await call("POST", `/api-keys/${id}/rotate`, { bearer, body: { overlap: 60 } });
    expect([rotated.status, rotated.json["name"]]).toEqual([201, "Backup"]);
    expect(await list()).toMatchObject([{ id, expires: clock.now() + 60 }, { id: rotated.json["id"] }]);
    expect((await call("DELETE", `/api-keys/${id}`, { bearer })).status).toBe(204);
    expect(await askGuard(world, key, readers)).toBe("invalid_token");
    expect((await call("DELETE", `/api-keys/${id}`, { bearer })).error).toBe("not_found");
    expect((await call("POST", `/api-keys/${id}/rotate`, { bearer })).error).toBe("not_found");
    expect(await world.events()).toEqual(
      expect.arrayContaining(["api_key_created", "api_key_rotated", "api_key_removed"]),
    );
  });

  it("the routes do not exist without the parameter", async () => {
    const world = await openWorld({ scopes });
    const { token } = await world.ampho.sessions.create((await world.user("ann")).id, { authTime: world.clock.now() });
    for (const [method, path] of [
      ["POST", "/api-keys"],
      ["GET", "/api-keys"],
      ["DELETE", "/api-keys/key_x"],
    ] as const) {
      const sent = { bearer: token, ...(method === "POST" && { body }) };
      expect((await world.call(method, path, sent)).error).toBe("not_found");
    }
    await expect(world.ampho.apiKeys.create("x", body)).rejects.toMatchObject({ code: "not_found" });
  });

  it.each([
    ["none", []],
    ["a duplicate", ["articles:read", "articles:read"]],
    ["one that the owner lacks", ["articles:read", "articles:delete"]],
    ["a star", ["*"]],
    ["another case", ["Articles:Read"]],
    ["a blank inside", ["articles:read articles:write"]],
    ["a name of every object", ["constructor"]],
    ["no list", "articles:read"],
    ["a number", [1]],
  ])("M-08: a key cannot be created with %s as its scopes", async (_, wrong) => {
    const { world, userId, grant } = await openKeys();
    const sent = await world.call("POST", "/api-keys", { bearer: grant.token, body: { ...body, scopes: wrong } });
    expect([sent.status, sent.json["field"]]).toEqual([400, "scopes"]);
    await expect(
      world.ampho.apiKeys.create(userId, { ...body, scopes: wrong as readonly string[] }),
    ).rejects.toMatchObject({ code: "invalid_request", details: { field: "scopes" } });
    expect(await world.ampho.apiKeys.list(userId)).toEqual([]);
  });

  it("a key lives for 366 days at most, and its end lies ahead", async () => {
    const { world, userId, grant } = await openKeys();
    const now = world.clock.now();
    for (const expires of [now, now - 1, 0, now + 366 * day + 1, now + 1.5, Number.MAX_SAFE_INTEGER + 1, "soon"]) {
      const sent = await world.call("POST", "/api-keys", { bearer: grant.token, body: { ...body, expires } });
      expect([sent.status, sent.json["field"]]).toEqual([400, "expires"]);
    }
    for (const expires of [now + 1, now + 366 * day])
      expect((await world.ampho.apiKeys.create(userId, { ...body, expires })).expires).toBe(expires);
  });

  it("a user has no more keys than allowed, however many requests come at once", async () => {
    const { world, userId, grant } = await openKeys({ apiKeys: 3 });
    const other = await world.another();
    const all = await Promise.all(
      Array.from({ length: 10 }, (_, at) =>
        (at % 2 === 0 ? world : other).call("POST", "/api-keys", { bearer: grant.token, body }),
      ),
    );
    expect(all.map(({ status }) => status).sort()).toEqual([...Array(3).fill(201), ...Array(7).fill(400)]);
    for (let round = 0; round < 4; round++)
      for (const { id } of await world.ampho.apiKeys.list(userId))
        await world.ampho.apiKeys.rotate(userId, { id, overlap: 7 * day }).catch(() => undefined);
    expect((await world.ampho.apiKeys.list(userId)).length).toBe(6);
    const old = (await world.ampho.apiKeys.list(userId))[0]?.id ?? "";
    const twice = await Promise.all([1, 2].map(() => world.ampho.apiKeys.revoke(old)));
    expect(twice.sort()).toEqual([false, true]);
  });

  it("a user who creates keys that end in a second leaves a bounded list", async () => {
    const { world, grant } = await openKeys({ apiKeys: 5 });
    for (let round = 0; round < 8; round++, world.clock.advance(1))
      for (let n = 0; n < 5; n++) {
        const body = { name: `${round}.${n}`, scopes: ["articles:read"], expires: world.clock.now() + 1 };
        expect((await world.call("POST", "/api-keys", { bearer: grant.token, body })).status).toBe(201);
      }
    const { json } = await world.call("GET", "/api-keys", { bearer: grant.token });
    const names = (json["api_keys"] as { readonly name: string }[]).map(({ name }) => name);
    expect(names.length).toBeLessThan(26);
    expect(names).toEqual(expect.arrayContaining(["7.0", "7.1", "7.2", "7.3", "7.4"]));
  });

  it("one of two equal rotations at once makes a successor", async () => {
    const { world, userId, grant, create } = await openKeys();
    const { id } = await create();
    const sent = await Promise.all(
      [1, 2, 3].map(() => world.call("POST", `/api-keys/${id}/rotate`, { bearer: grant.token })),
    );
    expect(sent.map(({ status }) => status).sort()).toEqual([201, 404, 404]);
    expect((await world.ampho.apiKeys.list(userId)).length).toBe(1);
  });

  it("the successor of a key has no scope that its owner has lost", async () => {
    const { world, userId, create } = await openKeys();
    const { id } = await create({ scopes: ["articles:read", "articles:write"] });
    await world.ampho.users.setRoles("ann", ["reader"]);
    const next = await world.ampho.apiKeys.rotate(userId, { id });
    expect(next.scopes).toEqual(["articles:read"]);
    await world.ampho.users.setRoles("ann", []);
    await expect(world.ampho.apiKeys.rotate(userId, { id: next.id })).rejects.toMatchObject({
      code: "invalid_request",
    });
  });

  it("M-09: a login of 301 seconds ago creates and rotates nothing, and can list and end", async () => {
    const { world, grant, create } = await openKeys();
    const { id } = await create();
    world.clock.advance(301);
    const bearer = grant.token;
    expect((await world.call("POST", "/api-keys", { bearer, body })).error).toBe("login_too_old");
    expect((await world.call("POST", `/api-keys/${id}/rotate`, { bearer })).error).toBe("login_too_old");
    expect((await world.call("GET", "/api-keys", { bearer })).status).toBe(200);
    expect((await world.call("DELETE", `/api-keys/${id}`, { bearer })).status).toBe(204);
  });

  it("M-09: a session of one factor creates no key for an account with two", async () => {
    const { world, userId } = await openKeys();
    await world.ampho.users.setPassword("ann", password);
    const first = await world.login("ann");
    const { secret, transaction } = await setUp(world, first.token);
    const confirmed = await world.call("POST", "/totp/confirm", {
      bearer: first.token,
      body: { transaction, totp: codeAt(secret, world.clock.now()) },
    });
    expect(listOf(confirmed.json["recovery_codes"]).length).toBeGreaterThan(0);
    world.clock.advance(30);
    const again = { totp: codeAt(secret, world.clock.now()) };
    const strong = grantOf(await world.call("POST", "/login", { bearer: grantOf(confirmed).token, body: again }));
    const weak = await world.ampho.sessions.create(userId, { authTime: world.clock.now() });
    expect((await world.call("POST", "/api-keys", { bearer: weak.token, body })).error).toBe("login_too_weak");
    expect((await world.call("POST", "/api-keys", { bearer: strong.token, body })).status).toBe(201);
  });

  it("M-09: a key, a delegated token and a token of other software create, list and end no key", async () => {
    const { world, grant, create } = await openKeys();
    const { id, key } = await create();
    const act = foreignToken(world.key, { ...claimsOf(grant.token), act: { sub: "operator" } });
    const foreign = foreignToken(world.key, { login: "ann", exp: world.clock.now() + 60 });
    for (const bearer of [key, act, foreign])
      for (const [method, path] of [
        ["POST", "/api-keys"],
        ["GET", "/api-keys"],
        ["POST", `/api-keys/${id}/rotate`],
        ["DELETE", `/api-keys/${id}`],
      ] as const) {
        const sent = await world.call(method, path, {
          bearer,
          ...(path === "/api-keys" && method === "POST" && { body }),
        });
        expect([sent.status, sent.error]).toEqual([403, "credential_not_accepted"]);
      }
  });

  it("M-09: a user sees, rotates and ends no key of another user", async () => {
    const { world, userId, create } = await openKeys();
    const { id } = await create();
    const bob = await world.ampho.users.create({ login: "bob", roles: ["editor"] });
    const { token: bearer } = await world.ampho.sessions.create(bob.id, { authTime: world.clock.now() });
    expect((await world.call("GET", "/api-keys", { bearer })).json).toEqual({ api_keys: [] });
    const theirs = await world.call("DELETE", `/api-keys/${id}`, { bearer });
    const none = await world.call("DELETE", "/api-keys/key_nothing", { bearer });
    expect([theirs.status, theirs.text]).toEqual([404, none.text]);
    expect((await world.call("POST", `/api-keys/${id}/rotate`, { bearer })).error).toBe("not_found");
    await expect(world.ampho.apiKeys.rotate(bob.id, { id })).rejects.toMatchObject({ code: "not_found" });
    const more = await world.call("POST", "/api-keys", { bearer, body: { ...body, user_id: userId, login: "ann" } });
    expect(await world.ampho.apiKeys.list(userId)).toMatchObject([{ id }]);
    expect(await world.ampho.apiKeys.list(bob.id)).toMatchObject([{ id: more.json["id"] }]);
  });

  it("M-09: with cookies, a page of another site creates no key", async () => {
    const { world, grant } = await openKeys({ cookies: true });
    const cookie = `__Host-ampho-token=${grant.token}`;
    for (const headers of [{ cookie, origin: "https://evil.example" }, { cookie }])
      expect((await world.call("POST", "/api-keys", { body, headers })).error).toBe("cross_site");
    const own = { cookie, origin: "http://localhost", host: "localhost", "sec-fetch-site": "same-origin" };
    expect((await world.call("POST", "/api-keys", { body, headers: own })).status).toBe(201);
  });

  it("M-09: a session that ended meanwhile creates no key", async () => {
    const { world, userId, grant } = await openKeys();
    const other = await world.another();
    await other.ampho.sessions.endForUser(userId);
    expect((await world.call("POST", "/api-keys", { bearer: grant.token, body })).error).toBe("invalid_token");
    await expect(other.ampho.apiKeys.create("nobody", body)).rejects.toMatchObject({ code: "not_found" });
    await world.ampho.users.disable("ann");
    await expect(world.ampho.apiKeys.create(userId, body)).rejects.toMatchObject({ code: "not_found" });
  });

  it("the owner of a new key gets a notice, whose alarm link ends the key", async () => {
    const ground = { open: openWorld, sql: async () => [] };
    const world = await openMailing(ground, { scopes, apiKeys: 5, registration: "open" });
    const { mail } = world;
    const begun = await world.call("POST", "/register", { body: { email: "ann@example.org", login: "ann" } });
    const { code } = await mail("register");
    const { token } = grantOf(
      await world.call("POST", "/register/finish", {
        body: { transaction: begun.json["transaction"], code, password },
      }),
    );
    await world.ampho.users.setRoles("ann", ["editor"]);
    const renewed = await world.call("POST", "/renew", { bearer: token });
    const created = await world.call("POST", "/api-keys", { bearer: String(renewed.json["token"]), body });
    expect([created.status, created.error]).toEqual([201, undefined]);
    const key = String(created.json["key"]);
    expect(await askGuard(world, key, readers)).toBe("articles:read");
    const notice = await mail("api_key_created");
    expect(JSON.stringify(notice)).not.toContain(key.slice(10));
    const bearer = String(renewed.json["token"]);
    const rotated = await world.call("POST", `/api-keys/${created.json["id"]}/rotate`, {
      bearer,
      body: { overlap: 60 },
    });
    expect(rotated.status).toBe(201);
    const second = await mail("api_key_created");
    expect([second.alarm === notice.alarm, await askGuard(world, key, readers)]).toEqual([false, "articles:read"]);
    expect((await raiseAlarm(world, notice.alarm)).status).toBe(204);
    // A thief who has replaced the key has the successor no longer either.
    expect(await askGuard(world, String(rotated.json["key"]), readers)).toBe("invalid_token");
    expect(await askGuard(world, key, readers)).toBe("invalid_token");
  });

  it("a new password ends the key of a thief also after the application has rotated it, and not a key of its own", async () => {
    const { world, userId, grant, create } = await openKeys();
    const { ampho } = world;
    const created = await world.call("POST", "/api-keys", { bearer: grant.token, body });
    const stolen = await ampho.apiKeys.rotate(userId, { id: String(created.json["id"]) });
    const own = await create();
    const given = await ampho.apiKeys.rotate(userId, { id: own.id });
    await ampho.users.setPassword("ann", password);
    expect(await askGuard(world, stolen.key, readers)).toBe("invalid_token");
    expect(await askGuard(world, given.key, readers)).toBe("articles:read");
  });

  it("the export of an account has its keys without the keys themselves, and a deletion ends them", async () => {
    const { world, grant } = await openKeys();
    const created = await world.call("POST", "/api-keys", { bearer: grant.token, body });
    const exported = await world.call("GET", "/account/export", { bearer: grant.token });
    expect(exported.json["api_keys"]).toMatchObject([{ id: created.json["id"], name: "Backup" }]);
    expect(exported.text).not.toContain(String(created.json["key"]).slice(14));
    expect((await world.call("DELETE", "/account", { bearer: grant.token })).status).toBe(204);
    expect(await askGuard(world, String(created.json["key"]), readers)).toBe("invalid_token");
  });

  it("name and inspection: control characters go, and a found key names its owner", async () => {
    const { world, userId, create } = await openKeys();
    const { id, key } = await create({ name: `Back\u202eup\u0000${"x".repeat(200)}` });
    expect((await world.ampho.apiKeys.list(userId))[0]?.name).toBe(`Backup${"x".repeat(94)}`);
    expect(await world.ampho.apiKeys.inspect(key)).toMatchObject({
      form: true,
      api_key: { id },
      user: userId,
      good: true,
    });
    expect(await world.ampho.apiKeys.inspect(generateApiKey("ampho"))).toMatchObject({ form: true, api_key: null });
    expect(await world.ampho.apiKeys.inspect("x")).toMatchObject({ form: false, good: false });
    await world.ampho.users.disable("ann");
    expect(await world.ampho.apiKeys.inspect(key)).toMatchObject({ api_key: null, good: false });
  });
});

describe("M-07: an API key at the routes of Ampho", () => {
  it("every route that needs a token rejects it without a query, and no other route uses it", async () => {
    const { world, create } = await openKeys({ ...everyFeature, scopes, mail: async () => undefined });
    const { id, key } = await create();
    const before = readsOf(world.ampho.metrics());
    for (const route of routes) {
      const path = route.path.replace("{id}", id).replace("{provider}", "acme");
      const url = `http://localhost/api/security${path}`;
      const send = async (bearer: string | undefined) =>
        readResponse(
          await world.ampho.fetch(
            requestFor(route.method, url, { bearer, ...(route.method === "POST" && { body: {} }) }),
          ),
        );
      const { status, error, text } = await send(key);
      // M-10: no response repeats it.
      expect([path, text.includes(key.slice(14))]).toEqual([path, false]);
      if (route.access.name === "session")
        expect([path, status, error]).toEqual([path, 403, "credential_not_accepted"]);
      else if (status < 400) expect([path, status]).toEqual([path, (await send(undefined)).status]);
    }
    expect(createFindRoutes(routes)("/api-keys").size).toBe(2);
    expect(readsOf(world.ampho.metrics())).toBe(before);
    expect((await world.ampho.apiKeys.list((await world.ampho.users.find("ann"))?.id ?? "")).length).toBe(1);
  });

  it("it renews nothing, raises nothing and ends nothing", async () => {
    const { world, create } = await openKeys();
    const { key } = await create();
    for (const [path, sent] of [
      ["/renew", undefined],
      ["/renew", { refresh_token: key }],
      ["/login", {}],
      ["/login", { totp: "123456" }],
      ["/logout", undefined],
    ] as const) {
      const { status, error } = await world.call("POST", path, { bearer: key, ...(sent && { body: sent }) });
      expect([path, status], String(error)).toEqual([path, sent && "refresh_token" in sent ? 400 : 403]);
    }
  });

  it("it is no credential in a cookie, a query, a body or a second header", async () => {
    const { world, create, ask } = await openKeys({ cookies: true });
    const { key } = await create();
    expect(await ask(key)).toBe("articles:read");
    const { cookies } = world.ampho.host;
    const head = (cookie: string, authorization: readonly string[] = []) => ({
      method: "GET",
      authorization,
      header: (name: string) => (name === "cookie" ? cookie : undefined),
    });
    const byCookie = cookies?.authorizationOf(head(`__Host-ampho-token=${key}`));
    expect(byCookie).not.toContain(key);
    const guarded = async () => world.ampho.host.guard(byCookie, readers, undefined);
    await expect(guarded()).rejects.toMatchObject({ code: "invalid_token" });
    expect(() => cookies?.authorizationOf(head("", [`Bearer ${key}`, `Bearer ${key}`]))).toThrow();
    expect((await world.call("GET", `/session?access_token=${key}`)).error).toBe("invalid_request");
    expect((await world.call("POST", "/api-keys", { body: { ...body, access_token: key } })).error).toBe(
      "missing_token",
    );
    expect((await world.call("GET", "/session", { headers: { "x-api-key": key } })).error).toBe("missing_token");
    expect(await ask(`${key}, Bearer ${key}`)).toBe("invalid_token");
  });
});

it("a verifier takes no key, and rejects requirements that name keys where they are written", async () => {
  const { world, create } = await openKeys();
  const { key } = await create();
  const verifier = createVerifier({ keys: world.key, clock: world.clock });
  await expect(verifier.verify(key)).rejects.toMatchObject({ code: "invalid_token" });
  await expect(verifier.verify(key, ["api_key"])).rejects.toMatchObject({ code: "invalid_token" });
  expect(() => verifier.authorize({ credentials: ["api_key"], scopes: ["articles:read"] })).toThrow(TypeError);
  expect(() => world.ampho.authorize({ credentials: ["session", "api_key"] })).toThrow(TypeError);
  expect(() => world.ampho.authorize({ credentials: ["api_key"], scopes: [] })).toThrow(TypeError);
});
