// Timers stand still here and are moved by hand: what is looked at is how long a failure would be held.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AmphoError } from "../../dist/errors.js";
import { createFailureDelay } from "../../dist/passwords/failure-delay.js";

const bcrypt = "$2b$10$abcdefghijklmnopqrstuuWPXQG2bmuJOxSGaCHmO0n2PKpaKVRIe";
const bcryptKind = "bcrypt bcrypt 1100";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

interface Failure {
  readonly stored?: string;
  readonly password?: string;
  readonly tookMs: number;
}

function open(kinds: () => readonly string[]) {
  let nowMs = 0;
  let reads = 0;
  const store = {
    listHashKinds: async () => {
      reads += 1;
      return kinds();
    },
  };
  const delay = createFailureDelay(store, { monotonicMs: () => nowMs });
  return {
    /** For how many milliseconds it is held. */
    async hold({ stored, password = "wrong", tookMs }: Failure): Promise<number> {
      let heldMs: number | undefined;
      const start = Date.now();
      const held = delay.wait({ stored, password, tookMs }).then(() => {
        heldMs = Date.now() - start;
      });
      while (heldMs === undefined) await vi.advanceTimersByTimeAsync(1);
      await held;
      return heldMs;
    },
    pass: (ms: number) => {
      nowMs += ms;
    },
    reads: () => reads,
  };
}

describe("a wrong password", () => {
  it("is answered at once where all hashes are of today", async () => {
    const { hold } = open(() => []);
    for (const tookMs of [7, 30, 7]) expect(await hold({ tookMs })).toBeLessThanOrEqual(1);
  });

  it("is answered when the slowest hash would have been verified, whatever was", async () => {
    const { hold } = open(() => [bcryptKind, "ldap-ssha sha1 1"]);
    await hold({ tookMs: 7 });
    const slowest = 7 + (await hold({ tookMs: 7 }));
    const real = 60 + (await hold({ stored: bcrypt, tookMs: 60 }));
    const fast = 0.01 + (await hold({ stored: "{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9hhbXBoLXNhbHQ=", tookMs: 0.01 }));
    for (const total of [real, fast]) expect(Math.abs(total - slowest)).toBeLessThanOrEqual(2);
    expect(slowest).toBeGreaterThan(50);
  });

  it("is held for longer once a verification took longer", async () => {
    const { hold } = open(() => [bcryptKind]);
    await hold({ tookMs: 7 });
    expect(await hold({ stored: bcrypt, tookMs: 400 })).toBe(0);
    expect(Math.abs(400 - (7 + (await hold({ tookMs: 7 }))))).toBeLessThanOrEqual(10);
  });

  it("is not held for less because of a guess at one account", async () => {
    const { hold } = open(() => [bcryptKind]);
    await hold({ tookMs: 14 });
    const before = await hold({ tookMs: 14 });
    for (let guess = 0; guess < 20; guess += 1) await hold({ stored: bcrypt, tookMs: 20 });
    expect(await hold({ tookMs: 14 })).toBe(before);
  });

  it("of many bytes is held for as long as it would take the formats whose cost grows with them", async () => {
    const { hold } = open(() => ["sha512-crypt sha512 100000"]);
    await hold({ tookMs: 7 });
    const short = await hold({ tookMs: 7, password: "x" });
    expect(await hold({ tookMs: 7, password: "x".repeat(600) })).toBeGreaterThan(short + 50);
  });

  it("of two forms is held twice as long: both are tried", async () => {
    const { hold } = open(() => [bcryptKind]);
    await hold({ tookMs: 7 });
    const one = 7 + (await hold({ tookMs: 7, password: "\u00e9" }));
    const two = 14 + (await hold({ tookMs: 14, password: "e\u0301" }));
    expect(Math.abs(two - 2 * one)).toBeLessThanOrEqual(4);
  });

  it("is never held for more than three seconds", async () => {
    const { hold } = open(() => ["bcrypt bcrypt 900000"]);
    expect(3000 - (await hold({ tookMs: 7 }))).toBeLessThanOrEqual(8);
  });

  it("asks the store for the formats at most every ten seconds, and only once at a time", async () => {
    let kinds: readonly string[] = [];
    const world = open(() => kinds);
    await Promise.all([world.hold({ tookMs: 7 }), world.hold({ tookMs: 7 })]);
    kinds = [bcryptKind];
    world.pass(9_999);
    expect(await world.hold({ tookMs: 7 })).toBeLessThanOrEqual(1);
    expect(world.reads()).toBe(1);
    world.pass(1);
    expect(await world.hold({ tookMs: 7 })).toBeGreaterThan(10);
    expect(world.reads()).toBe(2);
  });

  it("is held as before while the store is away", async () => {
    let away = false;
    const world = open(() => {
      if (away) throw new AmphoError("unavailable", "away");
      return [bcryptKind];
    });
    await world.hold({ tookMs: 7 });
    const before = await world.hold({ tookMs: 7 });
    away = true;
    world.pass(20_000);
    expect(await world.hold({ tookMs: 7 })).toBe(before);
  });

  it("at a hash that was imported a moment ago counts at once", async () => {
    const { hold } = open(() => []);
    await hold({ tookMs: 7 });
    await hold({ stored: bcrypt, tookMs: 60 });
    expect(await hold({ tookMs: 7 })).toBeGreaterThan(40);
  });

  it("ignores kinds that another version wrote", async () => {
    const { hold } = open(() => ["later-format quantum 12", "odd"]);
    expect(await hold({ tookMs: 7 })).toBeLessThanOrEqual(1);
  });
});
