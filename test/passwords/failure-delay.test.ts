// The timers are fake and moved by hand, because the test measures how long a response would wait.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AmphoError } from "../../dist/errors.js";
import { createFailureDelay } from "../../dist/passwords/failure-delay.js";

const bcrypt = "$2b$10$abcdefghijklmnopqrstuuWPXQG2bmuJOxSGaCHmO0n2PKpaKVRIe";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

interface Failure {
  readonly stored?: string;
  readonly tookMs: number;
}

function open(hasOtherHashes: () => boolean) {
  let nowMs = 0;
  let reads = 0;
  const store = {
    hasOtherHashes: async () => {
      reads += 1;
      return hasOtherHashes();
    },
  };
  const delay = createFailureDelay(store, { monotonicMs: () => nowMs });
  return {
    /** The milliseconds from the turn of the verification to the response. */
    async respond({ stored, tookMs }: Failure): Promise<number> {
      let waitedMs: number | undefined;
      const start = Date.now();
      const waiting = delay.wait({ stored, tookMs }).then(() => {
        waitedMs = Date.now() - start;
      });
      while (waitedMs === undefined) await vi.advanceTimersByTimeAsync(1);
      await waiting;
      return tookMs + waitedMs;
    },
    pass: (ms: number) => {
      nowMs += ms;
    },
    reads: () => reads,
  };
}

describe("the response to a wrong password", () => {
  it("a failed login responds at once while every hash is a current one", async () => {
    const { respond } = open(() => false);
    for (const tookMs of [7, 30, 7]) expect(await respond({ tookMs })).toBeLessThanOrEqual(tookMs + 1);
  });

  it("a failed login responds after the same second for every common format while an imported hash exists", async () => {
    const { respond } = open(() => true);
    const failures = [
      { tookMs: 7 },
      { stored: bcrypt, tookMs: 60 },
      { stored: bcrypt, tookMs: 900 },
      { stored: "{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9hhbXBoLXNhbHQ=", tookMs: 0 },
    ];
    for (const failure of failures) expect(Math.abs((await respond(failure)) - 1_000)).toBeLessThanOrEqual(1);
  });

  it("a failed login responds after three seconds once an imported hash took longer than a second", async () => {
    const { respond } = open(() => true);
    const failures = [{ stored: bcrypt, tookMs: 1_900 }, { tookMs: 7 }, { stored: bcrypt, tookMs: 60 }];
    for (const failure of failures) expect(Math.abs((await respond(failure)) - 3_000)).toBeLessThanOrEqual(1);
  });

  it("the delay needs one read of the database in ten seconds, also for concurrent attempts", async () => {
    let exists = false;
    const world = open(() => exists);
    await Promise.all([world.respond({ tookMs: 7 }), world.respond({ tookMs: 7 })]);
    exists = true;
    world.pass(9_999);
    expect(await world.respond({ tookMs: 7 })).toBeLessThanOrEqual(8);
    expect(world.reads()).toBe(1);
    world.pass(1);
    expect(await world.respond({ tookMs: 7 })).toBeGreaterThan(900);
    expect(world.reads()).toBe(2);
  });

  it("a failed login responds at once again when the last imported hash was replaced", async () => {
    let exists = true;
    const world = open(() => exists);
    expect(await world.respond({ tookMs: 7 })).toBeGreaterThan(900);
    exists = false;
    world.pass(10_000);
    expect(await world.respond({ tookMs: 7 })).toBeLessThanOrEqual(8);
  });

  it("the delay keeps its time while the database is unreachable", async () => {
    let unreachable = false;
    const world = open(() => {
      if (unreachable) throw new AmphoError("unavailable", "down");
      return true;
    });
    const before = await world.respond({ tookMs: 7 });
    unreachable = true;
    world.pass(20_000);
    expect(await world.respond({ tookMs: 7 })).toBe(before);
  });

  it("the delay starts with the verification of a hash that was imported a moment ago", async () => {
    const { respond } = open(() => false);
    await respond({ tookMs: 7 });
    await respond({ stored: bcrypt, tookMs: 60 });
    expect(await respond({ tookMs: 7 })).toBeGreaterThan(900);
  });
});
