// The follower over a real store: what it reads, how old that is, and clocks that step.
import { describe, expect, it, onTestFinished } from "vitest";
import { followRevocations } from "../../dist/sessions/follow-revocations.js";
import { createRevocationSet, databaseNames } from "../../dist/sessions/revocation-set.js";
import { openSqlite } from "../../dist/store/sqlite/store.js";
import { settableClock, start } from "../world/clock.js";

async function openFollower() {
  const store = await openSqlite({ memory: true, migrate: true, log: () => undefined });
  onTestFinished(() => store.close());
  const clock = settableClock();
  const revocations = createRevocationSet(databaseNames, () => undefined);
  const reports: string[] = [];
  const follower = followRevocations({ store, revocations, clock, report: (state) => void reports.push(state) });
  onTestFinished(() => follower.stop());
  let random = 0;
  /** A session that another process opens and ends. */
  const end = async () => {
    const made = await store.grantSession({
      userId: "u1",
      login: "ann",
      now: clock.now(),
      accessTtlSeconds: 900,
      idleSeconds: 10_000,
      amr: ["pwd"],
      provenAt: clock.now(),
      gate: { roles: [], rolePolicies: {} },
      create: { random: `random-${random++}`, maxSeconds: 50_000, sessionsPerUser: 100 },
      origin: { actor: "user" },
      stored: false,
    });
    if (made.outcome !== "granted") throw new Error("The session was rejected.");
    const { id } = made.session;
    await store.endSession({ id, userId: undefined, reason: "logout", now: clock.now(), origin: { actor: "user" } });
    return { login: "ann", sid: id };
  };
  return { store, clock, revocations, follower, end, reports };
}

describe("the follower of revocations", () => {
  it("the follower measures its lag on the monotonic clock", async () => {
    const { follower, clock } = await openFollower();
    expect(follower.lagSeconds()).toBeUndefined();
    await follower.read();
    expect(follower.lagSeconds()).toBe(0);
    clock.advance(7);
    expect(follower.lagSeconds()).toBe(7);
    clock.advance(-3600);
    expect(follower.lagSeconds()).toBe(7);
  });

  it("the follower reads the rows of other processes, also after a failure", async () => {
    const { store, follower, revocations, end } = await openFollower();
    await follower.read();
    const claims = await end();
    await follower.read();
    expect(revocations.find(claims)).toBe("session");
    await store.close();
    await expect(follower.read()).rejects.toMatchObject({ code: "unavailable" });
  });

  it("requests wait for a read after a pause of the process, and continue if it fails", async () => {
    const { store, follower, revocations, clock, end } = await openFollower();
    await follower.read();
    const claims = await end();
    expect(follower.pendingRead()).toBeUndefined();
    clock.advance(1);
    const waiting = follower.pendingRead();
    expect(waiting).toBeDefined();
    expect(follower.pendingRead(), "the next one waits for the same").toBe(waiting);
    await waiting;
    expect(revocations.find(claims)).toBe("session");
    expect(follower.pendingRead()).toBeUndefined();
    await store.close();
    clock.advance(1);
    await follower.pendingRead();
    expect(follower.pendingRead()).toBeUndefined();
  });

  it("a row that a clock ahead has dropped takes effect again with the corrected clock", async () => {
    const { follower, revocations, clock, end } = await openFollower();
    const claims = await end();
    await follower.read();
    clock.advance(86_400);
    await follower.read();
    clock.advance(-86_400);
    await follower.read();
    expect(clock.now()).toBe(start);
    expect(revocations.find(claims)).toBe("session");
  });

  it("a row from a time when the clock was ahead takes effect with the corrected clock", async () => {
    const { store, follower, revocations, clock, end } = await openFollower();
    await follower.read();
    const claims = await end();
    clock.advance(86_400);
    await follower.read();
    expect(revocations.size).toBe(0);
    clock.advance(-86_400);
    await follower.read();
    expect(revocations.find(claims)).toBe("session");
    expect((await store.readRevocations({ after: 0, now: start })).rows).toHaveLength(1);
  });
});
