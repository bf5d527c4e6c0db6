import { expect, it } from "vitest";
import type { OperationInput } from "../../dist/store/operations.js";
import type { Opened } from "./contract.js";
import { addUser, ann, eventsOf, openSession, operator, origin, renewal, revoking, start } from "./fixtures.js";

export function endingContract(store: Opened): void {
  const end = (input: OperationInput<"endSession">) => revoking(store(), (own) => own.endSession(input));

  it("an ended session is gone, and revoked as long as its tokens could be accepted", async () => {
    await addUser(store());
    const session = await openSession(store());
    const logout = { id: session.id, userId: ann.id, reason: "logout", now: start + 9, origin } as const;
    const revocation = { n: 1, at: start + 9, until: start + 900 + 300, kind: "session", sessionId: session.id };
    expect(await end(logout)).toEqual({ result: true, revocations: [revocation] });
    expect(await end(logout)).toEqual({ result: false, revocations: [] });
    expect(await store().renewSession(renewal(session))).toMatchObject({ outcome: "ended", reason: "ended" });
    expect(await store().readRevocations({ after: 0, now: start })).toMatchObject({ last: 1, rows: [revocation] });
    expect(await eventsOf(store())).toEqual(["user_created", "login", "logout", "renew_rejected ended"]);
  });

  it("a user cannot end the session of another user", async () => {
    const session = await openSession(store(), { stored: false });
    const ending = { id: session.id, now: start, origin, reason: "ended_by_user" } as const;
    expect(await end({ ...ending, userId: "another" })).toEqual({ result: false, revocations: [] });
    expect(await end({ ...ending, userId: undefined })).toMatchObject({ result: true });
  });

  it("an idle session can still be ended while its access token is valid", async () => {
    const session = await openSession(store(), { stored: false, idleSeconds: 10 });
    const logout = { id: session.id, userId: ann.id, reason: "logout", now: start + 500, origin } as const;
    expect(await end(logout)).toMatchObject({ result: true, revocations: [{ sessionId: session.id }] });
    const long = await openSession(store(), { stored: false, idleSeconds: 10 });
    const late = { ...logout, id: long.id, now: long.accessExpires + 300 };
    expect(await end(late)).toEqual({ result: false, revocations: [] });
  });

  it("a session without a valid token leaves a revocation too, because sockets can be open", async () => {
    const session = await openSession(store(), { stored: false });
    const now = session.accessExpires + 300;
    const ending = { id: session.id, userId: undefined, reason: "ended_by_operator", now, origin: operator } as const;
    const revocation = { n: 1, at: now, until: now + 600 + 300, kind: "session", sessionId: session.id };
    expect(await end(ending)).toEqual({ result: true, revocations: [revocation] });
  });

  it("a presented token is revoked until its end, even if the database has lost it or its session", async () => {
    const known = await openSession(store(), { stored: false });
    const common = { userId: ann.id, reason: "logout", now: start + 9, origin } as const;
    const shown = { ...common, seenExpires: known.accessExpires + 500 };
    const until = shown.seenExpires + 300;
    for (const id of [known.id, "0.lost"])
      expect(await end({ ...shown, id })).toMatchObject({
        result: true,
        revocations: [{ kind: "session", sessionId: id, until }],
      });
    const idle = await openSession(store(), { stored: false, idleSeconds: 10, accessTtlSeconds: 10 });
    const late = { ...common, id: idle.id, now: start + 500, seenExpires: start + 900 };
    expect(await end(late)).toMatchObject({ result: true, revocations: [{ until: start + 1400 }] });
    expect(await eventsOf(store())).toEqual(["login", "logout", "logout", "login", "logout"]);
  });

  it("a revocation outlasts every login transaction, however soon tokens expire", async () => {
    await addUser(store());
    const session = await openSession(store(), { stored: false, accessTtlSeconds: 60 });
    const now = start + 1;
    const ending = { now, origin: operator, reason: "ended_by_operator", foreignMaxSeconds: 60 } as const;
    const kept = { until: now + 600 + 300 };
    const { revocations } = await end({ ...ending, id: session.id, userId: undefined });
    expect(revocations).toMatchObject([{ kind: "session", ...kept }]);
    const user = { userId: ann.id, login: "Ann" };
    const tokens = await revoking(store(), (own) => own.revokeUserTokens({ ...ending, ...user }));
    expect(tokens.revocations).toMatchObject([{ kind: "user", ...kept }]);
    const disabling = await revoking(store(), (own) => own.setDisabled({ ...ending, ...user, disabled: true }));
    // A recovery without factors, which was begun before, works a day later.
    expect(disabling.revocations).toMatchObject([{ kind: "user", until: now + 86_400 + 600 }]);
    const everything = await revoking(store(), (own) => own.endAllSessions({ ...ending, accessTtlSeconds: 60 }));
    expect(everything.revocations).toMatchObject([{ kind: "all" }]);
    const all = (await store().readRevocations({ after: 0, now: now + 600 + 299 })).rows;
    expect(all.map(({ kind }) => kind)).toEqual(["session", "user", "user", "all"]);
  });

  it("a token of an ended session, or of another user, revokes nothing more", async () => {
    const session = await openSession(store(), { stored: false });
    const { id, accessExpires: seenExpires } = session;
    const logout = { id, userId: ann.id, reason: "logout", now: start, origin, seenExpires } as const;
    const nothing = { result: false, revocations: [] };
    expect(await end({ ...logout, userId: "another", seenExpires: seenExpires + 1 })).toEqual(nothing);
    expect(await end(logout)).toMatchObject({ result: true });
    expect(await end(logout)).toEqual(nothing);
  });

  it("all sessions of a user but one end, with consecutive numbers", async () => {
    await addUser(store());
    const sessions = [await openSession(store()), await openSession(store()), await openSession(store())];
    await openSession(store(), { userId: "another", stored: false });
    const ending = { userId: ann.id, now: start, origin: operator, reason: "ended_by_operator" } as const;
    const change = "password_stored";
    const others = { ...ending, change, exceptSession: sessions[1]?.id } as const;
    const { result, revocations } = await revoking(store(), (own) => own.endUserSessions(others));
    expect(result).toBe(2);
    expect(revocations).toMatchObject([
      { n: 1, sessionId: sessions[0]?.id },
      { n: 2, sessionId: sessions[2]?.id },
    ]);
    expect(await store().listSessions({ userId: ann.id, now: start })).toHaveLength(1);
    expect(await store().listSessions({ userId: "another", now: start })).toHaveLength(1);
  });

  it("revoking a user without a row ends the sessions and revokes all other tokens that name the user", async () => {
    const session = await openSession(store(), { stored: false });
    await openSession(store(), { userId: "another", stored: false });
    const about = { userId: ann.id, login: "Ann", now: start + 1, origin: operator, foreignMaxSeconds: 60 };
    const revoke = () => revoking(store(), (own) => own.revokeUserTokens({ ...about, reason: "ended_by_operator" }));
    const { revocations } = await revoke();
    expect(revocations).toEqual([
      expect.objectContaining({ n: 1, kind: "session", sessionId: session.id }),
      { n: 2, kind: "user", at: start + 1, until: start + 1 + 600 + 300, userId: ann.id, login: "Ann" },
    ]);
    expect((await store().readRevocations({ after: 0, now: start })).rows).toEqual(revocations);
    expect(await store().listSessions({ userId: "another", now: start })).toHaveLength(1);
    expect(await eventsOf(store())).toEqual(["login", "login", "tokens_revoked", "session_ended ended_by_operator"]);
    // It works without sessions too, and again for tokens that were issued in the meantime.
    expect((await revoke()).revocations).toMatchObject([{ n: 3, kind: "user" }]);
  });

  it("many callers can revoke one user at the same time", async () => {
    for (const _ of [1, 2, 3, 4]) await openSession(store(), { stored: false });
    const about = { userId: ann.id, login: "Ann", now: start, origin: operator, foreignMaxSeconds: 60 } as const;
    const { revocations } = await revoking(store(), (own) =>
      Promise.all(Array.from({ length: 10 }, () => own.revokeUserTokens({ ...about, reason: "ended_by_operator" }))),
    );
    const kinds = revocations.map(({ kind }) => kind);
    expect([kinds.filter((kind) => kind === "session").length, kinds.length]).toEqual([4, 14]);
  });

  it("an era is the time at which the previous one ended, so that a restored database repeats none", async () => {
    const all = { now: start, origin: operator, foreignMaxSeconds: 60, accessTtlSeconds: 900 };
    const eras = [];
    for (const now of [start, start, start - 10, start + 10]) {
      const { revocations } = await revoking(store(), (own) => own.endAllSessions({ ...all, now }));
      eras.push(...revocations.map((row) => row.kind === "all" && row.era));
    }
    expect(eras).toEqual([start, start + 1, start + 2, start + 10]);
  });

  it("ending all sessions writes one row, and sessions of the next era are live", async () => {
    await addUser(store());
    const old = await openSession(store(), { accessTtlSeconds: 100_000, maxSeconds: 200_000 });
    const all = { now: start + 1, origin: operator, foreignMaxSeconds: 60, accessTtlSeconds: 900 };
    const { revocations } = await revoking(store(), (own) => own.endAllSessions(all));
    expect(revocations).toHaveLength(1);
    const [revocation] = revocations;
    expect(revocation).toMatchObject({ n: 1, kind: "all", era: start + 1 });
    expect(revocation?.until).toBeGreaterThanOrEqual(old.accessExpires + 300);
    expect(revocation?.until).toBeLessThanOrEqual(old.accessExpires + 300 + 3600);
    expect(await store().renewSession(renewal(old))).toMatchObject({ outcome: "ended", reason: "ended" });
    expect(await store().findSession({ id: old.id, now: start })).toBeUndefined();
    expect(await store().listSessions({ userId: ann.id, now: start })).toEqual([]);
    const ending = { id: old.id, userId: undefined, reason: "logout", now: start + 2, origin } as const;
    expect(await end(ending)).toEqual({ result: false, revocations: [] });

    const fresh = await openSession(store(), { sessionsPerUser: 1 });
    expect(fresh.id.split(".")[0]).toBe((start + 1).toString(36));
    expect(await store().renewSession(renewal(fresh))).toMatchObject({ outcome: "renewed" });
    expect(await store().readRevocations({ after: 0, now: start })).toMatchObject({ rows: [revocation] });
  });

  it("the end of all sessions lasts until the last link of a recovery without factors is over", async () => {
    const all = { now: start, origin: operator, foreignMaxSeconds: 0, accessTtlSeconds: 60 };
    const { revocations } = await revoking(store(), (own) => own.endAllSessions(all));
    expect(revocations[0]?.until).toBeGreaterThanOrEqual(start + 86_400 + 600);
  });

  it("a renewal makes later revocations last longer", async () => {
    const session = await openSession(store(), { stored: false, accessTtlSeconds: 60, maxSeconds: 5_000_000 });
    await store().renewSession(renewal(session, { ownRoles: [], accessTtlSeconds: 1_000_000 }));
    const all = { now: start + 1, origin: operator, foreignMaxSeconds: 60, accessTtlSeconds: 60 };
    const { revocations } = await revoking(store(), (own) => own.endAllSessions(all));
    expect(revocations[0]?.until).toBeGreaterThanOrEqual(start + 100 + 1_000_000 + 300);
  });

  it("a revoked key stays revoked", async () => {
    const { revocations: rows } = await revoking(store(), (own) =>
      own.revokeSigningKey({ kid: "k1", now: start, origin: operator }),
    );
    expect(rows).toEqual([{ n: 1, at: start, until: 253402300799, kind: "signing_key", kid: "k1" }]);
    expect((await store().readRevocations({ after: 0, now: start + 1e9 })).rows).toEqual(rows);
    expect(await eventsOf(store())).toEqual(["signing_key_revoked"]);
  });

  it("each kind of revocation is read as it was written", async () => {
    await addUser(store());
    const ending = { userId: ann.id, now: start, origin: operator, foreignMaxSeconds: 60 };
    await openSession(store());
    const { revocations: reported } = await revoking(store(), async (own) => {
      await own.setRoles({ ...ending, rolePolicies: {}, change: { set: [] } });
      await own.deleteUser(ending);
      await own.revokeSigningKey({ ...ending, kid: "k1" });
      await own.endAllSessions({ ...ending, accessTtlSeconds: 900 });
    });
    expect(reported.map(({ kind }) => kind)).toEqual(["roles", "session", "user", "signing_key", "all"]);
    const page = await store().readRevocations({ after: 0, now: start });
    expect(page).toMatchObject({ epoch: expect.stringMatching(/^[0-9a-f-]{32,}$/), last: 5, rows: reported });
  });

  it("a reader gets the live revocations after its number, and the last number in any case", async () => {
    const first = await openSession(store(), { stored: false });
    const second = await openSession(store(), { stored: false, accessTtlSeconds: 5000 });
    for (const { id } of [first, second])
      await store().endSession({ id, userId: undefined, reason: "ended_by_operator", now: start, origin: operator });
    expect((await store().readRevocations({ after: 1, now: start })).rows).toMatchObject([{ n: 2 }]);
    expect((await store().readRevocations({ after: 0, now: start + 1200 })).rows).toMatchObject([{ n: 2 }]);
    const { last, rows } = await store().readRevocations({ after: 7, now: start });
    expect({ last, rows }).toEqual({ last: 2, rows: [] });
  });

  it("revocation numbers have no gaps and no duplicates, however many sessions end at the same time", async () => {
    const sessions = await Promise.all(Array.from({ length: 40 }, () => openSession(store(), { stored: false })));
    await Promise.all(
      sessions.map(({ id }) =>
        store().endSession({ id, userId: undefined, reason: "ended_by_operator", now: start, origin: operator }),
      ),
    );
    const { last, rows } = await store().readRevocations({ after: 0, now: start });
    expect(last).toBe(40);
    expect(rows.map(({ n }) => n)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
  });
}
