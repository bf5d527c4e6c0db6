import { expect, it } from "vitest";
import type { RoleUpdate } from "../../dist/store/sql/account/user-changes.js";
import type { NewUserRow } from "../../dist/store/sql/rows/users.js";
import type { Opened } from "./contract.js";
import {
  addUser,
  ann,
  emailOf,
  eventsOf,
  mailRequest,
  openSession,
  operator,
  ownSession,
  revoking,
  start,
} from "./fixtures.js";

const ending = { userId: ann.id, now: start + 5, origin: operator, foreignMaxSeconds: 86_400 };

export function userContract(store: Opened): void {
  it("a user is found by login and by id as it was created", async () => {
    await addUser(store(), { roles: ["b", "a", "b"] });
    const user = {
      ...ann,
      roles: ["b", "a"],
      passwordVersion: 1,
      rolesVersion: 1,
      disabled: false,
      createdAt: start,
    };
    expect(await store().findUser("ann")).toEqual(user);
    expect(await store().findUserById(ann.id)).toEqual(user);
    expect(await store().findUser("Ann")).toBeUndefined();
  });

  it("a login that exists is reported as taken, and nothing is written", async () => {
    await addUser(store());
    const second = { ...ann, id: "u-2", login: "ANN" };
    expect(await store().createUser({ user: second, now: start, origin: operator })).toBe("login_taken");
    expect(await store().findUserById("u-2")).toBeUndefined();
    expect(await eventsOf(store())).toEqual(["user_created"]);
  });

  it("an address that a user has is reported as taken, and the login comes before it", async () => {
    await addUser(store(), { email: emailOf("ann@x.example") });
    const create = (changes: Partial<NewUserRow>) =>
      store().createUser({ user: { ...ann, id: "u-2", ...changes }, now: start, origin: operator });
    const email = emailOf("ann@x.example");
    expect(await create({ canonical: "bob", email })).toBe("email_taken");
    expect(await create({ email: emailOf("bob@x.example") })).toBe("login_taken");
    expect(await create({ email })).toBe("login_taken");
    expect(await create({ canonical: "bob", email: emailOf("bob@x.example", start) })).toBe("created");
    expect(await store().findUser("bob")).toMatchObject({ email: { canonical: "bob@x.example", provenAt: start } });
    // The address of a deleted user is free again.
    await store().deleteUser(ending);
    expect(await create({ id: "u-3", canonical: "cid", email })).toBe("created");
  });

  it("one of many concurrent callers gets an address", async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) => {
        const user = { ...ann, id: `u-${index}`, canonical: `u-${index}`, email: emailOf("ann@x.example") };
        return store().createUser({ user, now: start, origin: operator });
      }),
    );
    expect(outcomes.filter((outcome) => outcome === "created")).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === "email_taken")).toHaveLength(19);
  });

  it("one of many concurrent callers gets a login", async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        store().createUser({ user: { ...ann, id: `u-${index}` }, now: start, origin: operator }),
      ),
    );
    expect(outcomes.filter((outcome) => outcome === "created")).toHaveLength(1);
  });

  it("users are listed by canonical login in pages", async () => {
    for (const canonical of ["c", "a", "b"]) await addUser(store(), { id: canonical, login: canonical, canonical });
    const first = await store().listUsers({ after: undefined, limit: 2 });
    const second = await store().listUsers({ after: "b", limit: 2 });
    expect([first, second].map(({ users }) => users.map((user) => user.canonical))).toEqual([["a", "b"], ["c"]]);
    expect([first, second].map(({ next }) => next)).toEqual(["b", undefined]);
  });

  it("a new password moves the version on and ends the user's other sessions and the older tokens of its own", async () => {
    await addUser(store());
    const kept = await openSession(store());
    const other = await openSession(store());
    const change = { ...ending, passwordHash: "hash-2", passwordVersion: 1, own: ownSession(kept.id) };
    const done = await revoking(store(), (own) => own.setPassword(change));
    expect(done).toMatchObject({
      result: { outcome: "done", session: { id: kept.id, gen: kept.gen + 1 } },
      revocations: [
        { kind: "session", sessionId: other.id },
        { kind: "session", sessionId: kept.id, gen: kept.gen + 1 },
      ],
    });
    expect(done.revocations[0]).not.toHaveProperty("gen");
    expect(await store().findUser("ann")).toMatchObject({ passwordHash: "hash-2", passwordVersion: 2 });
    expect((await store().listSessions({ userId: ann.id, now: start })).map(({ id }) => id)).toEqual([kept.id]);
  });

  it("a password change of a session that was ended meanwhile changes nothing", async () => {
    await addUser(store());
    const [own, other] = [await openSession(store()), await openSession(store())];
    const change = { ...ending, passwordHash: "hash-2", passwordVersion: 1 };
    await store().endSession({ ...ending, id: own.id, userId: ann.id, reason: "ended_by_user" });
    for (const id of [own.id, "0.nobody's"])
      expect(await revoking(store(), (s) => s.setPassword({ ...change, own: ownSession(id) }))).toEqual({
        result: { outcome: "ended" },
        revocations: [],
      });
    await store().setDisabled({ ...ending, disabled: true });
    expect(await store().setPassword({ ...change, own: ownSession(other.id) })).toMatchObject({ outcome: "ended" });
    expect(await store().findUser("ann")).toMatchObject({ passwordHash: "hash-1", passwordVersion: 1 });
  });

  it("the second of two password changes from one version is rejected", async () => {
    await addUser(store());
    const change = { ...ending, passwordVersion: 1, own: undefined };
    const outcomes = await Promise.all([
      store().setPassword({ ...change, passwordHash: "x" }),
      store().setPassword({ ...change, passwordHash: "y" }),
    ]);
    expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(["changed", "done"]);
    expect(await store().setPassword({ ...change, userId: "nobody", passwordHash: "x" })).toMatchObject({
      outcome: "unknown",
    });
  });

  it("a new hash of the same password keeps the version, and replaces only the hash it came from", async () => {
    await addUser(store());
    const rehash = { userId: ann.id, now: start, origin: operator };
    await store().rehashPassword({ ...rehash, from: "hash-1", to: "hash-1b" });
    await store().rehashPassword({ ...rehash, from: "hash-1", to: "late" });
    expect(await store().findUser("ann")).toMatchObject({ passwordHash: "hash-1b", passwordVersion: 1 });
    expect(await eventsOf(store())).toEqual(["user_created", "password_rehashed"]);
  });

  it("a removed role is revoked up to the new version, and an added role is not", async () => {
    await addUser(store());
    const setRoles = (change: RoleUpdate["change"]) =>
      revoking(store(), (own) => own.setRoles({ ...ending, rolePolicies: {}, change }));
    const added = await setRoles({ add: ["admin", "editor"], remove: [] });
    expect(added).toMatchObject({ result: { roles: ["editor", "admin"], rolesVersion: ending.now }, revocations: [] });
    const removed = await setRoles({ set: ["admin"] });
    expect(removed.result).toMatchObject({ roles: ["admin"], rolesVersion: ending.now + 1 });
    expect(removed.revocations).toEqual([
      {
        n: 1,
        at: ending.now,
        until: ending.now + 86_400 + 300,
        kind: "roles",
        userId: ann.id,
        login: "Ann",
        rolesVersion: ending.now + 1,
        roles: ["editor"],
      },
    ]);
  });

  it("roles that stay the same move nothing, and an unknown user has none", async () => {
    await addUser(store());
    const asBefore = { ...ending, rolePolicies: {}, change: { add: ["editor"], remove: ["none"] } };
    const same = await revoking(store(), (own) => own.setRoles(asBefore));
    expect(same).toMatchObject({ result: { rolesVersion: 1 }, revocations: [] });
    const unknownUser = { ...ending, userId: "nobody", rolePolicies: {}, change: { set: [] } };
    const unknown = await revoking(store(), (own) => own.setRoles(unknownUser));
    expect(unknown).toEqual({ result: undefined, revocations: [] });
    expect(await eventsOf(store())).toEqual(["user_created"]);
  });

  it("a revoked role is kept for as long as the user's longest token", async () => {
    await addUser(store());
    await openSession(store(), { accessTtlSeconds: 40_000 });
    const change = { ...ending, foreignMaxSeconds: 60, rolePolicies: {}, change: { set: [] } };
    const { revocations } = await revoking(store(), (own) => own.setRoles(change));
    expect(revocations).toMatchObject([{ until: start + 40_000 + 300 }]);
  });

  it("disabling a user ends the sessions and revokes the user, and enabling restores neither", async () => {
    await addUser(store());
    const session = await openSession(store());
    const setDisabled = (disabled: boolean) => revoking(store(), (own) => own.setDisabled({ ...ending, disabled }));
    const { result, revocations } = await setDisabled(true);
    expect(result).toBe(true);
    expect(revocations).toMatchObject([
      { n: 1, kind: "session", sessionId: session.id, until: session.accessExpires + 300 },
      { n: 2, kind: "user", userId: ann.id, login: "Ann", at: ending.now, until: ending.now + 86_400 + 600 },
    ]);
    expect(await setDisabled(false)).toEqual({ result: true, revocations: [] });
    expect(await store().findUser("ann")).toMatchObject({ disabled: false });
    expect(await store().findSession({ id: session.id, now: start })).toBeUndefined();
    expect(await store().setDisabled({ ...ending, userId: "nobody", disabled: true })).toBe(false);
  });

  it("the mails of a deleted user are not sent any more, and those of another user are", async () => {
    await addUser(store());
    const mail = mailRequest();
    await store().queueMail({ ...mail, draft: { ...mail.draft, userId: ann.id } });
    await store().queueMail({ ...mail, draft: { ...mail.draft, userId: "u-2" } });
    await store().deleteUser(ending);
    expect(
      await store().takeMail({
        now: start,
        holdSeconds: 60,
        limit: 10,
        pages: "",
        kinds: [mail.draft.kind],
        except: [],
      }),
    ).toMatchObject([{ userId: "u-2" }]);
  });

  it("the login of a deleted user is free again, and the tokens of the user are revoked", async () => {
    await addUser(store());
    const session = await openSession(store());
    const { result, revocations } = await revoking(store(), (own) => own.deleteUser(ending));
    expect(result).toBe(true);
    expect(revocations.map(({ kind }) => kind)).toEqual(["session", "user"]);
    expect(await store().findSession({ id: session.id, now: start })).toBeUndefined();
    const again = await revoking(store(), (own) => own.deleteUser(ending));
    expect(again).toEqual({ result: false, revocations: [] });
    await addUser(store(), { id: "u-2" });
    expect(await store().findUser("ann")).toMatchObject({ id: "u-2" });
  });

  it("logins and roles are read to the letter, whatever they contain", async () => {
    const login = `q'"?;--\u{1f511}é ß ${"x".repeat(230)}`;
    await addUser(store(), { id: "'; drop table ampho_users; --", login, canonical: login, roles: ["é\"'", ""] });
    expect(await store().findUser(login)).toMatchObject({ login, roles: ["é\"'", ""] });
  });

  it("a text with NUL is rejected, not cut", async () => {
    await addUser(store(), { id: "hops", login: "hops", canonical: "hops" });
    await expect(store().findUser("hops\0evil")).rejects.toThrow(/NUL/);
  });
}
