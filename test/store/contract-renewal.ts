import { expect, it } from "vitest";
import type { Renewal } from "../../dist/store/sql/gate/renewal.js";
import type { Opened } from "./contract.js";
import { addUser, ann, eventsOf, login, openSession, operator, origin, renewal, revoking, start } from "./fixtures.js";

export function renewalContract(store: Opened): void {
  const renew = (input: Renewal) => revoking(store(), (own) => own.renewSession(input));

  it("a renewal moves the session on and reads the user again", async () => {
    await addUser(store());
    const session = await openSession(store());
    const ending = { userId: ann.id, now: start, origin: operator, foreignMaxSeconds: 60 };
    await store().setRoles({ ...ending, rolePolicies: {}, change: { set: ["admin"] } });
    const elsewhere = { actor: "user", address: "198.51.100.1", agent: "other" } as const;
    const renewed = await store().renewSession(renewal(session, { origin: elsewhere }));
    expect(renewed).toEqual({
      outcome: "renewed",
      session: {
        ...session,
        gen: 1,
        renewedAt: start + 100,
        refreshedAt: start + 100,
        expiresAt: start + 100 + 10_000,
        accessExpires: start + 100 + 900,
        address: elsewhere.address,
        agent: elsewhere.agent,
      },
      user: expect.objectContaining({ roles: ["admin"], rolesVersion: ending.now }),
    });
  });

  it("a user who is only in the table of the application keeps the session, whichever process renews it", async () => {
    expect(await store().writeApplicationOwnsUsers({ owns: true, now: start })).toBe(true);
    const session = await openSession(store(), { stored: false });
    await expect(store().renewSession(renewal(session))).rejects.toMatchObject({ code: "unavailable" });
    expect(await store().writeApplicationOwnsUsers({ owns: false, now: start })).toBe(true);
    expect(await store().listSessions({ userId: ann.id, now: start })).toEqual([session]);
    expect(await store().renewSession(renewal(session, { ownRoles: [] }))).toMatchObject({ outcome: "renewed" });
    await store().endAllSessions({
      now: start + 200,
      origin: operator,
      foreignMaxSeconds: 60,
      accessTtlSeconds: 900,
    });
    expect(await store().writeApplicationOwnsUsers({ owns: false, now: start + 200 })).toBe(false);
    expect(await store().readApplicationOwnsUsers()).toBe(false);
  });

  it("exactly one of 20 concurrent renewals moves the generation, in each round", async () => {
    await addUser(store());
    let session = await openSession(store());
    for (let round = 1; round <= 30; round++) {
      const input = renewal(session);
      const outcomes = await Promise.all(Array.from({ length: 20 }, () => store().renewSession(input)));
      expect(outcomes.filter(({ outcome }) => outcome === "renewed")).toHaveLength(1);
      expect(outcomes.filter(({ outcome }) => outcome === "repeated")).toHaveLength(19);
      expect(outcomes.map((each) => each.outcome !== "ended" && each.session.gen)).toEqual(Array(20).fill(round));
      session = { ...session, gen: round };
    }
  });

  it("the generation before the newest receives the newest again within the grace", async () => {
    await addUser(store());
    const session = await openSession(store());
    await store().renewSession(renewal(session));
    const late = await store().renewSession(renewal(session, { now: start + 110 }));
    expect(late).toMatchObject({ outcome: "repeated", session: { gen: 1, accessExpires: start + 110 + 900 } });
    expect(await eventsOf(store())).toEqual(["user_created", "login", "renew", "renew_repeated"]);
  });

  it("a renewal within the grace from another address or user agent is recorded as shared", async () => {
    await addUser(store());
    const session = await openSession(store());
    await store().renewSession(renewal(session));
    await store().renewSession(renewal(session, { origin: { ...origin, address: "203.0.113.9" } }));
    await store().renewSession(renewal(session, { origin: { ...origin, agent: undefined } }));
    expect((await eventsOf(store())).slice(3)).toEqual(["renew_shared", "renew_shared"]);
  });

  it("the generation before the newest is a replay after the grace, and ends the session at once", async () => {
    await addUser(store());
    const session = await openSession(store());
    await store().renewSession(renewal(session));
    const replayed = await renew(renewal(session, { now: start + 111 }));
    expect(replayed).toEqual({
      result: { outcome: "ended", reason: "replayed" },
      revocations: [{ n: 1, at: start + 111, until: start + 100 + 900 + 300, kind: "session", sessionId: session.id }],
    });
    const newest = renewal({ ...session, gen: 1 }, { now: start + 112 });
    expect(await store().renewSession(newest)).toMatchObject({ outcome: "ended", reason: "ended" });
    expect((await eventsOf(store())).slice(3)).toEqual(["renew_replayed", "renew_rejected ended"]);
  });

  it("a generation two before the newest is a replay even within the grace", async () => {
    await addUser(store());
    const session = await openSession(store());
    await store().renewSession(renewal(session));
    await store().renewSession(renewal({ ...session, gen: 1 }));
    expect(await store().renewSession(renewal(session))).toMatchObject({ outcome: "ended", reason: "replayed" });
  });

  it("a generation ahead of the database's is a replay", async () => {
    await addUser(store());
    const session = await openSession(store());
    const ahead = renewal({ ...session, gen: 1 });
    // Until the expiry of the access token that came with it, of which the database has no record.
    const revocations = [{ until: ahead.now + 900 + 300, sessionId: session.id }];
    expect(await renew(ahead)).toMatchObject({ result: { outcome: "ended", reason: "replayed" }, revocations });
  });

  it("the idempotency key of a move receives it again long after the grace, until the next move", async () => {
    await addUser(store());
    const session = await openSession(store());
    const first = renewal(session, { idempotency: "key-1" });
    await store().renewSession(first);
    const again = await store().renewSession({ ...first, now: start + 5000 });
    expect(again).toMatchObject({ outcome: "repeated", session: { gen: 1 } });
    await store().renewSession(renewal({ ...session, gen: 1 }, { now: start + 5001, idempotency: "key-2" }));
    const older = await store().renewSession({ ...first, now: start + 5002 });
    expect(older).toMatchObject({ outcome: "ended", reason: "replayed" });
  });

  it("another idempotency key, or one where the move had none, is a replay", async () => {
    await addUser(store());
    for (const key of ["key-1", undefined]) {
      const session = await openSession(store());
      await store().renewSession(renewal(session, { idempotency: key }));
      const other = renewal(session, { idempotency: "key-2", now: start + 5000 });
      expect(await store().renewSession(other)).toMatchObject({ reason: "replayed" });
    }
  });

  async function reauthenticated(changes: { readonly idempotency?: string } = {}) {
    await addUser(store());
    const session = await openSession(store());
    const move = renewal(session, changes);
    await store().renewSession(move);
    const outcome = await store().grantSession(login({ live: session.id, now: start + 200 }));
    if (outcome.outcome !== "granted") throw new Error("the re-authentication was rejected");
    expect(outcome.session).toMatchObject({ gen: 2, provedGen: 2, authTime: start + 200 });
    return { session: outcome.session, move };
  }

  it("a token from before a re-authentication never renews, and within 10 s the session goes on", async () => {
    const { session, move } = await reauthenticated({ idempotency: "key-1" });
    const before = { result: { outcome: "ended", reason: "reauthenticated" }, revocations: [] };
    for (const now of [start + 200, start + 210])
      for (const gen of [1, 0])
        for (const idempotency of [undefined, "key-1"])
          expect(await renew({ ...move, gen, idempotency, now })).toEqual(before);
    const current = renewal(session, { now: start + 210, idempotency: "key-2" });
    expect(await store().renewSession(current)).toMatchObject({ outcome: "renewed", session: { gen: 3 } });
    // The grace of the generation after the re-authentication is the usual one.
    expect(await store().renewSession(current)).toMatchObject({ outcome: "repeated", session: { gen: 3 } });
    const events = await eventsOf(store());
    expect(new Set(events.filter((event) => event.startsWith("renew_rejected")))).toEqual(
      new Set(["renew_rejected reauthenticated"]),
    );
    expect(events.some((event) => event.startsWith("renew_replayed"))).toBe(false);
  });

  it("a token from before a re-authentication is a replay after 10 s, also with the key of its move", async () => {
    const { session, move } = await reauthenticated({ idempotency: "key-1" });
    await store().renewSession(renewal(session, { now: start + 205 }));
    const replayed = await renew({ ...move, gen: 1, now: start + 211 });
    expect(replayed).toMatchObject({
      result: { outcome: "ended", reason: "replayed" },
      revocations: [{ kind: "session", sessionId: session.id }],
    });
    expect((await eventsOf(store())).at(-1)).toBe("renew_replayed");
  });

  it("a renewal that races with a re-authentication never gives an old token the new authentication time", async () => {
    await addUser(store());
    const session = await openSession(store());
    const at = (gen: number) => renewal({ id: session.id, gen }, { now: start + 200, idempotency: "key" });
    for (let round = 0; round < 20; round++) {
      const { session: now } = (await store().findSession({ id: session.id, now: start + 200 })) ?? {};
      const gen = now?.gen ?? 0;
      const authentication = login({ live: session.id, now: start + 200 });
      const outcomes = await Promise.all([
        ...[1, 2, 3].map(() => store().renewSession(at(gen))),
        store().grantSession(authentication),
        ...[1, 2, 3].map(() => store().renewSession(at(gen))),
      ]);
      const [created] = outcomes.filter((each) => each.outcome === "granted");
      const provedGen = created?.session.provedGen ?? 0;
      for (const each of outcomes)
        if (each.outcome === "renewed" || each.outcome === "repeated")
          // Either the renewal came first, and its tokens lie before the login, or it was rejected.
          expect(each.session.gen).toBeLessThan(provedGen);
        else if (each.outcome === "ended") expect(each.reason).toBe("reauthenticated");
    }
  });

  it("a session at its idle limit or its maximum age does not renew", async () => {
    await addUser(store());
    const session = await openSession(store());
    const atIdle = renewal(session, { now: session.expiresAt });
    expect(await renew(atIdle)).toEqual({ result: { outcome: "ended", reason: "expired" }, revocations: [] });
    const just = renewal(session, { now: session.expiresAt - 1, idleSeconds: 1_000_000 });
    expect(await store().renewSession(just)).toMatchObject({
      outcome: "renewed",
      session: { expiresAt: session.endsAt },
    });
    const atMaximum = renewal({ ...session, gen: 1 }, { now: session.endsAt });
    expect(await store().renewSession(atMaximum)).toMatchObject({ outcome: "ended", reason: "expired" });
  });

  it("an unknown session is rejected without a login in the log", async () => {
    const unknown = await renew(renewal({ id: "0.unknown", gen: 0 }));
    expect(unknown).toEqual({ result: { outcome: "ended", reason: "unknown" }, revocations: [] });
    const [row] = await store().listAudit({ login: undefined, since: undefined, limit: 1 });
    expect(row).toMatchObject({ event: "renew_rejected", reason: "unknown", sessionId: "0.unknown", login: undefined });
  });

  it("a missing user ends the session", async () => {
    const session = await openSession(store(), { stored: false });
    const { result, revocations } = await renew(renewal(session));
    expect(result).toEqual({ outcome: "ended", reason: "user" });
    expect(revocations).toMatchObject([{ sessionId: session.id }]);
    expect(await store().findSession({ id: session.id, now: start })).toBeUndefined();
  });

  it("the recorded expiry of access tokens does not fall when the TTL does", async () => {
    await addUser(store());
    const session = await openSession(store(), { accessTtlSeconds: 5000 });
    const shorter = renewal(session, { accessTtlSeconds: 10 });
    expect(await store().renewSession(shorter)).toMatchObject({ session: { accessExpires: start + 5000 } });
    expect(await store().renewSession(shorter)).toMatchObject({
      outcome: "repeated",
      session: { accessExpires: start + 5000 },
    });
  });

  it("a clock that steps back an hour ends no session", async () => {
    await addUser(store());
    const session = await openSession(store());
    await store().renewSession(renewal(session));
    const back = await store().renewSession(renewal({ ...session, gen: 1 }, { now: start - 3600 }));
    expect(back).toMatchObject({ outcome: "renewed", session: { gen: 2 } });
    const repeated = await store().renewSession(renewal({ ...session, gen: 1 }, { now: start - 3599 }));
    expect(repeated).toMatchObject({ outcome: "repeated" });
  });

  it("a renewal is recorded with its kind of token and its generation", async () => {
    await addUser(store());
    const session = await openSession(store());
    await store().renewSession(renewal(session, { by: "access_token" }));
    const rows = await store().listAudit({ login: "ann", since: undefined, limit: 1 });
    expect(rows).toMatchObject([
      { event: "renew", detail: { by: "access_token", gen: 0 }, userId: ann.id, sessionId: session.id, origin },
    ]);
    expect(login().stored).toEqual({});
  });

  it("an idempotency key repeats no move whose tokens the client has received", async () => {
    await addUser(store());
    const session = await openSession(store());
    const first = renewal(session, { idempotency: "key" });
    await store().renewSession(first);
    const later = { ...first, now: start + 1000 };
    // The tokens of another generation or session are not those of this move.
    for (const other of [{ gen: 0 }, { gen: 2 }, { sessionId: "0.404" }])
      await store().confirmRenewal({ sessionId: session.id, gen: 1, ...other });
    expect(await store().renewSession(later)).toMatchObject({ outcome: "repeated" });
    await store().confirmRenewal({ sessionId: session.id, gen: 1 });
    expect(await store().renewSession(later)).toMatchObject({ outcome: "ended", reason: "replayed" });
  });
}
