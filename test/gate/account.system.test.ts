// The user's own account: shown, exported, renamed, deleted.
import { describe, expect, it } from "vitest";
import { naughty } from "../attacks/siege.js";
import { admission, grantOf, password, type World } from "../world/ampho.js";
import { addOwner, codeAt, fullLogin, logIn, onBothDatabases, outcomeOf, setUp, wrong } from "./owners.js";
import { addPasskeyOwner, logInWith, passkeySettings } from "./passkey-owners.js";

const address = "203.0.113.77";

async function loggedIn(world: World, login: string) {
  await world.user(login, { password });
  return world.login(login, { address, headers: { "user-agent": "Firefox of ann" } });
}

/** The calls of docs/guides/own-users.md for a user whom the application has deleted. */
async function forget(ampho: World["ampho"], { id, login }: { readonly id: string; readonly login: string }) {
  await ampho.sessions.revokeForUser({ id, login });
  const { factors } = await ampho.factors.list(id);
  if (factors.length > 0) await ampho.factors.remove(id, { all: true });
  for (const identity of await ampho.identities.list(id)) await ampho.identities.remove(id, { id: identity.id });
}

const outcome = async (response: ReturnType<World["call"]>) => {
  const { status, error } = await response;
  return [status, error];
};

onBothDatabases((ground) => {
  it("An account page shows the factors of its user", async () => {
    const world = await ground.open(passkeySettings);
    const ann = await addPasskeyOwner(world, "ann", { roles: ["editor"] });
    const { status, json } = await world.call("GET", "/account", { bearer: ann.weak.token });
    expect(status).toBe(200);
    expect(json).toEqual({
      id: ann.id,
      login: "ann",
      email: null,
      email_change: null,
      email_proven: false,
      created: expect.any(Number),
      policy: "optional",
      password: true,
      totp: null,
      recovery_codes: 8,
      identities: [],
      passkeys: [expect.objectContaining({ name: "Phone", synced: expect.any(Boolean) })],
    });
    const bob = await addOwner(world, "bob");
    const page = await world.call("GET", "/account", { bearer: bob.weak.token });
    expect(page.json).toMatchObject({ login: "bob", passkeys: [], totp: { since: expect.any(Number) } });
  });

  it("An export has the user's own data, and no secret or key", async () => {
    const world = await ground.open(passkeySettings);
    const [ann, bob] = [await addOwner(world, "ann"), await addOwner(world, "bob")];
    const { token } = await fullLogin(world, ann);
    const { status, text, json } = await world.call("GET", "/account/export", { bearer: token });
    expect([status, json["account"]]).toMatchObject([200, { login: "ann", totp: {} }]);
    expect(json["events"]).toContainEqual(expect.objectContaining({ event: "factor_added" }));
    expect(json["sessions"]).not.toEqual([]);
    const [{ password_hash: hash } = {}] = await ground.sql(
      world,
      "select password_hash from ampho_users where login = 'ann'",
    );
    for (const secret of [ann.secret, ...ann.recoveryCodes, String(hash), token, bob.id, "bob"])
      expect(text).not.toContain(secret);
    expect(await world.events()).toContain("account_exported");
    const exported = await world.ampho.users.export("ann");
    expect(exported.account).toEqual(json["account"]);
    await expect(world.ampho.users.export("eve")).rejects.toMatchObject({ code: "not_found" });
  });

  it("An old login or a lower level neither exports, renames nor deletes an account", async () => {
    const world = await ground.open();
    const { token } = await loggedIn(world, "ann");
    const bob = await addOwner(world, "bob");
    world.clock.advance(301);
    const calls = (bearer: string) => [
      outcome(world.call("GET", "/account/export", { bearer })),
      outcome(world.call("POST", "/account/login", { bearer, body: { login: "eve" } })),
      outcome(world.call("DELETE", "/account", { bearer })),
      outcome(world.call("DELETE", "/password", { bearer })),
    ];
    for (const each of await Promise.all(calls(token))) expect(each).toEqual([401, "login_too_old"]);
    for (const each of await Promise.all(calls(bob.weak.token))) expect(each).toEqual([401, "login_too_weak"]);
    for (const each of await Promise.all(calls(""))) expect(each[0]).toBe(401);
    expect((await logIn(world, "ann")).status).toBe(200);
  });

  describe("a change of the login", () => {
    it("The user signs in with the new login alone, and every token with the old one is dead", async () => {
      const world = await ground.open();
      const another = await world.another();
      const grant = await loggedIn(world, "ann");
      const body = { login: "Anna" };
      expect(await outcome(world.call("POST", "/account/login", { bearer: grant.token, body }))).toEqual([
        204,
        undefined,
      ]);
      expect(await admission(world.ampho, grant.token)).toBe("invalid_token");
      expect((await world.renew(grant.refresh_token)).status).toBe(401);
      expect(outcomeOf(await logIn(another, "ann"))).toEqual(wrong);
      expect((await logIn(another, "anna")).status).toBe(200);
      // Another user can have the old login at once.
      const next = await loggedIn(world, "ann");
      expect((await world.ampho.verify(next.token)).login).toBe("ann");
      expect(await world.events()).toContain("login_changed");
    });

    it("A change of the spelling ends no session, and the password can be changed after it", async () => {
      const world = await ground.open();
      const grant = await loggedIn(world, "ann");
      await world.call("POST", "/account/login", { bearer: grant.token, body: { login: "ANN" } });
      const { token } = grantOf(await world.renew(grant.refresh_token));
      expect((await world.ampho.verify(token)).login).toBe("ANN");
      const body = { password, new_password: "another kettle harbour evening" };
      expect((await world.call("POST", "/password", { bearer: token, body })).status).toBe(200);
    });

    it("A login that another user has is taken, and of many who want one at once one gets it", async () => {
      const world = await ground.open();
      const [ann, bob] = [await loggedIn(world, "ann"), await loggedIn(world, "bob")];
      const rename = (bearer: string, login: string) =>
        outcome(world.call("POST", "/account/login", { bearer, body: { login } }));
      expect(await rename(ann.token, "BOB")).toEqual([409, "login_taken"]);
      const outcomes = await Promise.all([
        rename(ann.token, "cat"),
        rename(bob.token, "Cat"),
        world.ampho.users.create({ login: "cat" }).then(
          () => [204, undefined],
          (error) => [409, error.code],
        ),
      ]);
      expect(outcomes.filter(([status]) => status === 204)).toHaveLength(1);
      expect(outcomes.filter(([, code]) => code === "login_taken")).toHaveLength(2);
      expect(await ground.sql(world, "select login from ampho_users where canonical = 'cat'")).toHaveLength(1);
    });

    it("A user who asks for the logins of others must wait", async () => {
      const world = await ground.open();
      await world.user("bob");
      const { token } = await loggedIn(world, "ann");
      const rename = () => outcome(world.call("POST", "/account/login", { bearer: token, body: { login: "bob" } }));
      for (let n = 0; n < 10; n++) expect(await rename()).toEqual([409, "login_taken"]);
      expect(await rename()).toEqual([429, "too_many_attempts"]);
      expect((await logIn(world, "ann")).status).toBe(200);
    });

    it.each(["", "  ann  ", "аnn", "victim@example.org"])("The login %j is rejected", async (login) => {
      const world = await ground.open();
      const { token } = await loggedIn(world, "ann");
      expect(await outcome(world.call("POST", "/account/login", { bearer: token, body: { login } }))).toEqual([
        400,
        "invalid_request",
      ]);
    });
  });

  it("A user is renamed to any text that can be a login, and any other is a bad request", async () => {
    const world = await ground.open();
    const { id } = await world.user("ann", { password });
    const texts = [...naughty, "\0", "\ud800", "\u202e", "x".repeat(10_000)];
    const statuses = new Set<number>();
    for (const login of texts) {
      const { token } = await world.ampho.sessions.create(id, { authTime: world.clock.now() });
      const { status, text } = await world.call("POST", "/account/login", { bearer: token, body: { login } });
      statuses.add(status);
      if (status === 400 && login.length > 5) expect(text).not.toContain(login);
      if (status === 204) expect(await world.ampho.users.find(login)).toMatchObject({ id, login });
    }
    expect([...statuses].sort()).toEqual([204, 400]);
  });

  describe("a deleted account", () => {
    it("Nothing of it works or is left, and the audit log keeps the id only", async () => {
      const world = await ground.open(passkeySettings);
      const ann = await addPasskeyOwner(world, "ann.removed");
      await world.login("ann.removed", { address }).catch(() => undefined);
      const own = grantOf(await logInWith(world, ann, {}, { address }));
      await world.call("POST", "/account/login", { bearer: own.token, body: { login: "anna.removed" } });
      await logIn(world, "anna.removed", { password: "wrong" });
      // A login that was begun in the second of the change is over.
      world.clock.advance(1);
      const grant = grantOf(await logInWith(world, ann, {}, { address }));
      await world.call("POST", "/login", { address, body: { login: "bob.stays", password } });
      const [{ refresh_token }, passkeyResponse] = [grant, () => logInWith(world, ann)];
      // The reason that an operator gave for a command.
      await ground.sql(
        world,
        `update ampho_audit set actor = 'operator', reason = 'Ann Removed has lost her phone'
         where n = (select max(n) from ampho_audit where user_id = '${ann.id}')`,
      );
      expect((await world.call("DELETE", "/account", { bearer: grant.token })).status).toBe(204);
      const dump = await ground.dump(world);
      const rows = await world.ampho.audit.list({ limit: 10_000 });
      const own2 = rows.filter(({ userId }) => userId === ann.id);
      expect(own2.length).toBeGreaterThan(5);
      for (const { login, origin, detail } of own2)
        expect([login, origin.address, origin.agent, detail]).toEqual([undefined, undefined, undefined, undefined]);
      expect(own2.map(({ event }) => event)).toContain("account_removed");
      expect(JSON.stringify(rows)).not.toMatch(/anna?\.removed|Ann Removed/);
      expect((await passkeyResponse()).error).toBe("unknown_passkey");
      expect((await world.renew(refresh_token)).status).toBe(401);
      for (const login of ["ann.removed", "anna.removed"]) expect(outcomeOf(await logIn(world, login))).toEqual(wrong);
      for (const path of ["/account", "/account/export"])
        expect((await world.call("GET", path, { bearer: grant.token })).status).toBe(401);
      expect((await world.call("DELETE", "/account", { bearer: grant.token })).status).toBe(401);
      for (const table of ["users", "accounts", "passkeys", "recovery", "totp", "mail"])
        expect(await ground.sql(world, `select * from ampho_${table}`), table).toEqual([]);
      expect(dump).toContain(ann.id);
      await expect(world.ampho.sessions.list(ann.id)).rejects.toThrow("There is no user with this id.");
    });

    it("Of a removal and logins at once, no session is left", async () => {
      const world = await ground.open({ throttleAttempts: 1000 });
      const another = await world.another();
      const { token } = await loggedIn(world, "ann");
      const body = { login: "ann", password };
      const logins = [world, another, world, another].map((each) => each.call("POST", "/login", { body }));
      const [removed, ...responses] = await Promise.all([
        world.call("DELETE", "/account", { bearer: token }),
        ...logins,
      ]);
      expect([204, 401]).toContain(removed.status);
      if (removed.status !== 204) return;
      const tokens = responses.filter(({ status }) => status === 200).map((response) => grantOf(response));
      for (const { token: each, refresh_token } of tokens) {
        expect(await admission(world.ampho, each)).toBe("invalid_token");
        expect((await another.renew(refresh_token)).status).toBe(401);
      }
      expect(await ground.sql(world, "select id from ampho_sessions where ended_at is null")).toEqual([]);
    });

    it("Of two removals at once, one has the effect, and another user is untouched", async () => {
      const world = await ground.open();
      const [{ token }, bob] = [await loggedIn(world, "ann"), await loggedIn(world, "bob")];
      const responses = await Promise.all(
        [1, 2].map(() => outcome(world.call("DELETE", "/account", { bearer: token }))),
      );
      expect(responses.map(([status]) => status).sort()).toEqual([204, 401]);
      expect(await admission(world.ampho, bob.token)).toBe("in");
      expect((await world.ampho.audit.list({ login: "bob" })).length).toBeGreaterThan(1);
    });
  });

  describe("the password", () => {
    it("A user with a passkey and recovery codes can remove the password, and set one again", async () => {
      const world = await ground.open(passkeySettings);
      const ann = await addPasskeyOwner(world, "ann");
      const before = grantOf(await logInWith(world, ann));
      let { token } = grantOf(await world.call("DELETE", "/password", { bearer: before.token }));
      expect(outcomeOf(await logIn(world, "ann"))).toEqual(wrong);
      expect((await world.call("GET", "/account", { bearer: token })).json["password"]).toBe(false);
      expect(await outcome(world.call("DELETE", "/password", { bearer: token }))).toEqual([404, "not_found"]);
      // The passkey is now the only way in.
      const [{ id: passkey } = {}] = await ground.sql(world, "select id from ampho_passkeys");
      const removal = world.call("DELETE", `/passkeys/${passkey}`, { bearer: token });
      expect(await outcome(removal)).toEqual([409, "last_way_in"]);
      const body = { new_password: "another kettle harbour evening" };
      expect(
        await outcome(world.call("POST", "/password", { bearer: token, body: { new_password: "short" } })),
      ).toEqual([400, "password_rejected"]);
      ({ token } = grantOf(await world.call("POST", "/password", { bearer: token, body })));
      expect(await outcome(world.call("POST", "/password", { bearer: token, body }))).toEqual([400, "invalid_request"]);
      const again = await world.call("POST", "/login", { body: { login: "ann", password: body.new_password } });
      expect(again.error).toBe("factor_needed");
    });

    it("The password cannot be removed without a passkey that signs in alone and recovery codes", async () => {
      const world = await ground.open(passkeySettings);
      const { token } = await loggedIn(world, "ann");
      expect(await outcome(world.call("DELETE", "/password", { bearer: token }))).toEqual([409, "last_way_in"]);
      const bob = await addOwner(world, "bob");
      const { token: full } = await fullLogin(world, bob);
      expect(await outcome(world.call("DELETE", "/password", { bearer: full }))).toEqual([409, "last_way_in"]);
      const cat = await addPasskeyOwner(world, "cat");
      const { token: strong } = grantOf(await logInWith(world, cat));
      await ground.sql(world, `update ampho_recovery set used_at = 1 where user_id = '${cat.id}'`);
      expect(await outcome(world.call("DELETE", "/password", { bearer: strong }))).toEqual([409, "last_way_in"]);
    });
  });

  describe("an application's own table", () => {
    it("The account routes exist where the functions of the table exist", async () => {
      const users = { find: async (login: string) => ({ id: `id of ${login}`, login }), verify: async () => true };
      const world = await ground.open({ users });
      const { token } = grantOf(await world.call("POST", "/login", { body: { login: "ann", password } }));
      expect((await world.call("GET", "/account", { bearer: token })).json).toMatchObject({
        id: "id of ann",
        created: null,
      });
      expect((await world.call("GET", "/account/export", { bearer: token })).status).toBe(200);
      const rename = world.call("POST", "/account/login", { bearer: token, body: { login: "x" } });
      expect(await outcome(rename)).toEqual([404, "not_found"]);
      expect((await world.call("DELETE", "/account", { bearer: token })).status).toBe(405);
    });

    it("A change of the login that failed after the table had changed ends the sessions when it is repeated", async () => {
      const user = { id: "a", login: "ann" };
      let failing = true;
      const world = await ground.open({
        users: {
          find: async (login) => (login === user.login ? user : undefined),
          findById: async () => user,
          verify: async () => true,
          setLogin(_user, login) {
            // A table finds the new login taken, although this user has it.
            if (login === user.login) return false;
            user.login = login;
            if (failing) throw new Error("the response is lost");
            return true;
          },
        },
      });
      const enter = async (login: string) =>
        grantOf(await world.call("POST", "/login", { body: { login, password } })).token;
      const [token, other] = [await enter("ann"), await enter("ann")];
      const rename = () => outcome(world.call("POST", "/account/login", { bearer: token, body: { login: "anna" } }));
      expect(await rename()).toEqual([503, "unavailable"]);
      failing = false;
      expect(await rename()).toEqual([204, undefined]);
      for (const old of [token, other]) expect(await admission(world.ampho, old)).toBe("invalid_token");
      expect((await world.ampho.audit.list()).find(({ event }) => event === "login_changed")).toMatchObject({
        login: "anna",
        detail: { before: "ann" },
      });
      const again = await enter("anna");
      const same = world.call("POST", "/account/login", { bearer: again, body: { login: "anna" } });
      expect(await outcome(same)).toEqual([204, undefined]);
      expect(await admission(world.ampho, again)).toBe("in");
    });

    /** A table that loses the response of each removal. Ann has a factor and an identity. */
    async function openRemoving(functions: "byId" | "byLogin") {
      const rows = ["ann", "bob"].map((login) => ({ id: `id of ${login}`, login }));
      const world = await ground.open({
        users: {
          find: async (login) => rows.find((row) => row.login === login),
          ...(functions === "byId" && { findById: async (id: string) => rows.find((row) => row.id === id) }),
          verify: async () => true,
          remove({ id }) {
            rows.splice(0, rows.length, ...rows.filter((row) => row.id !== id));
            throw new Error("the response is lost");
          },
        },
      });
      const [ann, bob] = [await world.login("ann", { address }), await world.login("bob")];
      const { secret, transaction } = await setUp(world, ann.token);
      const body = { transaction, totp: codeAt(secret, world.clock.now()) };
      expect((await world.call("POST", "/totp/confirm", { bearer: ann.token, body })).status).toBe(200);
      world.clock.advance(30);
      const totp = codeAt(secret, world.clock.now());
      const { token } = grantOf(await logIn(world, "ann", { totp }));
      await ground.sql(
        world,
        "insert into ampho_identities (issuer, subject, user_id, provider, created_at) values ('i', 's', 'id of ann', 'p', 1)",
      );
      const left = async () => {
        const tables = ["identities", "totp", "recovery"].map((name) => `select user_id from ampho_${name}`);
        return (await ground.sql(world, tables.join(" union all "))).length;
      };
      const remove = (bearer: string) => outcome(world.call("DELETE", "/account", { bearer }));
      return { world, rows, token, bob, left, remove };
    }

    it("A removal that failed after the table had deleted the user is finished when it is repeated", async () => {
      const { world, rows, token, bob, left, remove } = await openRemoving("byId");
      expect(await remove(token)).toEqual([503, "unavailable"]);
      expect([rows.map(({ login }) => login), await left()]).toEqual([["bob"], 10]);
      expect((await world.call("GET", "/account", { bearer: token })).status).toBe(401);
      expect(await remove(token)).toEqual([204, undefined]);
      expect(await left()).toBe(0);
      expect([await admission(world.ampho, token), await admission(world.ampho, bob.token)]).toEqual([
        "invalid_token",
        "in",
      ]);
      expect(await remove(token)).toEqual([401, "invalid_token"]);
      const events = (await world.ampho.audit.list()).filter(({ userId }) => userId === "id of ann");
      expect(events.filter(({ event }) => event === "account_removed")).toHaveLength(1);
      expect(events.filter(({ login, origin }) => login !== undefined || origin.address !== undefined)).toEqual([]);
    });

    it("A removal that is repeated needs a recent login", async () => {
      const { world, token, left, remove } = await openRemoving("byId");
      expect(await remove(token)).toEqual([503, "unavailable"]);
      world.clock.advance(301);
      expect([await remove(token), await left()]).toEqual([[401, "login_too_old"], 10]);
    });

    it.each([
      ["disabled", "byId", { disabled: true }],
      ["renamed", "byLogin", { login: "anna" }],
    ] as const)("A removal does not take a %s user for a deleted one", async (_, functions, change) => {
      const { rows, token, left, remove } = await openRemoving(functions);
      Object.assign(rows[0] ?? {}, change);
      expect(await remove(token)).toEqual([401, "invalid_token"]);
      expect([rows.length, await left()]).toEqual([2, 10]);
    });

    it("The calls of the guide leave no factor and no identity of a user whom the application has deleted", async () => {
      const { world, rows, token, left } = await openRemoving("byId");
      rows.shift();
      await forget(world.ampho, { id: "id of ann", login: "ann" });
      expect([await left(), await admission(world.ampho, token)]).toEqual([0, "invalid_token"]);
      await forget(world.ampho, { id: "id of ann", login: "ann" });
      await forget(world.ampho, { id: "id of nobody", login: "nobody" });
    });

    it("The table changes first, and a table that fails leaves the account as it was", async () => {
      const rows = new Map([["ann", { id: "a", login: "ann" }]]);
      let down = true;
      const fail = () => {
        if (down) throw new Error("down");
      };
      const world = await ground.open({
        users: {
          find: async (login) => rows.get(login),
          findById: async (id) => [...rows.values()].find((row) => row.id === id),
          verify: async () => true,
          setLogin(user, login) {
            fail();
            if (rows.has(login)) return false;
            rows.delete(user.login);
            rows.set(login, { ...user, login });
            return true;
          },
          remove(user) {
            fail();
            rows.delete(user.login);
          },
        },
      });
      const enter = async (login: string) =>
        grantOf(await world.call("POST", "/login", { body: { login, password } })).token;
      const token = await enter("ann");
      const rename = (bearer: string) =>
        outcome(world.call("POST", "/account/login", { bearer, body: { login: "anna" } }));
      expect(await rename(token)).toEqual([503, "unavailable"]);
      expect(await outcome(world.call("DELETE", "/account", { bearer: token }))).toEqual([503, "unavailable"]);
      expect(await admission(world.ampho, token)).toBe("in");
      down = false;
      rows.set("bob", { id: "b", login: "bob" });
      expect(await outcome(world.call("POST", "/account/login", { bearer: token, body: { login: "bob" } }))).toEqual([
        409,
        "login_taken",
      ]);
      expect(await rename(token)).toEqual([204, undefined]);
      expect(await admission(world.ampho, token)).toBe("invalid_token");
      const again = await enter("anna");
      expect(await outcome(world.call("DELETE", "/account", { bearer: again }))).toEqual([204, undefined]);
      expect(rows.has("anna")).toBe(false);
      expect(await admission(world.ampho, again)).toBe("invalid_token");
    });
  });
});
