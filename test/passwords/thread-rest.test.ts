import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRest, spareMs, waitedForCoreMs } from "../../dist/passwords/thread-rest.js";

const job = (tookMs: number, waitedMs: number) => ({ tookMs, waitedMs });

describe("the rest between two passwords", () => {
  it("is none for what is chance: a job here and there that waited", () => {
    const rest = createRest();
    for (let turn = 0; turn < 50; turn++) expect(rest.after(turn % 10 === 0 ? job(10, 5) : job(5, 0))).toBe(0);
    expect(rest.crowded).toBe(false);
  });

  it("is four times what the thread waited, once jobs wait again and again", () => {
    const rest = createRest();
    for (let turn = 0; turn < 10; turn++) rest.after(job(20, 15));
    expect(rest.crowded).toBe(true);
    expect(rest.after(job(20, 15))).toBe(60);
    expect(rest.after(job(5, 0))).toBe(0);
  });

  it("ends when nobody else wants the cores", () => {
    const rest = createRest();
    for (let turn = 0; turn < 100; turn++) rest.after(job(20, 19));
    for (let turn = 0; turn < 10; turn++) rest.after(job(5, 0));
    expect(rest.crowded).toBe(false);
  });

  it("is never longer than 150 ms, and none at all where it is not wanted", () => {
    const jobs = fc.array(
      fc.record({ tookMs: fc.double({ min: 0, noNaN: true }), waitedMs: fc.double({ min: 0, noNaN: true }) }),
    );
    fc.assert(
      fc.property(jobs, (all) => {
        const [rest, none] = [createRest(), createRest(false)];
        for (const each of all) {
          const ms = rest.after(each);
          expect(ms >= 0 && ms <= 150).toBe(true);
          expect(none.after(each)).toBe(0);
        }
      }),
    );
  });

  it("is no longer than those who wait can spare: resting so long, the threads have them all done by half their patience", () => {
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
        // Where the passwords alone take longer, nobody rests.
        if (spare > 0) expect(doneMs).toBeCloseTo(crowd.patienceMs / 2, 6);
        else expect(turns * crowd.meanMs + 1e-6).toBeGreaterThanOrEqual(crowd.patienceMs / 2);
      }),
    );
  });

  it("is told by the kernel: what a thread waits for a core only grows", () => {
    const before = waitedForCoreMs();
    expect(before).toBeGreaterThanOrEqual(0);
    expect(waitedForCoreMs()).toBeGreaterThanOrEqual(before);
  });
});
