// The options `users` and `claims` (docs/reference/contract.md §6): an application's own user table, and further claims for its tokens.
import path from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import {
  AmphoError,
  type AmphoOptions,
  type ApplicationUser,
  type ApplicationUsers,
  ConfigurationError,
  createAmpho,
} from "../../dist/index.js";
import { spawnSync } from "../../scripts/child-process.mjs";
import { admission, grantOf, openWorld, password, type World } from "../world/ampho.js";
import { start } from "../world/clock.js";
import { freshFolder } from "../world/folder.js";
import { claimsOf, foreignToken, sessionOf } from "../world/tokens.js";

interface Table {
  readonly rows: Map<string, ApplicationUser>;
  readonly asked: string[];
  verifies: number;
  failing: Error | undefined;
  hanging: boolean;
}

async function openOwn(options: AmphoOptions = {}) {
  const table: Table = { rows: new Map(), asked: [], verifies: 0, failing: undefined, hanging: false };
  table.rows.set("ann", { id: "7", login: "ann", roles: ["editor"] });
  const world = await openWorld({
    users: {
      find: async (login) => {
        table.asked.push(login);
        if (table.failing !== undefined) throw table.failing;
        if (table.hanging) return new Promise<never>(() => undefined);
        return table.rows.get(login);
      },
      verify: async (_, given) => {
        table.verifies++;
        if (table.failing !== undefined) throw table.failing;
        return given === password;
      },
    },
    ...options,
  });
  const logIn = (login = "ann", given = password) => world.call("POST", "/login", { body: { login, password: given } });
  return { world, table, logIn };
}

describe("an application's own user table", () => {
  it("the application's table provides id, login and roles at login and renewal", async () => {
    const { world, table, logIn } = await openOwn({ scopes: { editor: ["write"] } });
    const grant = grantOf(await logIn());
    expect(claimsOf(grant.token)).toMatchObject({ sub: "7", login: "ann", roles: ["editor"], scope: "write" });
    table.rows.set("ann", { id: "7", login: "ann", roles: ["auditor"] });
    const next = grantOf(await world.renew(grant.refresh_token));
    expect(claimsOf(next.token)).toMatchObject({ sub: "7", roles: ["auditor"], gen: 1 });
    expect(table.asked).toEqual(["ann", "ann"]);
    expect(await world.events()).toEqual(["login", "renew"]);
  });

  it("users.verify gets the row that users.find returned, with all of its members", async () => {
    const row = { id: "7", login: "ann", hash: `hash of ${password}` };
    const users: ApplicationUsers<typeof row> = {
      find: async (login) => (login === row.login ? row : undefined),
      verify: (user, given) => user === row && user.hash === `hash of ${given}`,
    };
    const { logIn } = await openOwn({ users });
    expect([(await logIn()).status, (await logIn("ann", "wrong")).status]).toEqual([200, 401]);
  });

  it("an expired password is replaced by a random one, and needs setPassword and a page", async () => {
    const row = { id: "7", login: "ann", password };
    const users = {
      find: (login: string) => (login === row.login ? row : undefined),
      findById: (id: string) => (id === row.id ? row : undefined),
      verify: (_: ApplicationUser, given: string) => given === row.password,
    };
    const setPassword = (_: ApplicationUser, given: string) => {
      row.password = given;
    };
    const none = await openOwn({ users, appUrl: "https://app.example" });
    await expect(none.world.ampho.users.expirePassword("ann")).rejects.toMatchObject({ code: "not_found" });
    const noPage = await openOwn({ users: { ...users, setPassword } });
    await expect(noPage.world.ampho.users.expirePassword("ann")).rejects.toMatchObject({ code: "not_found" });
    expect(row.password).toBe(password);
    const { world, logIn } = await openOwn({ users: { ...users, setPassword }, appUrl: "https://app.example" });
    const { token } = await world.login("ann");
    expect(await world.ampho.users.expirePassword({ id: "7" }, { reason: "stolen" })).toBe(true);
    expect(row.password).toMatch(/^[\w-]{43}$/);
    expect((await logIn()).status).toBe(401);
    await expect(world.ampho.verify(token)).rejects.toMatchObject({ code: "invalid_token" });
    expect(await world.events()).toContain("password_expired: stolen");
  });

  it("users.find gets the login as it was typed", async () => {
    const { table, logIn } = await openOwn();
    await logIn("AnN");
    expect(table.asked).toEqual(["AnN"]);
  });

  it("spellings that the application's table treats as one login share its attempts", async () => {
    const { table, logIn } = await openOwn();
    const spellings = Array.from({ length: 40 }, (_, n) => `ann${" ".repeat(n)}.`);
    for (const spelling of spellings) table.rows.set(spelling, { id: "7", login: "ann" });
    const responses = await Promise.all(spellings.map((spelling, n) => logIn(spelling, n === 30 ? password : "wrong")));
    const statuses = responses.map(({ status }) => status);
    expect([statuses.filter((status) => status === 401).length, statuses[30]]).toEqual([5, 429]);
    expect(table.verifies).toBe(5);
    // No attempt is left under the login itself.
    expect((await logIn("ann", "wrong")).status).toBe(429);
    expect(table.verifies).toBe(5);
  });

  it("a rejected login has one response and costs one verify, whatever the state of the account", async () => {
    const { world, table, logIn } = await openOwn();
    table.rows.set("dora", { id: "8", login: "dora", disabled: true });
    const responses = [await logIn("ann", "wrong"), await logIn("nobody"), await logIn("dora")];
    expect(
      new Set(responses.map(({ status, headers, text }) => JSON.stringify([status, [...headers], text]))).size,
    ).toBe(1);
    expect(responses[0]?.error).toBe("invalid_credentials");
    expect(table.verifies).toBe(2);
    expect(await world.events()).toEqual([
      "login_rejected: wrong_password",
      "login_rejected: unknown_login",
      "login_rejected: disabled",
    ]);
  });

  it("an unknown login waits as long as the last check of a password took", async () => {
    const { world, table } = await openOwn({
      users: {
        find: (login) => table.rows.get(login),
        verify: () => {
          world.clock.advance(3);
          return false;
        },
      },
    });
    await world.call("POST", "/login", { body: { login: "ann", password: "wrong" } });
    const timer = globalThis.setTimeout;
    const waits: unknown[] = [];
    // Only this timer is shortened. The others are limits of the database and of requests.
    vi.spyOn(globalThis, "setTimeout").mockImplementation((callback, ms) => {
      waits.push(ms);
      return timer(callback, ms === 3000 ? 0 : ms);
    });
    onTestFinished(() => void vi.restoreAllMocks());
    await world.call("POST", "/login", { body: { login: "nobody", password } });
    expect(waits).toContain(3000);
  });

  it("an unknown login waits like a wrong password, not like a right one that is hashed again", async () => {
    const { world, table } = await openOwn({
      users: {
        find: (login) => table.rows.get(login),
        verify: (_, given) => {
          world.clock.advance(given === password ? 3 : 1);
          return given === password;
        },
      },
    });
    const timer = globalThis.setTimeout;
    const waits: unknown[] = [];
    vi.spyOn(globalThis, "setTimeout").mockImplementation((callback, ms) => {
      waits.push(ms);
      return timer(callback, ms === 3000 || ms === 1000 ? 0 : ms);
    });
    onTestFinished(() => void vi.restoreAllMocks());
    const logIn = (login: string, given: string) => world.call("POST", "/login", { body: { login, password: given } });
    grantOf(await logIn("ann", password));
    await logIn("nobody", password);
    expect([waits.includes(3000), waits.includes(1000)]).toEqual([true, false]);
    await logIn("ann", "wrong");
    waits.length = 0;
    for (const login of ["nobody", "nobody-else"]) await logIn(login, password);
    expect([waits.includes(3000), waits.includes(1000)]).toEqual([false, true]);
  });

  it.each([
    ["is gone", undefined, "user_deleted"],
    ["is disabled", { id: "7", login: "ann", disabled: true }, "user_disabled"],
    ["has another id", { id: "8", login: "ann" }, "user_changed"],
  ])("a renewal is rejected and the session ends when the user %s", async (_, row, reason) => {
    const { world, table, logIn } = await openOwn();
    const grant = grantOf(await logIn());
    if (row === undefined) table.rows.delete("ann");
    else table.rows.set("ann", row);
    const response = await world.renew(grant.refresh_token);
    expect([response.status, response.error]).toEqual([401, "session_ended"]);
    expect(await admission(world.ampho, grant.token)).toBe("invalid_token");
    expect(await world.events()).toEqual(["login", `session_ended: ${reason}`]);
    table.rows.set("ann", { id: "7", login: "ann" });
    expect((await world.renew(grant.refresh_token)).error).toBe("session_ended");
  });

  it("the application's table is not asked for a session that has ended or was replayed", async () => {
    const { world, logIn } = await openOwn();
    const grant = grantOf(await logIn());
    grantOf(await world.renew(grant.refresh_token));
    world.clock.advance(11);
    expect((await world.renew(grant.refresh_token)).error).toBe("session_ended");
    expect((await world.renew(grant.refresh_token)).error).toBe("session_ended");
    expect(await world.events()).toEqual(["login", "renew", "renew_replayed", "renew_rejected: ended"]);
  });

  it("an error of the application's table returns 503, reveals nothing and ends no session", async () => {
    const { world, table, logIn } = await openOwn();
    const grant = grantOf(await logIn());
    table.failing = new Error("canary-of-the-inside");
    for (const response of [await logIn(), await world.renew(grant.refresh_token)]) {
      expect([response.status, response.error]).toEqual([503, "unavailable"]);
      expect(response.text).not.toContain("canary");
      expect(response.headers.get("retry-after")).toBe("1");
    }
    expect(world.notices.join()).toContain("The user table fails: Error: canary-of-the-inside");
    table.failing = undefined;
    expect(claimsOf(grantOf(await world.renew(grant.refresh_token)).token)["gen"]).toBe(1);
    expect(world.notices.slice(-2).map((line) => line.split(":")[0])).toEqual([
      "The user table fails",
      "The user table responds again.",
    ]);
    expect(await admission(world.ampho, grant.token)).toBe("in");
  });

  it.each([
    { users: {} },
    { users: { find: String, verify: Boolean, findById: "id" } },
    { users: { find: () => undefined } },
    { users: null },
    { claims: { tier: "gold" } },
  ])("createAmpho rejects the options %o", async (options) => {
    const starting = Reflect.apply(createAmpho, undefined, [{ databaseUrl: "sqlite::memory:", ...options }]);
    await expect(starting).rejects.toThrow(ConfigurationError);
  });

  it("an AmphoError of the application's table reaches the client", async () => {
    const { table, logIn } = await openOwn();
    table.failing = new AmphoError("too_many_attempts", "Wait.", { retryAfterSeconds: 9 });
    const response = await logIn();
    expect([response.status, response.headers.get("retry-after")]).toEqual([429, "9"]);
  });

  it.each([{ id: "", login: "ann" }, { id: 7, login: "ann" }, { id: "7" }, { id: "7", login: "" }])(
    "a row %o of the application's table returns 500",
    async (row) => {
      const { world, table, logIn } = await openOwn();
      Reflect.apply(table.rows.set, table.rows, ["ann", row]);
      expect((await logIn()).error).toBe("internal_error");
      expect(world.notices.join()).toContain("users.find must return");
    },
  );

  it.each([
    ["roles", { roles: "admin" }],
    ["roles", { roles: [7] }],
    ["roles", { roles: [{ name: "admin" }] }],
    ["disabled", { disabled: "true" }],
    ["disabled", { disabled: new Date(0) }],
    ["disabled", { disabled: 2 }],
    ["emailProven", { email: "ann@x.example", emailProven: new Date(0) }],
    ["emailProven", { email: "ann@x.example", emailProven: "t" }],
    ["emailProven", { email: "ann@x.example", emailProven: 1_790_000_000 }],
    ["emailProven", { email: "ann@x.example", emailProven: 1n }],
    ["emailProven", { emailProven: "2026-01-01" }],
    ["email", { email: "Ann <ann@x.example>", emailProven: true }],
    ["email", { email: "ann@x.example ", emailProven: true }],
    ["email", { email: ["ann@x.example"], emailProven: true }],
    ["email", { email: "", emailProven: false }],
  ])("a wrong type of %s in %o returns 500 and signs in no user", async (member, members) => {
    const { world, table, logIn } = await openOwn();
    const grant = grantOf(await logIn());
    Reflect.apply(table.rows.set, table.rows, ["ann", { id: "7", login: "ann", ...members }]);
    expect((await logIn()).error).toBe("internal_error");
    expect((await world.renew(grant.refresh_token)).error).toBe("internal_error");
    expect(world.notices.join()).toContain(`users.find must return ${member}`);
  });

  it("the application's table can use 0 and 1 for disabled, and null for a missing value", async () => {
    const { world, table, logIn } = await openOwn();
    const store = (members: object) =>
      Reflect.apply(table.rows.set, table.rows, ["ann", { id: "7", login: "ann", ...members }]);
    store({ disabled: 0, roles: null });
    const grant = grantOf(await logIn());
    expect(claimsOf(grant.token)["roles"]).toEqual([]);
    store({ disabled: null });
    grantOf(await logIn());
    const guarded = world.ampho.authorize({ live: true }, () => new Response("in"));
    const asked = new Request("http://localhost/", { headers: { Authorization: `Bearer ${grant.token}` } });
    store({ disabled: 1 });
    expect((await logIn()).error).toBe("invalid_credentials");
    expect((await guarded(asked)).status).toBe(401);
    expect((await world.renew(grant.refresh_token)).error).toBe("session_ended");
  });

  it.each(["1", '"yes"', "{}", "null"])("users.verify signs in no user by returning %s", async (response) => {
    const { logIn } = await openOwn({
      users: { find: () => ({ id: "7", login: "ann" }), verify: () => JSON.parse(response) },
    });
    expect((await logIn()).error).toBe("invalid_credentials");
  });

  it("/password returns 404 and ampho.users rejects with an application's own table", async () => {
    const { world, logIn } = await openOwn();
    const { token } = grantOf(await logIn());
    const response = await world.call("POST", "/password", { bearer: token, body: { password, new_password: "x" } });
    expect([response.status, response.error]).toEqual([404, "not_found"]);
    const { users } = world.ampho;
    const rejections = await Promise.allSettled([
      users.create({ login: "bob" }),
      users.setPassword("ann", password),
      users.setRoles("ann", []),
      users.disable("ann"),
      users.enable("ann"),
      users.remove("ann"),
    ]);
    for (const refusal of rejections)
      expect(refusal).toMatchObject({ status: "rejected", reason: { code: "not_found", message: /own user table/ } });
    expect(() => users.list()).toThrow(/own user table/);
  });

  it("sessions of an application's own users are created, listed and ended by user id", async () => {
    const { world, table, logIn } = await openOwn();
    const grant = grantOf(await logIn());
    const second = await world.ampho.sessions.create("7");
    expect(claimsOf(second.token)).toMatchObject({ sub: "7", login: "ann" });
    expect((await world.ampho.sessions.list("7")).map(({ id }) => id)).toEqual([sessionOf(second), sessionOf(grant)]);
    expect(await world.ampho.sessions.endForUser("7")).toBe(2);
    table.rows.set("9", { id: "9", login: "9", disabled: true });
    await expect(world.ampho.sessions.create("9")).rejects.toMatchObject({ code: "invalid_credentials" });
    const created = world.ampho.sessions.create("nobody");
    await expect(created).rejects.toMatchObject({ code: "not_found", message: /users\.find/ });
  });

  it("live and the end of every session reject a token of other software", async () => {
    const { world, table } = await openOwn();
    const token = foreignToken(world.key, { exp: start + 600, iat: start, sub: "7", login: "ann" });
    table.rows.set("ann", { id: "7", login: "ann", disabled: true });
    expect(await world.ampho.sessions.endForUser("7")).toBe(0);
    expect(await admission(world.ampho, token)).toBe("in");
    const strict = world.ampho.authorize({ live: true }, () => new Response("in"));
    const asked = new Request("http://localhost/", { headers: { Authorization: `Bearer ${token}` } });
    expect((await strict(asked)).status).toBe(401);
    await world.ampho.sessions.endForEveryone();
    expect(await admission(world.ampho, token)).toBe("invalid_token");
  });

  it("sessions.revokeForUser revokes all tokens of a user, however they name the user", async () => {
    const { world, logIn } = await openOwn();
    const grant = grantOf(await logIn());
    const foreign = (claims: object) => foreignToken(world.key, { exp: start + 600, login: "x", ...claims });
    const [bySub, byLogin] = [foreign({ sub: "7", iat: start }), foreign({ login: "ANN" })];
    const another = foreign({ sub: "8", login: "anna", iat: start });
    const reported: unknown[] = [];
    world.ampho.onRevoked((revoked) => void reported.push(revoked));
    const row = { id: "7", login: "ann", tenant: "north" };
    await world.ampho.sessions.revokeForUser(row);
    for (const token of [grant.token, bySub, byLogin])
      expect(await admission(world.ampho, token)).toBe("invalid_token");
    expect(await admission(world.ampho, another)).toBe("in");
    expect((await world.renew(grant.refresh_token)).error).toBe("session_ended");
    expect(reported).toEqual([
      { kind: "session", session: sessionOf(grant) },
      { kind: "user", id: "7", login: "ann" },
    ]);
    expect((await world.events()).slice(0, 3)).toEqual([
      "login",
      "tokens_revoked",
      "session_ended: ended_by_application",
    ]);
    // A user whom the table accepts again can log in again.
    expect(await admission(world.ampho, grantOf(await logIn()).token)).toBe("in");
    world.clock.advance(1);
    expect(await admission(world.ampho, foreign({ sub: "7", login: "ann", iat: start + 1 }))).toBe("in");
  });

  it("a hanging table returns 503 and uses up no attempt", async () => {
    const { world, table, logIn } = await openOwn();
    table.hanging = true;
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const responses = Array.from({ length: 5 }, () => logIn());
    while (table.asked.length < responses.length) await new Promise(setImmediate);
    await vi.advanceTimersByTimeAsync(5_000);
    for (const response of await Promise.all(responses))
      expect([response.status, response.error]).toEqual([503, "unavailable"]);
    vi.useRealTimers();
    table.hanging = false;
    world.clock.advance(20);
    grantOf(await logIn());
  });

  it("a login can change or move to another user while sessions continue, given findById", async () => {
    const rows: ApplicationUser[] = [{ id: "7", login: "ann", roles: ["editor"] }];
    const asked: string[] = [];
    const { world, logIn } = await openOwn({
      users: {
        find: (login) => rows.find((row) => row.login === login),
        findById: (id) => {
          asked.push(id);
          return rows.find((row) => row.id === id);
        },
        verify: () => true,
      },
    });
    const grant = grantOf(await logIn());
    expect(asked).toEqual([]);
    rows.splice(0, 1, { id: "8", login: "ann", roles: ["admin"] }, { id: "7", login: "anna", roles: ["editor"] });
    const next = grantOf(await world.renew(grant.refresh_token));
    expect(claimsOf(next.token)).toMatchObject({ sub: "7", login: "anna", roles: ["editor"] });
    const strict = world.ampho.authorize({ live: true }, (_: Request, auth) => Response.json([auth.id, auth.roles]));
    const request = () => new Request("http://localhost/", { headers: { Authorization: `Bearer ${grant.token}` } });
    expect(await (await strict(request())).json()).toEqual(["7", ["editor"]]);
    expect(claimsOf((await world.ampho.sessions.create("8")).token)).toMatchObject({ sub: "8", login: "ann" });
    const created = world.ampho.sessions.create("ann");
    await expect(created).rejects.toMatchObject({ code: "not_found", message: "There is no user with this id." });
    expect(asked).toEqual(["7", "7", "8", "ann"]);
    rows.pop();
    expect((await strict(request())).status).toBe(401);
    expect((await world.renew(next.refresh_token)).error).toBe("session_ended");
    expect((await world.events()).slice(-1)).toEqual(["session_ended: user_deleted"]);
  });

  it("a findById that returns another user signs in no user", async () => {
    const { world, table, logIn } = await openOwn({
      users: {
        find: (login) => table.rows.get(login),
        findById: () => ({ id: "8", login: "bob" }),
        verify: () => true,
      },
    });
    const grant = grantOf(await logIn());
    await expect(world.ampho.sessions.create("7")).rejects.toMatchObject({ code: "not_found" });
    const strict = world.ampho.authorize({ live: true }, () => new Response("in"));
    const asked = new Request("http://localhost/", { headers: { Authorization: `Bearer ${grant.token}` } });
    expect((await strict(asked)).status).toBe(401);
    expect((await world.renew(grant.refresh_token)).error).toBe("session_ended");
  });

  it("sessions.create works for a user without a session, given findById", async () => {
    const ann = { id: "7", login: "ann" };
    const find = (text: string) => [ann].find(({ id, login }) => login === text || id === text);
    const { world } = await openOwn({ users: { find, verify: () => false } });
    expect(claimsOf((await world.ampho.sessions.create("7")).token)).toMatchObject({ sub: "7", login: "ann" });
  });

  it("live asks the application's table", async () => {
    const { world, table, logIn } = await openOwn();
    const { token } = grantOf(await logIn());
    const guarded = world.ampho.authorize({ live: true, roles: ["editor"] }, (_: Request, auth) =>
      Response.json(auth.roles),
    );
    const request = () => new Request("http://localhost/", { headers: { Authorization: `Bearer ${token}` } });
    expect(await (await guarded(request())).json()).toEqual(["editor"]);
    table.rows.set("ann", { id: "7", login: "ann", roles: [] });
    expect((await guarded(request())).status).toBe(403);
    table.rows.set("ann", { id: "8", login: "ann", roles: ["editor"] });
    expect((await guarded(request())).status).toBe(401);
    table.failing = new Error("away");
    expect((await guarded(request())).status).toBe(503);
  });
});

describe("sessions.create", () => {
  it("sessions.create returns a login's result and is recorded as the application's action", async () => {
    const world = await openWorld();
    const ann = await world.user("Ann", { roles: ["editor"] });
    const grant = await world.ampho.sessions.create(ann.id);
    expect(Object.keys(grant).sort()).toEqual(
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
    expect(grant).toMatchObject({ starts: start, ttl: 900, leeway: 60 });
    expect(claimsOf(grant.token)).toMatchObject({ sub: ann.id, login: "Ann", roles: ["editor"], auth_time: 0 });
    const [row] = (await world.ampho.audit.list({})).filter(({ event }) => event === "login");
    expect(row).toMatchObject({ origin: { actor: "application" }, sessionId: sessionOf(grant) });
    grantOf(await world.renew(String(grant.refresh_token)));
  });

  it("sessions.create rejects for an unknown or disabled user", async () => {
    const world = await openWorld();
    const ann = await world.user("ann");
    await world.ampho.users.disable("ann");
    await expect(world.ampho.sessions.create(ann.id)).rejects.toMatchObject({ code: "invalid_credentials" });
    await expect(world.ampho.sessions.create("nobody")).rejects.toMatchObject({ code: "not_found" });
    await expect(world.ampho.sessions.create("ann")).rejects.toMatchObject({ code: "not_found" });
  });
});

describe("the option claims", () => {
  const openWith = async (claims: AmphoOptions["claims"]) => {
    const world = await openWorld({ claims });
    return { world, ann: await world.user("ann", { roles: ["editor"] }) };
  };
  const create = ({ world, ann }: { world: World; ann: { id: string } }) => world.ampho.sessions.create(ann.id);

  it("claims(user) adds claims to the tokens of login and renewal, for the current user", async () => {
    const seen: unknown[] = [];
    const opened = await openWith(async (user) => {
      seen.push(user);
      return { tenant: "t1", flags: { beta: true }, name: user.login };
    });
    const grant = await create(opened);
    expect(claimsOf(grant.token)).toMatchObject({ tenant: "t1", flags: { beta: true }, name: "ann" });
    await opened.world.ampho.users.setRoles("ann", []);
    const next = grantOf(await opened.world.renew(String(grant.refresh_token)));
    expect(claimsOf(next.token)).toMatchObject({ tenant: "t1" });
    expect(seen).toEqual([
      { id: opened.ann.id, login: "ann", roles: ["editor"] },
      { id: opened.ann.id, login: "ann", roles: [] },
    ]);
    expect((await opened.world.ampho.verify(next.token)).claims).toMatchObject({ flags: { beta: true } });
    expect(claimsOf(String(grant.refresh_token))).not.toHaveProperty("tenant");
  });

  it("claims(user) must not set a registered or reserved name", async () => {
    let name = "";
    const opened = await openWith(() => ({ [name]: "x" }));
    const registered = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];
    const ours = ["login", "roles", "scope", "sid", "gen", "ver", "auth_time"];
    const later = ["act", "amr", "acr", "cnf", "client_id", "by", "org", "orgs", "bound", "api_key", "may_act"];
    for (name of [...registered, ...ours, ...later])
      await expect(create(opened)).rejects.toThrow(
        new TypeError(`The option claims must not set "${name}", which is reserved.`),
      );
  });

  it.each([
    ["a text"],
    [["a", "b"]],
    [null],
    [undefined],
    [5],
    [new Map([["tenant", "t1"]])],
    [new Date()],
    [() => {}],
  ])("claims(user) must return a plain object and not %j", async (returned) => {
    await expect(create(await openWith(() => returned as never))).rejects.toThrow(
      new TypeError("The option claims must return a plain object, which is {} without claims."),
    );
  });

  it("claims(user) must not set __proto__, but can set a claim named constructor", async () => {
    await expect(create(await openWith(() => JSON.parse('{"__proto__": {"login": "eve"}}')))).rejects.toThrow(
      TypeError,
    );
    const grant = await create(await openWith(() => ({ constructor: "c" })));
    expect(claimsOf(grant.token)).toMatchObject({ constructor: "c", login: "ann" });
  });

  it("claims(user) cannot replace all claims by toJSON", async () => {
    const opened = await openWith(() => ({ toJSON: () => ({ login: "root", exp: start + 600 }) }));
    await expect(create(opened)).rejects.toThrow(
      new TypeError('The option claims must not set "toJSON", which is reserved.'),
    );
  });

  it.each([
    ["have a text that was cut inside an emoji", { name: "🦊".slice(0, 1) }],
    ["have a name that was cut inside an emoji", { ["🦊".slice(0, 1)]: 1 }],
    ["are nested too deeply", JSON.parse(`{"x":${"[".repeat(64)}${"]".repeat(64)}}`)],
  ])("claims that %s cause an error, not a token that every guard rejects", async (_, claims) => {
    await expect(create(await openWith(() => claims))).rejects.toThrow(/no verifier could read the token/);
  });

  it("an error of claims(user) returns 500 without details and is logged", async () => {
    const world = await openWorld({
      claims: () => {
        throw new Error("canary-of-the-inside");
      },
    });
    await world.user("ann", { password });
    const response = await world.call("POST", "/login", { body: { login: "ann", password } });
    expect([response.status, response.error]).toEqual([500, "internal_error"]);
    expect(response.text).not.toContain("canary");
    expect(world.notices.join("\n")).toContain("canary-of-the-inside");
  });

  it("claims that exceed the maximum length of a token are rejected", async () => {
    await expect(create(await openWith(() => ({ blob: "x".repeat(9000) })))).rejects.toThrow(/8 KiB/);
  });
});

describe("the commands beside an application's own user table", () => {
  it("the user commands report the application's own table until the application stops using it", async () => {
    const databaseUrl = `sqlite:${path.join(freshFolder(), "ampho.db")}`;
    const log = (): void => undefined;
    const command = () =>
      spawnSync(process.execPath, [path.resolve(import.meta.dirname, "../../dist/cli/main.js"), "user-list"], {
        // The commands do not get the options of the tests.
        env: { PATH: process.env["PATH"], AMPHO_DATABASE_URL: databaseUrl },
        encoding: "utf8",
      });
    const users = { find: () => undefined, verify: () => false };
    await (await createAmpho({ databaseUrl, log, users })).close();
    const rejected = command();
    expect([rejected.status, rejected.stderr]).toEqual([1, "ampho: The application keeps its own user table.\n"]);
    await (await createAmpho({ databaseUrl, log })).close();
    expect(command().status).toBe(0);
  });

  it("a process without the option `users` ends no session of the application's users, and its log names the option", async () => {
    const { world, logIn } = await openOwn();
    const grant = grantOf(await logIn());
    const lacking = await world.another({ users: undefined });
    expect(lacking.notices).toEqual([expect.stringContaining("Give this process the option, too.")]);
    expect((await lacking.renew(grant.refresh_token)).error).toBe("unavailable");
    expect(lacking.notices.at(-1)).toContain("the user is in the table of the option `users`");
    const next = grantOf(await world.renew(grant.refresh_token));
    expect(await admission(world.ampho, next.token)).toBe("in");
    expect(await world.events()).toEqual(["login", "renew"]);
    await expect(world.ampho.users.disable("ann")).rejects.toMatchObject({ code: "not_found" });
    await lacking.ampho.sessions.endForEveryone();
    expect((await world.another({ users: undefined })).notices).toEqual([]);
  });

  it("users are found by id through findMany, or through findById a few at a time", async () => {
    const ids = Array.from({ length: 30 }, (_, n) => `u-${n}`);
    const row = (id: string) => (ids.includes(id) ? { id, login: `login of ${id}`, roles: ["r"] } : undefined);
    let [running, most] = [0, 0];
    const users = {
      find: (login: string) => row(login.replace("login of ", "")),
      verify: () => false,
      findById: async (id: string) => {
        running += 1;
        most = Math.max(most, running);
        await Promise.resolve();
        running -= 1;
        return id === "twin" ? row("u-1") : row(id);
      },
    };
    const { ampho } = (await openOwn({ users })).world;
    const view = { id: "u-3", login: "login of u-3", roles: ["r"], disabled: false, email: null, emailProven: false };
    expect(await ampho.users.findById("u-3")).toEqual(view);
    expect(await ampho.users.find({ id: "u-3" })).toEqual(view);
    expect(await ampho.users.find("login of u-3")).toEqual(view);
    for (const id of ["nobody", "twin"]) expect(await ampho.users.findById(id)).toBeUndefined();
    expect([...(await ampho.users.findMany([...ids, ...ids, "nobody", "twin", "u\0"])).keys()]).toEqual(ids);
    expect(most).toBe(8);
    await ampho.sessions.create("u-3");
    expect(await ampho.sessions.list({ login: "login of u-3" })).toHaveLength(1);
    expect(await ampho.sessions.endForUser({ id: "u-3" })).toBe(1);
    await expect(ampho.users.disable({ id: "u-3" })).rejects.toMatchObject({ code: "not_found" });

    const asked: (readonly string[])[] = [];
    const findMany = (some: readonly string[]) => {
      asked.push(some);
      return [row("u-9"), row("u-2")].filter((each) => each !== undefined);
    };
    const once = (await openOwn({ users: { ...users, findMany } })).world.ampho;
    expect([...(await once.users.findMany(["u-2", "u-1", "u-2"])).keys()]).toEqual(["u-2"]);
    expect(asked).toEqual([["u-2", "u-1"]]);
    const { findById: _, ...without } = users;
    const byLogin = (await openOwn({ users: without })).world.ampho;
    await expect(byLogin.users.findById("u-1")).rejects.toMatchObject({ code: "not_found" });
    await expect(byLogin.users.findMany(["u-1"])).rejects.toMatchObject({ code: "not_found" });
  });

  it("the commands for second factors take the id of a user", async () => {
    const databaseUrl = `sqlite:${path.join(freshFolder(), "ampho.db")}`;
    const users = { find: () => ({ id: "7", login: "Ann" }), verify: () => false };
    const ampho = await createAmpho({ databaseUrl, log: () => undefined, users });
    await ampho.factors.setPolicy("7", "required");
    const command = (...args: readonly string[]) =>
      spawnSync(process.execPath, [path.resolve(import.meta.dirname, "../../dist/cli/main.js"), ...args], {
        env: { ...process.env, AMPHO_DATABASE_URL: databaseUrl },
        encoding: "utf8",
      });
    expect(JSON.parse(command("factor-list", "7", "--json").stdout)).toEqual({
      policy: "required",
      insteadOf: null,
      factors: [],
    });
    expect(command("factor-policy", "7", "default").status).toBe(0);
    expect((await ampho.factors.list("7")).policy).toBeNull();
    expect(command("device-forget", "7").status).toBe(0);
    expect(await ampho.audit.list()).toMatchObject([
      { event: "factor_policy_changed", userId: "7", origin: { actor: "application" } },
      { event: "factor_policy_changed", userId: "7", origin: { actor: "operator" } },
      { event: "devices_forgotten", userId: "7", origin: { actor: "operator" } },
    ]);
    await ampho.close();
  });

  it("the session commands still list and end the sessions of a login", async () => {
    const databaseUrl = `sqlite:${path.join(freshFolder(), "ampho.db")}`;
    const users = { find: () => ({ id: "7", login: "Ann" }), verify: () => false };
    const ampho = await createAmpho({ databaseUrl, log: () => undefined, users });
    const { token } = await ampho.sessions.create("7");
    const { session } = await ampho.verify(token);
    expect(await ampho.sessions.findUserIds("ann")).toEqual(["7"]);
    await expect(ampho.sessions.findUserIds("bob")).rejects.toMatchObject({ code: "not_found" });
    const command = (...args: readonly string[]) =>
      spawnSync(process.execPath, [path.resolve(import.meta.dirname, "../../dist/cli/main.js"), ...args], {
        env: { ...process.env, AMPHO_DATABASE_URL: databaseUrl },
        encoding: "utf8",
      });
    expect(JSON.parse(command("session-list", "ANN", "--json").stdout)).toMatchObject([{ id: session }]);
    expect(command("session-end", "--login", "Ann").status).toBe(0);
    await vi.waitFor(() => expect(ampho.verify(token)).rejects.toThrow("revoked"), 60_000);
    await ampho.close();
  });
});
