import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Counter,
  type CounterLimits,
  counterAt,
  emptyCounter,
  failAttempt,
  isEmpty,
  type Judgement,
  judgeCounter,
  pendingSeconds,
  resetStreak,
  returnAttempt,
  succeedAttempt,
  takeAttempt,
  waitSeconds,
} from "../../dist/throttle/attempt-counter.js";

const limits: CounterLimits = { freeAttempts: 5, windowSeconds: 900, lockAfter: 100 };
const start = 1_790_000_000;
const here = "192.0.2.7";

const judge = (counter: Counter, now: number): Judgement => judgeCounter(counterAt(counter, limits, now), limits, now);

function fail(counter: Counter, now: number, from: string | undefined = here): Counter {
  return failAttempt(takeAttempt(counterAt(counter, limits, now), now), from, limits, now);
}

function failTimes(count: number, now: number, from?: string): Counter {
  return Array.from({ length: count }).reduce<Counter>((counter) => fail(counter, now, from), emptyCounter);
}

describe("a counter of tries", () => {
  it("a counter allows the free attempts without a wait, and then doubles each wait", () => {
    expect([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1000].map((failures) => waitSeconds(failures, limits))).toEqual([
      0, 0, 0, 0, 60, 120, 240, 480, 900, 900, 900,
    ]);
  });

  it("a counter reports to the second when the next attempt is allowed", () => {
    const counter = failTimes(5, start);
    expect(judge(counter, start)).toEqual({ outcome: "rejected", locked: false, retryAfterSeconds: 60 });
    expect(judge(counter, start + 59)).toEqual({ outcome: "rejected", locked: false, retryAfterSeconds: 1 });
    expect(judge(counter, start + 60)).toEqual({ outcome: "allowed" });
  });

  it("a counter allows one attempt at a time after the free ones", () => {
    const taken = takeAttempt(counterAt(failTimes(5, start), limits, start + 60), start + 60);
    expect(judge(taken, start + 60)).toEqual({ outcome: "pending" });
    expect(judge(returnAttempt(taken), start + 60)).toEqual({ outcome: "allowed" });
  });

  it("a counter counts an attempt while its password is checked", () => {
    let counter = emptyCounter;
    for (let taken = 0; taken < 5; taken++) {
      expect(judge(counter, start)).toEqual({ outcome: "allowed" });
      counter = takeAttempt(counter, start);
    }
    expect(judge(counter, start)).toEqual({ outcome: "pending" });
  });

  it("a counter counts an unsettled attempt as failed", () => {
    const left = Array.from({ length: 5 }).reduce<Counter>((counter) => takeAttempt(counter, start), emptyCounter);
    expect(judge(left, start + pendingSeconds)).toMatchObject({ outcome: "rejected", retryAfterSeconds: 60 });
    expect(counterAt(left, limits, start + pendingSeconds)).toMatchObject({ failures: 5, streak: 5, pending: 0 });
  });

  it("a counter forgets failures after a quiet window, but not the streak", () => {
    const counter = failTimes(5, start);
    expect(counterAt(counter, limits, start + 60 + 899)).toMatchObject({ failures: 5 });
    expect(counterAt(counter, limits, start + 60 + 900)).toMatchObject({ failures: 0, streak: 5, nextAt: 0 });
  });

  it("a counter rejects attempts after too many failures in a row, until it is reset", () => {
    let counter = emptyCounter;
    let now = start;
    for (let failed = 0; failed < 100; failed++) {
      expect(judge(counter, now)).toEqual({ outcome: "allowed" });
      counter = fail(counter, now);
      now += 86_400;
    }
    expect(judge(counter, now)).toMatchObject({ outcome: "rejected", locked: true });
    expect(judge(resetStreak(counter), now)).toEqual({ outcome: "allowed" });
  });

  it("a counter allows no more concurrent attempts than are left of the streak", () => {
    const many: CounterLimits = { ...limits, freeAttempts: 1000, lockAfter: 3 };
    let counter = emptyCounter;
    let allowed = 0;
    while (judgeCounter(counter, many, start).outcome === "allowed") {
      counter = takeAttempt(counter, start);
      allowed++;
    }
    expect(allowed).toBe(3);
  });

  it("a success forgives the failures of its own source and no others", () => {
    const mixed = fail(fail(failTimes(3, start, "198.51.100.1"), start), start);
    expect(judge(mixed, start)).toMatchObject({ outcome: "rejected" });
    const own = succeedAttempt(takeAttempt(mixed, start), here, limits);
    expect(own).toMatchObject({ failures: 3, streak: 0, nextAt: 0, pending: 0 });
    expect(succeedAttempt(takeAttempt(mixed, start), "203.0.113.9", limits)).toMatchObject({ failures: 5, streak: 0 });
    expect(succeedAttempt(takeAttempt(mixed, start), undefined, limits)).toMatchObject({ failures: 5, streak: 0 });
  });

  it("a counter is empty after a success that followed failures of the same source", () => {
    expect(isEmpty(succeedAttempt(takeAttempt(failTimes(4, start), start), here, limits))).toBe(true);
  });

  it("a clock that was set back makes no wait longer", () => {
    const counter = failTimes(9, start);
    expect(judge(counter, start - 100_000)).toEqual({ outcome: "allowed" });
  });

  it("the longest wait also applies to a caller that read its clock before the failure", () => {
    const counter = failTimes(9, start);
    for (const behind of [1, 6]) expect(judge(counter, start - behind)).toMatchObject({ outcome: "rejected" });
  });

  it("a counter keeps an attempt that another clock took a moment later", () => {
    const taken = takeAttempt(failTimes(5, start - 60), start);
    for (const behind of [1, 6]) {
      expect(counterAt(taken, limits, start - behind)).toEqual(taken);
      expect(judge(taken, start)).toEqual({ outcome: "pending" });
    }
  });

  it("an attacker gets about five attempts in a window, whatever the timing", () => {
    const pauses = fc.array(fc.integer({ min: 0, max: 2000 }), { minLength: 50, maxLength: 400 });
    fc.assert(
      fc.property(pauses, (all) => {
        const unlocked: CounterLimits = { ...limits, lockAfter: 1_000_000 };
        let counter = emptyCounter;
        let now = start;
        const tried: number[] = [];
        for (const pause of all) {
          now += pause;
          const at = counterAt(counter, unlocked, now);
          if (judgeCounter(at, unlocked, now).outcome !== "allowed") continue;
          counter = failAttempt(takeAttempt(at, now), here, unlocked, now);
          tried.push(now);
        }
        // Five at once, and behind them those whose waits of 1, 2 and 4 minutes fit into the window.
        for (const from of tried) {
          const within = tried.filter((at) => at >= from && at < from + limits.windowSeconds).length;
          expect(within).toBeLessThanOrEqual(8);
        }
        expect(tried.length).toBeLessThanOrEqual(9 + (5 * (now - start)) / limits.windowSeconds);
      }),
    );
  });
});

describe("a counter of mails", () => {
  const mails: CounterLimits = { freeAttempts: 5, windowSeconds: 3600, lockAfter: 100, everySeconds: 60 };

  /** The times at which requests after these pauses are allowed. */
  function allowedAfter(pauses: readonly number[], of: CounterLimits): readonly number[] {
    let counter = emptyCounter;
    let now = start;
    return pauses.flatMap((pause) => {
      now += pause;
      const at = counterAt(counter, of, now);
      const judgement = judgeCounter(at, of, now);
      expect(judgement).not.toMatchObject({ locked: true });
      if (judgement.outcome !== "allowed") return [];
      counter = failAttempt(takeAttempt(at, now), here, of, now);
      return [now];
    });
  }

  it("a counter of mails allows no more than its free attempts in any window, with a pause after each, and never locks", () => {
    const pauses = fc.array(fc.integer({ min: 0, max: 4000 }), { minLength: 1, maxLength: 300 });
    const few = fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(fc.oneof(pauses, few), fc.integer({ min: 1, max: 40 }), (all, freeAttempts) => {
        const sent = allowedAfter(all, { ...mails, freeAttempts });
        for (const from of sent) {
          expect(sent.filter((at) => at >= from && at < from + 60).length).toBe(1);
          expect(sent.filter((at) => at >= from && at < from + 3600).length).toBeLessThanOrEqual(freeAttempts);
        }
      }),
    );
  });

  it.each([
    [20, 0, 600],
    [20, 0, 180],
    [5, 60, 1500],
    [5, 60, 720],
  ])(
    "a counter of %i mails an hour, with a pause of %i s, always allows one in %i s",
    (freeAttempts, everySeconds, pause) => {
      const pauses = Array.from({ length: 500 }, () => pause);
      expect(allowedAfter(pauses, { ...mails, freeAttempts, everySeconds })).toHaveLength(500);
    },
  );

  it.each([
    [20, 0],
    [5, 60],
    [100, 0],
  ])(
    "a counter of %i mails an hour, with a pause of %i s, allows about as many in each hour of a flood",
    (freeAttempts, everySeconds) => {
      const pauses = Array.from({ length: 12 * 360 }, () => 10);
      const sent = allowedAfter(pauses, { ...mails, freeAttempts, everySeconds }).length;
      expect(sent).toBeGreaterThanOrEqual(10 * freeAttempts);
      expect(sent).toBeLessThanOrEqual(13 * freeAttempts);
    },
  );

  it("a counter of mails forgets times that lie in the future, and never waits longer than a window", () => {
    let counter = emptyCounter;
    for (let sent = 0; sent < 5; sent += 1) counter = failAttempt(counter, here, mails, start + 60 * sent);
    expect(judgeCounter(counterAt(counter, mails, start + 300), mails, start + 300)).toEqual({
      outcome: "rejected",
      locked: false,
      retryAfterSeconds: 3300,
    });
    const back = counterAt(counter, mails, start - 100_000);
    expect(back).toMatchObject({ failures: 0, nextAt: 0 });
  });

  it("a counter of mails allows one request at a time", () => {
    const taken = takeAttempt(emptyCounter, start);
    expect(judgeCounter(taken, mails, start)).toEqual({ outcome: "pending" });
  });
});
