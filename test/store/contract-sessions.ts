import { expect, it } from "vitest";
import type { Store } from "../../dist/store/store.js";
import type { Opened } from "./contract.js";
import { addUser, ann, eventsOf, login, openSession, operator, origin, renewal, revoking, start } from "./fixtures.js";

export function sessionContract(store: Opened): void {
  it("a session starts at generation 0 with its times", async () => {
    await addUser(store());
    const grant = (own: Store) => own.grantSession(login({ random: "r".repeat(22) }));
    const { result: made, revocations } = await revoking(store(), grant);
    expect(revocations).toEqual([]);
    expect(made).toMatchObject({ outcome: "granted", user: { id: ann.id } });
    expect(made).toHaveProperty("session", {
      id: `0.${"r".repeat(22)}`,
      userId: ann.id,
      login: "Ann",
      gen: 0,
      createdAt: start,
      authTime: start,
      amr: ["pwd"],
      acr: "1fa",
      provedAt: start,
      provedBy: [],
      refreshedAt: start,
      provedGen: 0,
      renewedAt: start,
      expiresAt: start + 10_000,
      endsAt: start + 50_000,
      accessExpires: start + 900,
      address: origin.address,
      agent: origin.agent,
    });
  });

  it("no time of a session lies past its maximum age", async () => {
    await addUser(store());
    const session = await openSession(store(), { maxSeconds: 600 });
    expect(session).toMatchObject({ expiresAt: start + 600, endsAt: start + 600, accessExpires: start + 600 });
    const moved = await store().renewSession(renewal(session, { now: start + 500 }));
    expect(moved).toMatchObject({ session: { expiresAt: start + 600, accessExpires: start + 600 } });
  });

  it("no session is created for a user who is unknown, disabled or has another password by now", async () => {
    await addUser(store());
    expect(await store().grantSession(login({ userId: "nobody" }))).toEqual({ outcome: "rejected" });
    expect(await store().grantSession(login({ stored: { passwordVersion: 2 } }))).toEqual({ outcome: "rejected" });
    const ending = { userId: ann.id, now: start, origin: operator, foreignMaxSeconds: 60 };
    await store().setDisabled({ ...ending, disabled: true });
    expect(await store().grantSession(login())).toEqual({ outcome: "rejected" });
    expect(await store().listSessions({ userId: ann.id, now: start })).toEqual([]);
    const rows = await store().listAudit({ login: undefined, since: undefined, limit: 100 });
    expect(rows.filter(({ event }) => event === "login_rejected").map((row) => [row.reason, row.login])).toEqual([
      ["unknown", undefined],
      ["password_changed", "Ann"],
      ["disabled", "Ann"],
    ]);
  });

  it("the roles of the locked row decide about a login, and not those that its flow has read", async () => {
    await addUser(store());
    const rolePolicies = { admin: "required" } as const;
    const gate = { roles: [], rolePolicies };
    expect((await store().grantSession(login({ gate }))).outcome).toBe("granted");
    const change = { add: ["admin"], remove: [] };
    const who = { userId: ann.id, now: start, origin: operator, foreignMaxSeconds: 60 };
    await store().setRoles({ ...who, change, rolePolicies });
    expect((await store().grantSession(login({ gate }))).outcome).toBe("factor_needed");
    const ofTable = { stored: false, userId: "of-a-table" } as const;
    expect((await store().grantSession(login({ gate, ...ofTable }))).outcome).toBe("granted");
    const strict = { roles: ["admin"], rolePolicies };
    expect((await store().grantSession(login({ gate: strict, ...ofTable }))).outcome).toBe("factor_needed");
  });

  it("a user of an application's own table needs no row", async () => {
    const made = await store().grantSession(login({ userId: "theirs", stored: false }));
    expect(made).toMatchObject({ outcome: "granted", user: undefined });
    if (made.outcome !== "granted") return;
    const renewed = await store().renewSession(renewal(made.session, { ownRoles: [] }));
    expect(renewed).toMatchObject({ outcome: "renewed", user: undefined, session: { userId: "theirs", gen: 1 } });
  });

  it("a login beyond the number of sessions ends the oldest one, never the new one", async () => {
    await addUser(store());
    const oldest = await openSession(store());
    // A clock that stepped back does not make the newest session the oldest.
    const middle = await openSession(store(), { now: start - 500 });
    const grant = (own: Store) => own.grantSession(login({ now: start - 1000, sessionsPerUser: 2 }));
    const { result: made, revocations } = await revoking(store(), grant);
    expect(revocations).toMatchObject([{ kind: "session", sessionId: oldest.id }]);
    const left = await store().listSessions({ userId: ann.id, now: start });
    expect(left.map(({ id }) => id)).toEqual([made.outcome === "granted" && made.session.id, middle.id]);
    expect(await eventsOf(store())).toContain("session_ended displaced");
  });

  it("many concurrent logins leave as many sessions as are allowed", async () => {
    await addUser(store());
    await Promise.all(Array.from({ length: 20 }, () => store().grantSession(login({ sessionsPerUser: 3 }))));
    expect(await store().listSessions({ userId: ann.id, now: start })).toHaveLength(3);
  });

  it("a login beyond the number of sessions leaves the sessions of other users alone", async () => {
    await addUser(store());
    const theirs = await openSession(store(), { userId: "theirs", stored: false });
    await openSession(store(), { sessionsPerUser: 1 });
    await openSession(store(), { sessionsPerUser: 1 });
    expect(await store().findSession({ id: theirs.id, now: start })).toBeDefined();
  });

  it("a session is found while it is live, with its user", async () => {
    await addUser(store());
    const session = await openSession(store());
    const found = await store().findSession({ id: session.id, now: session.expiresAt - 1 });
    expect(found).toMatchObject({ session, user: { id: ann.id, rolesVersion: 1 } });
    expect(await store().findSession({ id: session.id, now: session.expiresAt })).toBeUndefined();
    expect(await store().findSession({ id: "0.none", now: start })).toBeUndefined();
  });

  it("a re-authentication sets its time and moves the session on", async () => {
    await addUser(store());
    const session = await openSession(store());
    const proved = await store().grantSession(login({ now: start + 60, live: session.id }));
    expect(proved).toMatchObject({
      outcome: "granted",
      session: { id: session.id, gen: 1, authTime: start + 60, renewedAt: start + 60, createdAt: start },
      user: { id: ann.id },
    });
    expect(await eventsOf(store())).toEqual(["user_created", "login", "reauthenticated"]);
  });

  it("only a live session of the same user can be re-authenticated", async () => {
    await addUser(store());
    await addUser(store(), { id: "u-bob", login: "Bob", canonical: "bob" });
    const bobs = await openSession(store(), { userId: "u-bob", login: "Bob" });
    const raised = async (changes: Parameters<typeof login>[0]) => {
      const entered = await store().grantSession(login(changes));
      return entered.outcome === "granted" ? entered.session.gen : entered.outcome;
    };
    // Another session is created instead.
    expect(await raised({ live: bobs.id })).toBe(0);
    expect(await raised({ live: "0.none" })).toBe(0);
    const mine = await openSession(store());
    expect(await raised({ now: mine.expiresAt, live: mine.id })).toBe(0);
    expect(await raised({ stored: { passwordVersion: 7 }, live: mine.id })).toBe("rejected");
    expect(await raised({ live: bobs.id, create: undefined })).toBe("rejected");
    expect(await store().findSession({ id: bobs.id, now: start })).toMatchObject({ session: { gen: 0 } });
  });

  it("the users of a login are found by their open sessions", async () => {
    await addUser(store(), { id: "u-bob", login: "Bob", canonical: "bob" });
    const find = async (name: string) => {
      const typed = { login: name, canonical: name.toLowerCase(), after: undefined };
      const { users } = await store().findSessionUsers(typed);
      return [...new Set(users.map(({ userId }) => userId))];
    };
    expect(await find("Bob")).toEqual([]);
    const { id } = await openSession(store(), { userId: "u-bob", login: "Bob" });
    await openSession(store(), { userId: "u-bob", login: "Bob", random: "second" });
    expect([await find("Bob"), await find("BOB"), await find("Bo")]).toEqual([["u-bob"], ["u-bob"], []]);
    await store().endUserSessions({
      change: "password_stored",
      userId: "u-bob",
      exceptSession: id,
      reason: "logout",
      now: start,
      origin: { actor: "user" },
    });
    expect(await find("bob")).toEqual(["u-bob"]);
    await store().endSession({ id, userId: undefined, reason: "logout", now: start, origin: { actor: "user" } });
    expect(await find("Bob")).toEqual([]);
  });

  it("live sessions are counted, and the idle ones among them", async () => {
    await addUser(store());
    const first = await openSession(store(), { random: "first" });
    await openSession(store(), { random: "second" });
    await openSession(store(), { random: "third", idleSeconds: 10 });
    await store().renewSession(renewal(first, { now: start + 60 }));
    expect(await store().countSessions({ now: start + 60, idleSince: start + 30 })).toEqual({ live: 2, idle: 1 });
    expect(await store().countSessions({ now: start, idleSince: start })).toEqual({ live: 3, idle: 0 });
  });
}
