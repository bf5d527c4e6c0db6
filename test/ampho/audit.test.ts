// The audit log has one row for each decision about a person, written in the transaction of that decision.

import { describe, expect, it } from "vitest";
import { grantOf, openWorld, password, type World } from "../world/ampho.js";
import { start } from "../world/clock.js";
import { DatabaseSync } from "../world/sqlite.js";
import { sessionOf } from "../world/tokens.js";

const newPassword = "quartz lantern meadow 17";
const rowsOf = async (world: World) =>
  (await world.ampho.audit.list({ limit: 1000 })).map(({ n: _, detail: __, ...row }) => row);

describe("each decision", () => {
  it("each decision leaves one audit row with its time, event, user, session and source", async () => {
    const world = await openWorld();
    const from = { address: "192.0.2.7", headers: { "User-Agent": "curl/8" } };
    const origin = { actor: "user", address: "192.0.2.7", agent: "curl/8" };
    const ann = await world.user("Ann", { password });
    const about = { at: start, userId: ann.id, login: "Ann" };
    const mark = (await rowsOf(world)).length;
    const post = (path: string, body: object, bearer?: string) => world.call("POST", path, { ...from, body, bearer });

    const grant = grantOf(await post("/login", { login: "ann", password }));
    const sessionId = sessionOf(grant);
    const expected: object[] = [{ ...about, event: "login", sessionId, origin }];
    await post("/login", { login: "ann", password: "wrong" });
    expected.push({ ...about, event: "login_rejected", reason: "wrong_password", origin });
    await post("/login", { login: "nobody", password: "wrong" });
    expected.push({ at: start, event: "login_rejected", reason: "unknown_login", origin });
    const again = grantOf(await post("/login", { login: "ann", password }, grant.token));
    expected.push({ ...about, event: "reauthenticated", sessionId, origin });
    await post("/renew", { refresh_token: grant.refresh_token });
    expected.push({ ...about, event: "renew_rejected", reason: "reauthenticated", sessionId, origin });
    await post("/renew", { refresh_token: again.refresh_token });
    expected.push({ ...about, event: "renew", sessionId, origin });
    await post("/renew", { refresh_token: again.refresh_token });
    expected.push({ ...about, event: "renew_repeated", sessionId, origin });
    await post("/password", { password: "wrong", new_password: newPassword }, again.token);
    expected.push({ ...about, event: "password_change_rejected", reason: "wrong_password", sessionId, origin });
    await post("/password", { password, new_password: newPassword }, again.token);
    expected.push({ ...about, event: "password_changed", origin });
    world.clock.advance(11);
    const later = { ...about, at: start + 11 };
    await post("/renew", { refresh_token: grant.refresh_token });
    expected.push({ ...later, event: "renew_replayed", sessionId, origin });
    await post("/renew", { refresh_token: grant.refresh_token });
    expected.push({ ...later, event: "renew_rejected", reason: "ended", sessionId, origin });
    const second = grantOf(await post("/login", { login: "ann", password: newPassword }));
    expected.push({ ...later, event: "login", sessionId: sessionOf(second), origin });
    await world.call("POST", "/logout", { ...from, bearer: second.token });
    expected.push({ ...later, event: "logout", sessionId: sessionOf(second), origin });
    expect((await rowsOf(world)).slice(mark)).toEqual(expected.map((row) => expect.objectContaining(row)));
  });

  it("a decision of the application names the application as its actor", async () => {
    const world = await openWorld();
    const ann = await world.user("ann", { roles: ["editor"] });
    const origin = { actor: "application" };
    const { users, sessions, signingKeys } = world.ampho;
    const grant = await world.session(ann);
    await users.setRoles("ann", ["reader"]);
    await users.setRoles("ann", ["reader"]);
    await users.setPassword("ann", password);
    const second = await world.session(ann);
    await users.disable("ann");
    await users.enable("ann");
    await users.enable("ann");
    await sessions.end(sessionOf(second));
    await users.remove("ann");
    await sessions.revokeForUser({ id: ann.id, login: "ann" });
    await sessions.endForEveryone();
    await signingKeys.revoke("some-key");
    const rows = (await rowsOf(world)).map(({ event, reason, login, sessionId, origin: by }) => {
      expect(by).toMatchObject(origin);
      return [event, reason, login, sessionId].filter((part) => part !== undefined).join(" ");
    });
    expect(rows).toEqual([
      "user_created ann",
      `login ann ${sessionOf(grant)}`,
      "roles_changed ann",
      "password_changed ann",
      `session_ended password_changed ann ${sessionOf(grant)}`,
      `login ann ${sessionOf(second)}`,
      "user_disabled ann",
      `session_ended user_disabled ann ${sessionOf(second)}`,
      "user_enabled ann",
      "user_deleted ann",
      "tokens_revoked ann",
      "sessions_ended",
      "signing_key_revoked",
    ]);
    const changed = (await world.ampho.audit.list({})).find(({ event }) => event === "roles_changed");
    expect(changed?.detail).toEqual({ roles: ["reader"], added: ["reader"], removed: ["editor"] });
  });
});

describe("a log that cannot be written", () => {
  it("a flow fails and changes nothing if its audit row cannot be written", async () => {
    const world = await openWorld();
    const ann = await world.user("ann", { password, roles: ["editor"] });
    await world.user("dora");
    await world.ampho.users.disable("dora");
    const grant = await world.login("ann");
    const other = await world.session(ann);
    const database = new DatabaseSync(world.databaseFile);
    const state = () =>
      ["ampho_users", "ampho_sessions", "ampho_revocations", "ampho_state"].map((table) =>
        database.prepare(`select * from ${table}`).all(),
      );
    database.exec("create trigger refuse before insert on ampho_audit begin select raise(abort, 'no'); end");
    const before = state();
    const statuses = [
      await world.call("POST", "/login", { body: { login: "ann", password } }),
      await world.call("POST", "/login", { body: { login: "ann", password: "wrong" } }),
      await world.call("POST", "/login", { body: { login: "ann", password }, bearer: grant.token }),
      await world.renew(grant.refresh_token),
      await world.call("POST", "/renew", { bearer: grant.token }),
      await world.call("POST", "/logout", { bearer: grant.token }),
      await world.call("DELETE", "/sessions", { bearer: grant.token }),
      await world.call("DELETE", `/sessions/${sessionOf(other)}`, { bearer: grant.token }),
      await world.call("POST", "/password", { bearer: grant.token, body: { password, new_password: newPassword } }),
    ].map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([503]));
    const { users, sessions, signingKeys } = world.ampho;
    const rejected = await Promise.allSettled([
      users.create({ login: "bob" }),
      users.setPassword("ann", newPassword),
      users.setRoles("ann", []),
      users.disable("ann"),
      users.enable("dora"),
      users.remove("ann"),
      sessions.create(ann.id),
      sessions.end(sessionOf(grant)),
      sessions.endForUser(ann.id),
      sessions.revokeForUser({ id: ann.id, login: "ann" }),
      sessions.endForEveryone(),
      signingKeys.revoke("key-1"),
    ]);
    expect(new Set(rejected.map(({ status }) => status))).toEqual(new Set(["rejected"]));
    expect(state()).toEqual(before);
    database.exec("drop trigger refuse");
    database.close();
    grantOf(await world.renew(grant.refresh_token));
  });
});
