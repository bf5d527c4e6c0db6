// POST /login (docs/reference/contract.md §4) exchanges a password for a session.
import { hashSync } from "@node-rs/argon2";
import { describe, expect, it } from "vitest";
import { admission, grantOf, openWorld, password } from "../world/ampho.js";
import { start } from "../world/clock.js";
import { DatabaseSync } from "../world/sqlite.js";
import { claimsOf, foreignToken, sessionOf } from "../world/tokens.js";

describe("a login", () => {
  it("a login returns a token, its times, a refresh token and a device proof, and nothing else", async () => {
    const world = await openWorld();
    await world.user("Ann", { password, roles: ["editor"] });
    const response = await world.call("POST", "/login", { body: { login: "Ann", password } });
    expect(response.status).toBe(200);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(Object.keys(response.json).sort()).toEqual(
      [
        "token",
        "token_type",
        "starts",
        "expires",
        "ttl",
        "leeway",
        "refresh_token",
        "refresh_expires",
        "device",
      ].sort(),
    );
    expect(response.json).toMatchObject({
      token_type: "Bearer",
      starts: start,
      expires: start + 900,
      ttl: 900,
      leeway: 60,
      refresh_expires: start + 1_209_600,
    });
  });

  it("the token of a login contains user, roles, scopes and session", async () => {
    const world = await openWorld({
      scopes: { editor: ["read", "write"], auditor: ["read", "log"] },
      tokenIssuer: "https://issuer.example",
      tokenAudience: ["api"],
    });
    const ann = await world.user("Ann", { password, roles: ["editor", "auditor", "constructor"] });
    const { token } = await world.login("Ann");
    const claims = claimsOf(token);
    expect(claims).toEqual({
      iss: "https://issuer.example",
      aud: "api",
      sub: ann.id,
      login: "Ann",
      roles: ["editor", "auditor", "constructor"],
      scope: "read write log",
      sid: expect.stringMatching(/^[0-9a-z]+\.[\w-]{22,}$/),
      gen: 0,
      ver: 1,
      auth_time: start,
      amr: ["pwd"],
      acr: "1fa",
      jti: expect.stringMatching(/^[\w-]{22,}$/),
      iat: start,
      nbf: start,
      exp: start + 900,
    });
    const header = JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString());
    expect(header).toEqual({ alg: "HS256", kid: "key-1", typ: "at+jwt" });
  });

  it("the token of a login has no scope if the user has none", async () => {
    const world = await openWorld();
    await world.user("ann", { password });
    expect(claimsOf((await world.login("ann")).token)).not.toHaveProperty("scope");
  });

  it("a login accepts a form as well as JSON", async () => {
    const world = await openWorld();
    await world.user("ann", { password });
    const response = await world.ampho.fetch(
      new Request("http://localhost/api/security/login", {
        method: "POST",
        body: new URLSearchParams({ login: "ann", password }),
      }),
    );
    expect(response.status).toBe(200);
  });

  it("a login compares logins after NFKC and case folding, and passwords after NFC", async () => {
    const world = await openWorld();
    await world.user("Straße", { password: "Zürich, Malmö, Århus 4" });
    const decomposed = "Zürich, Malmö, Århus 4".normalize("NFD");
    const response = await world.call("POST", "/login", { body: { login: "STRASSE", password: decomposed } });
    expect(claimsOf(grantOf(response).token)["login"]).toBe("Straße");
  });

  it("each login opens a separate session", async () => {
    const world = await openWorld();
    await world.user("ann", { password });
    const [one, other] = [await world.login("ann"), await world.login("ann")];
    expect(sessionOf(one)).not.toBe(sessionOf(other));
    expect(claimsOf(one.token)["jti"]).not.toBe(claimsOf(other.token)["jti"]);
  });

  it("a session stores address and agent, cut to length and without control characters", async () => {
    const world = await openWorld();
    const ann = await world.user("ann", { password });
    await world.login("ann", { address: "192.0.2.7", headers: { "User-Agent": `a\tb${"x".repeat(400)}` } });
    const [session] = await world.ampho.sessions.list(ann.id);
    expect(session).toMatchObject({ address: "192.0.2.7", agent: `ab${"x".repeat(253)}` });
  });

  it("a login beyond the maximum ends the oldest session of the user", async () => {
    const world = await openWorld({ sessionsPerUser: 2 });
    await world.user("ann", { password });
    const first = await world.login("ann");
    const second = await world.login("ann");
    const third = await world.login("ann");
    expect(await Promise.all([first, second, third].map(({ token }) => admission(world.ampho, token)))).toEqual([
      "invalid_token",
      "in",
      "in",
    ]);
    expect((await world.renew(first.refresh_token)).error).toBe("session_ended");
    expect(await world.events()).toContain("session_ended: displaced");
  });

  it("a login beyond the maximum ends no session of another user", async () => {
    const world = await openWorld({ sessionsPerUser: 1 });
    await world.user("ann", { password });
    await world.user("bob", { password });
    const ann = await world.login("ann");
    await world.login("bob");
    await world.login("bob");
    expect(await admission(world.ampho, ann.token)).toBe("in");
  });

  it("no token outlives the maximum age of its session", async () => {
    const world = await openWorld({ sessionTtl: 300, sessionIdleTtl: 1000 });
    await world.user("ann", { password });
    const grant = await world.login("ann");
    expect(grant).toMatchObject({ expires: start + 300, ttl: 300, refresh_expires: start + 300 });
  });

  it("a login replaces a hash of older parameters once", async () => {
    const world = await openWorld();
    await world.user("ann", { password });
    const database = new DatabaseSync(world.databaseFile);
    const weak = hashSync(password, { memoryCost: 8192, timeCost: 1, parallelism: 1 });
    database.exec(`update ampho_users set password_hash = '${weak}'`);
    await world.login("ann");
    await world.login("ann");
    const [row] = database.prepare("select password_hash, password_version from ampho_users").all();
    database.close();
    expect(row).toMatchObject({
      password_hash: expect.stringMatching(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/),
      password_version: 1,
    });
    expect((await world.events()).filter((event) => event === "password_rehashed")).toHaveLength(1);
  });
});

describe("a rejected login", () => {
  it("a rejected login has one response for unknown logins, wrong passwords and disabled accounts", async () => {
    const world = await openWorld();
    await world.user("ann", { password });
    await world.user("dora", { password });
    await world.user("nopw");
    await world.ampho.users.disable("dora");
    const attempts = [
      { login: "nobody", password },
      { login: "ann", password: `${password}!` },
      { login: "ann", password: "" },
      { login: "ann" },
      { login: "nobody" },
      { login: "dora", password },
      { login: "dora" },
      { login: "nopw", password },
      { login: "nopw", password: "" },
      { login: "nopw" },
      { login: "n'; drop table ampho_users; --", password },
    ];
    const shapes = new Set<string>();
    for (const body of attempts) {
      const { status, headers, text } = await world.call("POST", "/login", { body });
      shapes.add(JSON.stringify([status, [...headers], text]));
    }
    expect([...shapes]).toHaveLength(1);
    const [status, headers, text] = JSON.parse([...shapes][0] ?? "");
    expect(status).toBe(401);
    expect(Object.fromEntries(headers)["www-authenticate"]).toMatch(/^Bearer realm="[^"]+"$/);
    expect(JSON.parse(text)).toEqual({ message: expect.any(String), error: "invalid_credentials" });
  });

  it("a login is rejected for a password with an added NUL, space or suffix", async () => {
    const world = await openWorld();
    await world.user("ann", { password });
    for (const wrong of [
      `${password}\0`,
      `${password}\0x`,
      ` ${password}`,
      password.slice(0, -1),
      password.toUpperCase(),
    ])
      expect((await world.call("POST", "/login", { body: { login: "ann", password: wrong } })).error).toBe(
        "invalid_credentials",
      );
  });

  it("a field of the wrong form gets 400 without its value", async () => {
    const world = await openWorld();
    const canary = "canary-7d1f";
    const bodies = [
      {},
      { password },
      { login: 5, password },
      { login: "", password },
      { login: `${canary}\0`, password },
      { login: `${canary}\n`, password },
      { login: canary.repeat(40), password },
      { login: "ann", password: canary.repeat(120) },
      { login: "ann", password: 5 },
      { login: ["ann"], password },
      { login: { $ne: null }, password },
      { login: "\ud800", password },
    ];
    for (const body of bodies) {
      const response = await world.call("POST", "/login", { body });
      expect([response.status, response.error], JSON.stringify(body)).toEqual([400, "invalid_request"]);
      expect(response.text).not.toContain(canary);
    }
    expect(await world.events()).toEqual([]);
  });

  it("credentials in the query are rejected", async () => {
    const world = await openWorld();
    await world.user("ann", { password });
    for (const name of ["password", "token", "access_token", "refresh_token"]) {
      const response = await world.call("POST", `/login?${name}=x`, { body: { login: "ann", password } });
      expect(response.error).toBe("invalid_request");
    }
  });

  it("the reason of a rejected login is in the audit log only, without the typed login", async () => {
    const world = await openWorld();
    await world.user("ann", { password });
    await world.user("nopw");
    await world.user("dora", { password });
    await world.ampho.users.disable("dora");
    for (const body of [
      { login: "typed-by-mistake", password },
      { login: "ann", password: "wrong" },
      { login: "ann" },
      { login: "nopw", password },
      { login: "dora", password },
    ])
      await world.call("POST", "/login", { body });
    const rows = (await world.ampho.audit.list({})).filter(({ event }) => event === "login_rejected");
    expect(rows.map(({ reason, login }) => [reason, login])).toEqual([
      ["unknown_login", undefined],
      ["wrong_password", "ann"],
      ["no_password_given", "ann"],
      ["no_password_set", "nopw"],
      ["disabled", "dora"],
    ]);
  });
});

describe("a login that carries a bearer token", () => {
  it("a login with the bearer token of a live session of the user re-authenticates that session", async () => {
    const world = await openWorld();
    await world.user("ann", { password });
    const before = await world.login("ann");
    world.clock.advance(500);
    const after = await world.login("ann", { bearer: before.token });
    expect(sessionOf(after)).toBe(sessionOf(before));
    expect(claimsOf(after.token)).toMatchObject({ gen: 1, auth_time: start + 500 });
    expect(await world.events()).toContain("reauthenticated");
    const list = await world.call("GET", "/sessions", { bearer: after.token });
    expect(list.json["sessions"]).toHaveLength(1);
  });

  it("a refresh token from before a re-authentication never gets the new authentication time", async () => {
    const world = await openWorld();
    await world.user("ann", { password });
    const before = await world.login("ann");
    world.clock.advance(500);
    const after = await world.login("ann", { bearer: before.token });
    const key = { "idempotency-key": "k".repeat(32) };
    for (const headers of [{}, key]) {
      const { status, error, json } = await world.renew(before.refresh_token, headers);
      expect([status, error, json["token"]]).toEqual([401, "session_ended", undefined]);
      // The earlier access token renews nothing either.
      expect((await world.call("POST", "/renew", { bearer: before.token, headers })).error).toBe("session_ended");
    }
    expect(await world.events()).toContain("renew_rejected: reauthenticated");
    world.clock.advance(10);
    const renewed = grantOf(await world.renew(after.refresh_token));
    expect(claimsOf(renewed.token)).toMatchObject({ gen: 2, auth_time: start + 500 });
    expect((await world.renew(before.refresh_token)).error).toBe("session_ended");
    expect((await world.renew(renewed.refresh_token)).status).toBe(200);
    world.clock.advance(1);
    expect((await world.renew(before.refresh_token)).error).toBe("session_ended");
    expect((await world.renew(renewed.refresh_token)).error).toBe("session_ended");
    expect(await world.events()).toContain("renew_replayed");
  });

  it("a re-authentication does not extend the maximum age of the session", async () => {
    const world = await openWorld({ sessionTtl: 1000, sessionIdleTtl: 1000 });
    await world.user("ann", { password });
    const before = await world.login("ann");
    world.clock.advance(800);
    const after = await world.login("ann", { bearer: before.token });
    expect(after).toMatchObject({ expires: start + 1000, refresh_expires: start + 1000 });
  });

  it("a login with the bearer token of another user opens a new session and leaves the other alone", async () => {
    const world = await openWorld();
    await world.user("ann", { password });
    await world.user("eve", { password });
    const ann = await world.login("ann");
    const eve = await world.login("eve", { bearer: ann.token });
    expect(sessionOf(eve)).not.toBe(sessionOf(ann));
    expect(claimsOf(eve.token)["login"]).toBe("eve");
    expect((await world.renew(ann.refresh_token)).status).toBe(200);
  });

  it("a login with an unusable bearer token opens a new session", async () => {
    const world = await openWorld();
    const ann = await world.user("ann", { password });
    const ended = await world.login("ann");
    await world.call("POST", "/logout", { bearer: ended.token });
    const live = await world.login("ann");
    const [header, payload] = live.token.split(".");
    const bearers = [
      ended.token,
      live.refresh_token,
      `${header}.${payload}.${"A".repeat(43)}`,
      foreignToken(world.key, { exp: start + 600, login: "ann", sub: ann.id }),
      "rubbish",
    ];
    for (const bearer of bearers) {
      const grant = await world.login("ann", { bearer });
      expect([sessionOf(ended), sessionOf(live)]).not.toContain(sessionOf(grant));
    }
    world.clock.advance(900 + 60);
    expect(sessionOf(await world.login("ann", { bearer: live.token }))).not.toBe(sessionOf(live));
  });

  it("a login with a bearer token still requires the password", async () => {
    const world = await openWorld();
    await world.user("ann", { password });
    const { token } = await world.login("ann");
    const response = await world.call("POST", "/login", { bearer: token, body: { login: "ann", password: "wrong" } });
    expect(response.error).toBe("invalid_credentials");
    expect((await world.call("POST", "/login", { bearer: token, body: { login: "ann" } })).error).toBe(
      "invalid_credentials",
    );
  });
});
