// `ampho.users`, `ampho.sessions`, `ampho.audit` and `close` (docs/reference/contract.md §6) do the work of the commands from code.
import { describe, expect, it } from "vitest";
import { createAmpho, hashPassword, type NewUser, needsRehash, verifyPassword } from "../../dist/index.js";
import { admission, grantOf, openWorld, password } from "../world/ampho.js";
import { sessionOf } from "../world/tokens.js";

const invalid = { code: "invalid_request" };
const taken = { code: "login_taken" };
const unknown = { code: "not_found" };

describe("ampho.users", () => {
  it("ampho.users creates users and finds them in any spelling, without their hashes", async () => {
    const { ampho } = await openWorld();
    const long = await ampho.users.create({ login: "long", roles: ["🦊".repeat(255)] });
    expect(long.roles).toEqual(["🦊".repeat(255)]);
    const made = await ampho.users.create({ login: "Ann", password, roles: ["editor", "reader", "editor"] });
    expect(made).toEqual({
      id: expect.stringMatching(/^[\w-]{16,}$/),
      login: "Ann",
      roles: ["editor", "reader"],
      disabled: false,
      email: null,
      emailProven: false,
    });
    for (const spelling of ["Ann", "ANN", "ａｎｎ"]) expect(await ampho.users.find(spelling)).toEqual(made);
    expect(await ampho.users.find("anna")).toBeUndefined();
    expect(await ampho.users.find("")).toBeUndefined();
    expect(await ampho.users.find("ann\0")).toBeUndefined();
  });

  it("ampho.users rejects an invalid login, password or role, and creates no user", async () => {
    const { ampho } = await openWorld();
    await ampho.users.create({ login: "Ann" });
    const rejected = (reason: string) => ({ code: "password_rejected", details: { reason } });
    const wrong: readonly (readonly [string, NewUser, object?])[] = [
      ["a login that exists", { login: "ANN" }, taken],
      ["a login that exists in another form", { login: "ａnn" }, taken],
      ["an empty login", { login: "" }],
      ["a login with a control character", { login: "a\nb" }],
      ["a login of mixed scripts", { login: "аnnika" }],
      ["a login that is too long", { login: "x".repeat(256) }],
      ["a short password", { login: "bob", password: "short" }, rejected("too_short")],
      ["an empty password", { login: "bob", password: "" }, rejected("too_short")],
      ["a common password", { login: "bob", password: "passwordpassword" }, rejected("repeated")],
      [
        "a password with the login in it",
        { login: "heron", password: "my heron violet 91" },
        rejected("contains_login"),
      ],
      ["an empty role", { login: "bob", roles: [""] }],
      ["a role with a control character", { login: "bob", roles: ["a\tb"] }],
      ["a role of 256 characters", { login: "bob", roles: ["🦊".repeat(256)] }],
    ];
    for (const [what, user, error = invalid] of wrong)
      await expect(ampho.users.create(user), what).rejects.toMatchObject(error);
    const logins = [];
    for await (const { login } of ampho.users.list()) logins.push(login);
    expect(logins).toEqual(["Ann"]);
  });

  it("many concurrent calls of users.create with one login create one user", async () => {
    const world = await openWorld();
    const other = await world.another();
    const attempts = Array.from({ length: 10 }, (_, index) =>
      (index % 2 === 0 ? world : other).ampho.users.create({ login: index % 3 === 0 ? "Ann" : "ann" }),
    );
    const made = (await Promise.allSettled(attempts)).filter(({ status }) => status === "fulfilled");
    expect(made).toHaveLength(1);
    expect((await world.events()).filter((event) => event === "user_created")).toHaveLength(1);
  });

  it("users are found and changed by id, and an id is never taken for a login", async () => {
    const world = await openWorld();
    const { users, sessions, factors, devices, identities, audit, throttle } = world.ampho;
    const [ann, bob] = [await world.user("ann", { password }), await world.user("bob")];
    const trap = await users.create({ login: ann.id });
    expect(await users.findById(ann.id)).toEqual(ann);
    expect(await users.find({ id: ann.id })).toEqual(ann);
    expect(await users.find(ann.id)).toEqual(trap);
    for (const id of ["ann", "", "id\0"]) expect(await users.findById(id)).toBeUndefined();
    const many = await users.findMany([bob.id, "nobody", "id\0", ann.id, bob.id]);
    expect([many.size, many.get(ann.id), many.get(bob.id)]).toEqual([2, ann, bob]);
    expect((await users.findMany([])).size).toBe(0);
    const others = await Promise.all(Array.from({ length: 120 }, (_, n) => users.create({ login: `user-${n}` })));
    expect((await users.findMany(others.map(({ id }) => id))).size).toBe(120);

    await users.setRoles({ id: ann.id }, ["editor"]);
    await users.setEmail({ id: ann.id }, "ann@example.org");
    await users.disable({ id: bob.id });
    expect(await users.findById(ann.id)).toMatchObject({ roles: ["editor"], email: "ann@example.org" });
    expect(await users.findById(trap.id)).toEqual(trap);
    expect(await users.find("bob")).toMatchObject({ disabled: true });
    await world.login("ann");
    expect(await sessions.list({ login: "ANN" })).toHaveLength(1);
    expect(await sessions.list(trap.id)).toEqual([]);
    expect(await sessions.endForUser({ login: "ann" })).toBe(1);
    await factors.setPolicy({ login: "ann" }, "required");
    expect(await factors.list(ann.id)).toEqual({ policy: "required", insteadOf: null, factors: [] });
    await devices.forget({ login: "ann" });
    expect(await identities.list({ login: "ann" })).toEqual([]);
    expect((await audit.list({ id: ann.id, limit: 1 })).map(({ event }) => event)).toEqual(["devices_forgotten"]);
    expect(await throttle.clear({ id: ann.id })).toBe(0);
    const calls: readonly (() => Promise<unknown>)[] = [
      () => users.disable({ id: "ann" }),
      () => users.export({ id: "id\0" }),
      () => users.recover({ id: "nobody" }, { reason: "lost", print: true }),
      () => audit.list({ id: "nobody" }),
      () => throttle.clear({ id: "nobody" }),
    ];
    for (const call of calls) await expect(call()).rejects.toMatchObject(unknown);
    await users.remove({ id: ann.id });
    expect(await users.findById(ann.id)).toBeUndefined();
  });

  it("a function that takes an id rejects a login in its place, so that no key or session stays unnoticed", async () => {
    const { ampho } = await openWorld({ scopes: { reader: ["articles:read"] }, apiKeys: 5 });
    const { id } = await ampho.users.create({ login: "ann", roles: ["reader"] });
    await ampho.apiKeys.create(id, { name: "x", scopes: ["articles:read"] });
    await ampho.sessions.create(id);
    for (const wrong of [
      () => ampho.apiKeys.revokeForUser("ann"),
      () => ampho.apiKeys.list("ann"),
      () => ampho.sessions.list("ann"),
      () => ampho.sessions.endForUser("ann"),
      () => ampho.factors.list("ann"),
      () => ampho.identities.list("ann"),
      () => ampho.devices.forget("ann"),
    ])
      await expect(wrong()).rejects.toMatchObject(unknown);
    expect(await ampho.apiKeys.revokeForUser({ login: "ann" })).toBe(1);
    expect(await ampho.sessions.endForUser(id)).toBe(1);
  });

  it("users.list yields all users in the order of their logins", async () => {
    const { ampho } = await openWorld();
    const logins = Array.from({ length: 510 }, (_, index) => `user-${String(index).padStart(4, "0")}`);
    await Promise.all([...logins].reverse().map((login) => ampho.users.create({ login })));
    const listed = [];
    for await (const { login } of ampho.users.list()) listed.push(login);
    expect(listed).toEqual(logins);
  });

  it("users.setRoles sets, adds and removes roles", async () => {
    const { ampho } = await openWorld();
    await ampho.users.create({ login: "ann", roles: ["a", "b"] });
    const rolesAfter = async (...change: Parameters<typeof ampho.users.setRoles>) =>
      (await ampho.users.setRoles(...change)).roles;
    expect(await rolesAfter("ANN", ["c", "c", "a"])).toEqual(["c", "a"]);
    expect(await rolesAfter("ann", { add: ["d", "a"], remove: ["c", "none"] })).toEqual(["a", "d"]);
    expect(await rolesAfter("ann", {})).toEqual(["a", "d"]);
    await expect(ampho.users.setRoles("ann", [""])).rejects.toMatchObject(invalid);
    expect((await ampho.users.find("ann"))?.roles).toEqual(["a", "d"]);
  });

  it("users.setPassword removes a password, and sets only one that follows the policy", async () => {
    const world = await openWorld();
    await world.user("ann", { password });
    const { users } = world.ampho;
    await expect(users.setPassword("ann", "short")).rejects.toMatchObject({ code: "password_rejected" });
    await world.login("ann");
    await users.setPassword("ann", undefined);
    expect((await world.call("POST", "/login", { body: { login: "ann", password } })).status).toBe(401);
    await users.setPassword("ann", "quartz lantern meadow 17");
    grantOf(await world.call("POST", "/login", { body: { login: "ann", password: "quartz lantern meadow 17" } }));
  });

  it("ampho.users rejects with not_found for an unknown login", async () => {
    const { users } = (await openWorld()).ampho;
    await expect(users.setPassword("nobody", password)).rejects.toMatchObject(unknown);
    await expect(users.setRoles("nobody", [])).rejects.toMatchObject(unknown);
    await expect(users.disable("nobody")).rejects.toMatchObject(unknown);
    await expect(users.disable("ann\0")).rejects.toMatchObject(unknown);
    await expect(users.enable("nobody")).rejects.toMatchObject(unknown);
    await expect(users.remove("nobody")).rejects.toMatchObject(unknown);
  });

  it("a disabled user cannot sign in until the user is enabled again", async () => {
    const world = await openWorld();
    await world.user("ann", { password });
    await world.ampho.users.disable("ann");
    expect(await world.ampho.users.find("ann")).toMatchObject({ disabled: true });
    expect((await world.call("POST", "/login", { body: { login: "ann", password } })).error).toBe(
      "invalid_credentials",
    );
    await world.ampho.users.enable("ann");
    expect(await admission(world.ampho, (await world.login("ann")).token)).toBe("in");
  });
});

/** The untyped view of JavaScript. */
type Loose = Readonly<Record<string, (...given: readonly unknown[]) => Promise<unknown>>>;

describe("what is called with values that the types exclude", () => {
  it("createAmpho, onRevoked and the functions for passwords reject a value of the wrong type", async () => {
    const loose: Loose = { createAmpho, hashPassword, verifyPassword } as unknown as Loose;
    for (const options of [5, null, "sqlite::memory:"])
      await expect(loose["createAmpho"]?.(options)).rejects.toThrow("The options of createAmpho must be an object.");
    await expect(loose["hashPassword"]?.(7)).rejects.toMatchObject({ ...invalid, details: { field: "password" } });
    await expect(loose["verifyPassword"]?.(7, password)).rejects.toThrow(TypeError);
    expect(() => (needsRehash as (stored: unknown) => boolean)(7)).toThrow("must be a string");
    const { ampho } = await openWorld();
    expect(() => (ampho.onRevoked as (listener: unknown) => unknown)("log")).toThrow("listener must be a function.");
  });

  it("a wrong argument is named without its value, and nothing has happened", async () => {
    const world = await openWorld();
    const ann = await world.user("ann", { password, roles: ["editor"] });
    const grant = await world.session(ann);
    const before = await world.events();
    const { users, sessions, throttle, audit, signingKeys, housekeeping, factors, devices } =
      world.ampho as unknown as Readonly<Record<string, Loose>>;
    const wrong: readonly (readonly [field: string, message: string, outcome: Promise<unknown> | undefined])[] = [
      ["user", "user must be an object", users?.["create"]?.("bob")],
      ["user", "user must be an object", users?.["create"]?.(["bob"])],
      ["login", "user.login must be a string", users?.["create"]?.({ login: 7 })],
      ["password", "user.password must be a string", users?.["create"]?.({ login: "bob", password: 123456789012345 })],
      ["roles", "user.roles must be an array of strings", users?.["create"]?.({ login: "bob", roles: "admin" })],
      [
        "pasword",
        "user has the unknown member pasword. The members are login, password, roles",
        users?.["create"]?.({ login: "bob", pasword: "secret" }),
      ],
      ["user", "user must be a string (the login), { id } or { login }", users?.["find"]?.()],
      ["id", "user.id must be a string", users?.["setPassword"]?.({ id: undefined, login: "ann" }, password)],
      ["password", "password must be a string", users?.["setPassword"]?.("ann", null)],
      ["roles", "roles must be an array of strings, or an object", users?.["setRoles"]?.("ann", "secret")],
      ["roles", "roles must be an array of strings, or an object", users?.["setRoles"]?.("ann")],
      ["roles", "roles must be an array of strings", users?.["setRoles"]?.("ann", [7])],
      [
        "remove",
        "The same role must not be in both add and remove",
        users?.["setRoles"]?.("ann", { add: ["admin", "editor"], remove: ["editor"] }),
      ],
      ["add", "roles.add must be an array of strings", users?.["setRoles"]?.("ann", { add: "secret" })],
      [
        "add",
        "roles has the unknown member add. The members are set",
        users?.["setRoles"]?.("ann", { set: [], add: ["secret"] }),
      ],
      [
        "removed",
        "roles has the unknown member removed. The members are add, remove",
        users?.["setRoles"]?.("ann", { removed: ["editor"] }),
      ],
      ["login", "user.login must be a string", users?.["disable"]?.({ name: "ann" })],
      ["user", "user must be a string (the login)", users?.["enable"]?.(7)],
      ["user", "user must be a string (the login)", users?.["remove"]?.(null)],
      [
        "dryrun",
        "options has the unknown member dryrun. The members are dryRun",
        users?.["import"]?.([], { dryrun: true }),
      ],
      ["dryRun", "options.dryRun must be true or false", users?.["import"]?.([], { dryRun: "yes" })],
      ["userId", "userId must be a string", sessions?.["create"]?.(ann)],
      ["level", "level must be an object", sessions?.["create"]?.(ann.id, null)],
      ["level", "level must be an object", sessions?.["create"]?.(ann.id, ["mfa"])],
      ["amr", "level.amr must be an array of strings", sessions?.["create"]?.(ann.id, { amr: 5 })],
      ["amr", "level.amr must be an array of strings", sessions?.["create"]?.(ann.id, { amr: "mfa" })],
      ["acr", "level.acr must be 1fa or 2fa or phr", sessions?.["create"]?.(ann.id, { acr: "aal2" })],
      ["arc", "level has the unknown member arc", sessions?.["create"]?.(ann.id, { arc: "2fa" })],
      ["user", "user must be a string (the id), { id } or { login }", sessions?.["list"]?.()],
      ["user", "user must be a string (the id)", sessions?.["endForUser"]?.(undefined)],
      ["sessionId", "sessionId must be a string", sessions?.["end"]?.([grant])],
      ["login", "login must be a string", sessions?.["findUserIds"]?.(7)],
      ["user", "user must be an object", sessions?.["revokeForUser"]?.(ann.id)],
      ["id", "user.id must be a string that is not empty", sessions?.["revokeForUser"]?.({ id: 7, login: "ann" })],
      ["id", "user.id must be a string that is not empty", sessions?.["revokeForUser"]?.({ id: "", login: "ann" })],
      ["login", "user.login must be a string that is not empty", sessions?.["revokeForUser"]?.({ id: ann.id })],
      ["login", "user.login must be a string", sessions?.["revokeForUser"]?.({ id: ann.id, login: "ann\0" })],
      ["login", "user.login must be a string", sessions?.["revokeForUser"]?.({ ...ann, login: undefined })],
      ["kid", "kid must be a string", signingKeys?.["revoke"]?.()],
      ["kid", "No key can have this kid", signingKeys?.["revoke"]?.("")],
      ["target", "target must be an object", throttle?.["clear"]?.()],
      ["all", "target.all must be true", throttle?.["clear"]?.({ all: false })],
      ["all", "target.all must be true", throttle?.["clear"]?.({})],
      ["login", "target.login must be a string", throttle?.["clear"]?.({ login: undefined })],
      [
        "all",
        "target has the unknown member all. The members are login",
        throttle?.["clear"]?.({ login: "ann", all: true }),
      ],
      [
        "adress",
        "target has the unknown member adress. The members are login, id, address, all",
        throttle?.["clear"]?.({ adress: "192.0.2.1" }),
      ],
      ["limit", "options.limit must be an integer", throttle?.["list"]?.({ limit: -1 })],
      ["limit", "filter.limit must be an integer", audit?.["list"]?.({ limit: 1.5 })],
      ["since", "filter.since must be an integer", audit?.["list"]?.({ since: "yesterday" })],
      [
        "user",
        "filter has the unknown member user. The members are login, since, limit",
        audit?.["list"]?.({ user: "ann" }),
      ],
      ["input", "input must be a Readable or an iterable", users?.["import"]?.("{}")],
      ["input", "input must be a Readable or an iterable", users?.["import"]?.()],
      ["onWait", "options.onWait must be a function", housekeeping?.["run"]?.({ onWait: true })],
      ["stage", "stage must be activate or retire", signingKeys?.["recordForced"]?.("next", [], "drill")],
      ["kids", "kids must be an array of strings", signingKeys?.["recordForced"]?.("retire", "k1", "drill")],
      ["reason", "reason must be a string", signingKeys?.["recordForced"]?.("retire", [])],
      ["user", "user must be a string (the id)", factors?.["list"]?.()],
      ["id", "user.id must be a string", factors?.["remove"]?.({ id: 7 }, { all: true })],
      ["target", "target must be an object", factors?.["remove"]?.(ann.id, "totp")],
      ["all", "target.all must be true", factors?.["remove"]?.(ann.id, {})],
      ["all", "target.all must be true", factors?.["remove"]?.(ann.id, { all: false, reason: "secret" })],
      ["id", "target.id must be totp, recovery_code or the id of", factors?.["remove"]?.(ann.id, { id: "a secret" })],
      ["all", "target has the unknown member all", factors?.["remove"]?.(ann.id, { id: "totp", all: true })],
      ["policy", "policy must be optional or required or phr or default", factors?.["setPolicy"]?.(ann.id, "none")],
      ["policy", "policy must be optional or", factors?.["setPolicy"]?.(ann.id)],
      ["user", "user must be a string (the id)", devices?.["forget"]?.(7)],
    ];
    for (const [field, message, outcome] of wrong) {
      const error: unknown = await outcome?.then(
        () => "it was done",
        (reason: unknown) => reason,
      );
      expect(error, message).toMatchObject({
        ...invalid,
        details: { field },
        message: expect.stringContaining(message),
      });
      expect(String(error)).not.toContain("secret");
    }
    expect(await world.events()).toEqual(before);
    expect(await admission(world.ampho, grant.token)).toBe("in");
    expect(await world.ampho.users.find("ann")).toMatchObject({ roles: ["editor"], disabled: false });
  });

  it("ampho.factors and ampho.devices reject an unknown user and a factor that the user does not have", async () => {
    const world = await openWorld();
    const { factors, devices } = world.ampho;
    const ann = await world.user("ann");
    expect(await factors.list(ann.id)).toEqual({ policy: null, insteadOf: null, factors: [] });
    expect(await factors.findUserId("ANN")).toBe(ann.id);
    const calls: readonly (() => Promise<unknown>)[] = [
      () => factors.list("nobody"),
      () => factors.remove("nobody", { all: true }),
      () => factors.remove("", { all: true }),
      () => factors.remove({ login: "nobody" }, { all: true }),
      () => factors.remove(ann.id, { id: "totp" }),
      () => factors.setPolicy("nobody", "required"),
      () => factors.findUserId("nobody"),
      () => devices.forget("nobody"),
    ];
    for (const call of calls) await expect(call()).rejects.toMatchObject(unknown);
    expect(await world.events()).toEqual(["user_created"]);
  });

  it("a name that no row can contain finds no user", async () => {
    const { users, sessions, throttle, audit, signingKeys } = (await openWorld()).ampho;
    await expect(signingKeys.revoke("kid\0")).rejects.toMatchObject(invalid);
    expect(await users.find("ann\0")).toBeUndefined();
    await expect(sessions.create("id\0")).rejects.toMatchObject(unknown);
    await expect(sessions.findUserIds("ann\0")).rejects.toMatchObject(unknown);
    expect(await sessions.list("id\0")).toEqual([]);
    expect(await sessions.endForUser("id\0")).toBe(0);
    expect(await sessions.end("0.id\0")).toBe(false);
    expect(await throttle.clear({ login: "ann\0" })).toBe(0);
    expect(await audit.list({ login: "ann\0" })).toEqual([]);
  });
});

describe("ampho.sessions", () => {
  it("ampho.sessions lists and ends sessions of a user, and returns how many it ended", async () => {
    const world = await openWorld();
    const ann = await world.user("ann");
    const grants = [await world.session(ann), await world.session(ann), await world.session(ann)];
    const bob = await world.session(await world.user("bob"));
    const { sessions } = world.ampho;
    const ids = grants.map(sessionOf);
    expect((await sessions.list(ann.id)).map(({ id }) => id)).toEqual([...ids].reverse());
    expect(Object.keys((await sessions.list(ann.id))[0] ?? {}).sort()).toEqual(
      ["id", "created", "renewed", "expires", "address", "agent", "browser", "amr", "acr"].sort(),
    );
    expect(await sessions.end(ids[0] ?? "")).toBe(true);
    expect(await sessions.end(ids[0] ?? "")).toBe(false);
    expect(await sessions.end("0.unknown")).toBe(false);
    expect(await sessions.endForUser(ann.id)).toBe(2);
    expect(await sessions.endForUser(ann.id)).toBe(0);
    expect(await sessions.list(ann.id)).toEqual([]);
    await expect(sessions.list("nobody")).rejects.toMatchObject({ code: "not_found" });
    expect(await admission(world.ampho, bob.token)).toBe("in");
    expect(await world.events()).toContain("session_ended: ended_by_application");
  });
});

describe("ampho.audit", () => {
  it("audit.list finds the rows of a user in any spelling, also after the user is deleted", async () => {
    const { ampho } = await openWorld();
    await ampho.users.create({ login: "Ann" });
    await ampho.users.create({ login: "bob" });
    const eventsOf = async (login: string) => (await ampho.audit.list({ login })).map(({ event }) => event);
    for (const spelling of ["Ann", "ann", "ANN"]) expect(await eventsOf(spelling)).toEqual(["user_created"]);
    await ampho.users.remove("ann");
    expect(await eventsOf("Ann")).toEqual(["user_created", "user_deleted"]);
  });

  it("audit.list returns more than a hundred rows where no limit is given, as audit-list does", async () => {
    const { ampho } = await openWorld();
    for (let row = 0; row < 101; row++) await ampho.throttle.clear({ all: true });
    expect((await ampho.audit.list()).length).toBe(101);
  });

  it("audit.list returns the newest rows since a time, in the order of writing", async () => {
    const world = await openWorld();
    for (const login of ["a1", "b2", "c3"]) {
      world.clock.advance(10);
      await world.user(login);
    }
    const loginsOf = async (filter: { since?: number; limit?: number }) =>
      (await world.ampho.audit.list(filter)).map(({ login }) => login);
    expect(await loginsOf({})).toEqual(["a1", "b2", "c3"]);
    expect(await loginsOf({ limit: 2 })).toEqual(["b2", "c3"]);
    expect(await loginsOf({ since: world.clock.now() - 10 })).toEqual(["b2", "c3"]);
  });
});

describe("close", () => {
  it("close can be called twice, completes running requests, and later requests get 503", async () => {
    const world = await openWorld();
    const ann = await world.user("ann", { password });
    const grant = await world.session(ann);
    const running = [
      ...Array.from({ length: 4 }, () => world.call("POST", "/login", { body: { login: "ann", password } })),
      world.renew(grant.refresh_token),
    ];
    await Promise.all([world.ampho.close(), world.ampho.close()]);
    await world.ampho.close();
    for (const { status } of await Promise.all(running)) expect([200, 503]).toContain(status);
    expect((await world.call("POST", "/login", { body: { login: "ann", password } })).status).toBe(503);
    expect((await world.renew(grant.refresh_token)).status).toBe(503);
    const closed = { code: "unavailable", message: expect.stringContaining("This instance is closed.") };
    await expect(world.ampho.users.find("ann")).rejects.toMatchObject(closed);
    expect(world.notices.filter((line) => line.includes("internal error"))).toEqual([]);
    // Every change that got 200 is in the database.
    const after = await world.another();
    const sessions = await after.ampho.sessions.list(ann.id);
    expect(sessions.length).toBeGreaterThanOrEqual(1);
  });
});
