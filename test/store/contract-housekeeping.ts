import { expect, it } from "vitest";
import { type Batch, type OldRowKind, type OldRowsCursor, oldRowKinds } from "../../dist/store/sql/rows/old-rows.js";
import type { Opened } from "./contract.js";
import {
  addUser,
  ann,
  attempt,
  eventsOf,
  invitation,
  mailRequest,
  openSession,
  operator,
  origin,
  renewal,
  revoking,
  start,
} from "./fixtures.js";

const day = 86_400;
const kept = { windowSeconds: 900, auditKeepSeconds: 90 * day, next: undefined };

export function housekeepingContract(store: Opened): void {
  const lease = (holder: string, now: number) => ({ holder, now, leaseSeconds: 15 });
  const take = (holder: string, now: number, everySeconds: number | undefined) =>
    store().takeHousekeepingLease({ ...lease(holder, now), everySeconds });
  const byHand = (holder: string, now: number) => take(holder, now, undefined);
  const remove = (holder: string, now: number, kind: OldRowKind, changes = {}) =>
    store().deleteOldRows({ ...lease(holder, now), kind, ...kept, ...changes });

  /** Runs a whole turn by hand and returns how many rows of each kind were deleted. */
  async function clean(now: number, changes = {}): Promise<Partial<Record<OldRowKind, number>>> {
    expect(await byHand("all", now)).toBe("taken");
    const counts: Partial<Record<OldRowKind, number>> = {};
    for (const kind of oldRowKinds)
      for (let next: OldRowsCursor | undefined | null = null; next !== undefined; ) {
        const done: Batch | undefined = await remove("all", now, kind, { ...changes, next: next ?? undefined });
        if (done === undefined) throw new Error("the lease was lost");
        if (done.rows > 0) counts[kind] = (counts[kind] ?? 0) + done.rows;
        next = done.next;
      }
    await store().releaseHousekeepingLease(lease("all", now));
    return counts;
  }

  it("the lease has one holder, and a holder whose lease expired is replaced and deletes nothing more", async () => {
    expect(await byHand("one", start)).toBe("taken");
    expect(await byHand("two", start + 14)).toBe("elsewhere");
    expect(await remove("one", start + 14, "audit")).toBeDefined();
    expect(await byHand("two", start + 28)).toBe("elsewhere");
    expect(await byHand("two", start + 29)).toBe("taken");
    expect(await remove("one", start + 29, "audit")).toBeUndefined();
    await store().releaseHousekeepingLease(lease("one", start + 29));
    expect(await byHand("three", start + 30)).toBe("elsewhere");
    await store().releaseHousekeepingLease(lease("two", start + 30));
    expect(await byHand("three", start + 30)).toBe("taken");
  });

  it("one of many concurrent callers gets the lease", async () => {
    const turns = await Promise.all(Array.from({ length: 20 }, (_, index) => byHand(`h-${index}`, start)));
    expect(turns.filter((turn) => turn === "taken")).toHaveLength(1);
  });

  it("a lease from the future is ignored, because the clock was set back", async () => {
    expect(await byHand("one", start + 10 * day)).toBe("taken");
    expect(await byHand("two", start)).toBe("taken");
  });

  it("a background turn waits for the interval, and for a clock that was steady for an hour", async () => {
    expect(await take("one", start, 60)).toBe("unsteady");
    for (let now = start + 60; now < start + 3600; now += 60) expect(await take("one", now, 60)).toBe("unsteady");
    expect(await take("one", start + 3600, 60)).toBe("taken");
    await store().releaseHousekeepingLease(lease("one", start + 3600));
    expect(await take("two", start + 3659, 60)).toBe("done");
    expect(await take("two", start + 3660, 60)).toBe("taken");
    await store().releaseHousekeepingLease(lease("two", start + 3660));
    // A clock that is set to next year and back deletes nothing, and the hour starts again.
    expect(await take("two", start + 365 * day, 60)).toBe("unsteady");
    expect(await take("two", start + 3720, 60)).toBe("unsteady");
    expect(await take("two", start + 3780, 60)).toBe("unsteady");
    // An operator has looked at the clock.
    expect(await byHand("two", start + 3780)).toBe("taken");
  });

  it("a caller that read its clock before the holder gets no turn and finds no jump of the clock", async () => {
    for (let now = start; now < start + 3600; now += 60) expect(await take("one", now, 60)).toBe("unsteady");
    expect(await take("one", start + 3600, 60)).toBe("taken");
    expect(await remove("one", start + 3610, "audit")).toBeDefined();
    expect(await take("two", start + 3605, 60)).toBe("elsewhere");
    expect(await byHand("two", start + 3605)).toBe("elsewhere");
    await store().releaseHousekeepingLease(lease("one", start + 3612));
    expect(await take("two", start + 3611, 60)).toBe("done");
    expect(await take("two", start + 3672, 60)).toBe("taken");
  });

  it("a session row is deleted a week after its last token expired, and its tokens stay invalid", async () => {
    const session = await openSession(store(), { stored: false });
    const last = start + 10_000;
    expect(await clean(last + 7 * day)).toEqual({});
    expect(await clean(last + 7 * day + 1)).toEqual({ sessions: 1 });
    const back = await store().renewSession(renewal(session, { ownRoles: [], now: last + 8 * day }));
    expect(back).toEqual({ outcome: "ended", reason: "unknown" });
  });

  it("an ended session is deleted a week after its end, whatever its maximum age", async () => {
    const long = { stored: false, idleSeconds: 60 * day, maxSeconds: 90 * day } as const;
    const session = await openSession(store(), long);
    const live = await openSession(store(), long);
    const ended = { id: session.id, userId: undefined, reason: "ended_by_operator", now: start, origin: operator };
    await store().endSession({ ...ended, reason: "ended_by_operator" });
    expect(await clean(start + 7 * day)).toEqual({ revocations: 1 });
    expect(await clean(start + 9 * day)).toEqual({ sessions: 1 });
    expect(await store().findSession({ id: live.id, now: start + 9 * day })).toBeDefined();
    const replay = await store().renewSession(renewal(session, { ownRoles: [], now: start + 9 * day }));
    expect(replay).toMatchObject({ outcome: "ended" });
  });

  it("a session that is renewed for long is not deleted by its first date", async () => {
    const session = await openSession(store(), { stored: false, idleSeconds: day, maxSeconds: 90 * day });
    for (let gen = 0; gen < 40; gen++) {
      const now = start + (gen + 1) * 80_000;
      const input = renewal({ id: session.id, gen }, { ownRoles: [], now, idleSeconds: day });
      expect(await store().renewSession(input)).toMatchObject({ outcome: "renewed" });
      expect(await clean(now)).toEqual({});
    }
    const last = start + 40 * 80_000;
    expect(await store().findSession({ id: session.id, now: last })).toBeDefined();
    expect(await clean(last + 8 * day)).toEqual({});
    expect(await clean(last + 8 * day + 1)).toEqual({ sessions: 1 });
  });

  it("sessions that are still renewed stay, however many of their time are deleted", async () => {
    const made = [];
    for (let n = 0; n < 210; n++) {
      const usual = { stored: false, idleSeconds: day, maxSeconds: 90 * day } as const;
      made.push(await openSession(store(), { ...usual, userId: `u-${n}` }));
    }
    const renewed = made.filter((_, n) => n % 3 > 0);
    const now = start + day - 1;
    for (const { id } of renewed)
      await store().renewSession(renewal({ id, gen: 0 }, { ownRoles: [], now, idleSeconds: day }));
    expect(await clean(start + 8 * day + 1)).toEqual({ sessions: 70 });
    for (const { id } of renewed) expect(await store().findSession({ id, now })).toBeDefined();
    expect(await clean(now + 8 * day)).toEqual({});
    expect(await clean(now + 8 * day + 1)).toEqual({ sessions: 140 });
  });

  it("a session that ends after its deletion date was moved is deleted a week after its end", async () => {
    const usual = { idleSeconds: day } as const;
    const session = await openSession(store(), { ...usual, stored: false, maxSeconds: 90 * day });
    for (let gen = 0; gen < 10; gen++)
      await store().renewSession(
        renewal({ id: session.id, gen }, { ...usual, ownRoles: [], now: start + (gen + 1) * 80_000 }),
      );
    const last = start + 10 * 80_000;
    expect(await clean(last)).toEqual({});
    const ended = { id: session.id, userId: undefined, reason: "ended_by_operator", now: last, origin: operator };
    await store().endSession({ ...ended, reason: "ended_by_operator" });
    const over = last + 900 + 7 * day;
    expect(await clean(over)).toEqual({ revocations: 1 });
    expect(await clean(over + 1)).toEqual({ sessions: 1 });
  });

  it("a revocation stays a day longer than any token needs it, and its number is never used again", async () => {
    const sessions = [];
    for (const ttl of [900, 900, 5 * day])
      sessions.push(
        await openSession(store(), {
          stored: false,
          accessTtlSeconds: ttl,
          idleSeconds: 60 * day,
          maxSeconds: 90 * day,
        }),
      );
    for (const { id } of sessions)
      await store().endSession({ id, userId: undefined, reason: "ended_by_operator", now: start, origin: operator });
    const until = start + 900 + 300;
    expect(await clean(until + day)).toEqual({});
    expect(await clean(until + day + 1)).toEqual({ revocations: 2 });
    const page = await store().readRevocations({ after: 0, now: until + day + 1 });
    expect(page).toMatchObject({ last: 3, rows: [{ n: 3, until: start + 5 * day + 300 }] });
    const late = { kid: "k", now: until + day + 1, origin: operator };
    const key = await revoking(store(), (own) => own.revokeSigningKey(late));
    expect(key.revocations).toMatchObject([{ n: 4 }]);
    expect(await clean(start + 20 * day)).toMatchObject({ revocations: 1 });
    // A reader that stopped at the first number gets all revocations that are still in force.
    expect(await store().readRevocations({ after: 1, now: start + 20 * day })).toMatchObject({
      epoch: page.epoch,
      last: 4,
      rows: [{ n: 4, kind: "signing_key" }],
    });
    // A stolen key stays revoked.
    await clean(start + 4000 * day);
    expect((await store().readRevocations({ after: 0, now: start + 4000 * day })).rows).toMatchObject([{ n: 4 }]);
  });

  it("mails and used login transactions stay a day, and invitations a month, behind their end", async () => {
    await addUser(store());
    await store().queueMail(mailRequest());
    await store().createInvitation({ invitation: invitation(), mail: undefined, origin: operator });
    await store().raiseAlarm({
      userId: ann.id,
      mailbox: "none",
      ownUser: undefined,
      attempt: attempt(),
      reset: { claims: {}, language: "en", until: start },
      now: start,
      origin: operator,
      spend: { hash: "spent", until: start + 660, idempotency: undefined },
    });
    expect(await clean(start + 600 + day)).toEqual({});
    expect(await clean(start + 600 + day + 1)).toEqual({ mail: 1 });
    expect(await clean(start + 660 + day + 1)).toEqual({ spent: 1 });
    expect(await clean(start + 604_800 + 30 * day)).not.toHaveProperty("invites");
    expect(await clean(start + 604_800 + 30 * day + 1)).toMatchObject({ invites: 1 });
  });

  it("audit rows stay as long as configured, to the second, or for ever", async () => {
    const entry = (at: number) => store().recordAudit({ at, event: "login_rejected", origin });
    for (const at of [start, start + 5, start + 6]) await entry(at);
    expect(await clean(start + 90 * day)).toEqual({});
    expect(await clean(start + 900 * day, { auditKeepSeconds: 0 })).toEqual({});
    expect(await clean(start + 90 * day + 6)).toEqual({ audit: 2 });
    expect(await eventsOf(store())).toEqual(["login_rejected"]);
  });

  it("a streak of failures outlives the window by a month after the last failure", async () => {
    const tries = { ...attempt({ lockAfter: 3 }), now: start };
    const allow = (now: number) =>
      store().allowAttempt({ ...tries, now, origin, event: "login_throttled", account: { canonical: ann.canonical } });
    await addUser(store());
    for (const _ of [1, 2, 3]) {
      expect(await allow(start)).toEqual({ outcome: "allowed" });
      await store().settleAttempt({ ...tries, outcome: "failed", login: ann.login, audit: undefined });
    }
    expect(await clean(start + 29 * day)).toEqual({ sources: 1 });
    expect(await allow(start + 29 * day)).toMatchObject({ outcome: "rejected", locked: true });
    expect(await clean(start + 31 * day)).toMatchObject({ attempts: 1 });
    expect(await allow(start + 31 * day)).toEqual({ outcome: "allowed" });
  });

  it("the rows of a killed import are deleted, and those of a published or running import stay", async () => {
    const staged = (id: string, line: number) => ({ ...ann, id, canonical: id, hashKind: null, line });
    const stage = async (now: number, ids: readonly string[]) => {
      const n = await store().startImport({ now, trial: false });
      await store().stageUsers({ n, users: ids.map((id, index) => staged(id, index + 1)), displaces: true, now });
      return n;
    };
    await store().publishImport({ n: await stage(start, ["kept"]), now: start, origin: operator, detail: {} });
    const killed = await stage(
      start,
      Array.from({ length: 700 }, (_, index) => `left-${index}`),
    );
    const alive = await stage(start + 50, ["alive"]);
    expect(await clean(start + 60)).toEqual({});
    expect(await clean(start + 61)).toEqual({ imports: 700 });
    expect(await store().publishImport({ n: killed, now: start + 61, origin: operator, detail: {} })).toEqual({
      outcome: "dropped",
    });
    const outcome = await store().publishImport({ n: alive, now: start + 61, origin: operator, detail: {} });
    expect([outcome, (await store().findUser("kept"))?.id]).toEqual([{ outcome: "published" }, "kept"]);
  });

  it("many old rows are deleted batch by batch, each of them once", async () => {
    for (let at = 0; at < 2050; at += 50)
      await Promise.all(
        Array.from({ length: 50 }, () => store().recordAudit({ at: start + at, event: "login_rejected", origin })),
      );
    expect(await byHand("one", start + 91 * day)).toBe("taken");
    const batches = [];
    let next: OldRowsCursor | undefined;
    do {
      const done: Batch | undefined = await remove("one", start + 91 * day, "audit", { next });
      if (done === undefined) throw new Error("the lease was lost");
      batches.push(done.rows);
      next = done.next;
    } while (next);
    expect(batches).toEqual([1000, 1000, 50]);
    expect(await eventsOf(store())).toEqual([]);
  });
}
