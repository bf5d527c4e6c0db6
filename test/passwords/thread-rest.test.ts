import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createThreadPause, spareMs, waitedForCoreMs } from "../../dist/passwords/thread-rest.js";

const job = (tookMs: number, waitedMs: number) => ({ tookMs, waitedMs });

describe("the rest between two passwords", () => {
  it("a thread does not pause when only one job in ten waited for a core", () => {
    const rest = createThreadPause();
    for (let turn = 0; turn < 50; turn++) expect(rest.after(turn % 10 === 0 ? job(10, 5) : job(5, 0))).toBe(0);
    expect(rest.crowded).toBe(false);
  });

  it("a pause is four times as long as the job waited, once most jobs wait", () => {
    const rest = createThreadPause();
    for (let turn = 0; turn < 10; turn++) rest.after(job(20, 15));
    expect(rest.crowded).toBe(true);
    expect(rest.after(job(20, 15))).toBe(60);
    expect(rest.after(job(5, 0))).toBe(0);
  });

  it("the pauses end when no other program needs the cores", () => {
    const rest = createThreadPause();
    for (let turn = 0; turn < 100; turn++) rest.after(job(20, 19));
    for (let turn = 0; turn < 10; turn++) rest.after(job(5, 0));
    expect(rest.crowded).toBe(false);
  });

  it("a pause is at most 150 ms long, and a thread without pauses never pauses", () => {
    const jobs = fc.array(
      fc.record({ tookMs: fc.double({ min: 0, noNaN: true }), waitedMs: fc.double({ min: 0, noNaN: true }) }),
    );
    fc.assert(
      fc.property(jobs, (all) => {
        const [rest, none] = [createThreadPause(), createThreadPause(false)];
        for (const each of all) {
          const ms = rest.after(each);
          expect(ms >= 0 && ms <= 150).toBe(true);
          expect(none.after(each)).toBe(0);
        }
      }),
    );
  });

  it("the pauses leave time to complete all waiting jobs within half of their patience", () => {
    expect(spareMs({ patienceMs: 4_800, threads: 1, waiting: 0, meanMs: 25 })).toBe(2_375);
    expect(spareMs({ patienceMs: 4_800, threads: 1, waiting: 95, meanMs: 25 })).toBe(0);
    const crowds = fc.record({
      patienceMs: fc.integer({ min: 1, max: 10_000 }),
      threads: fc.integer({ min: 1, max: 64 }),
      waiting: fc.integer({ min: 0, max: 1_000 }),
      meanMs: fc.double({ min: 0.01, max: 5_000, noNaN: true }),
    });
    fc.assert(
      fc.property(crowds, (crowd) => {
        const [spare, turns] = [spareMs(crowd), (crowd.waiting + crowd.threads) / crowd.threads];
        const doneMs = turns * (crowd.meanMs + spare);
        // Without spare time, the passwords alone take at least that long.
        if (spare > 0) expect(doneMs).toBeCloseTo(crowd.patienceMs / 2, 6);
        else expect(turns * crowd.meanMs + 1e-6).toBeGreaterThanOrEqual(crowd.patienceMs / 2);
      }),
    );
  });

  it("the time that the kernel reports for waiting on a core never decreases", () => {
    const before = waitedForCoreMs();
    expect(before).toBeGreaterThanOrEqual(0);
    expect(waitedForCoreMs()).toBeGreaterThanOrEqual(before);
  });
});
