import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createPasswordQueue, type PasswordQueue } from "../../dist/passwords/queue.js";

function takeAll(queue: PasswordQueue<string>): string[] {
  const taken: string[] = [];
  for (let job = queue.take(); job !== undefined; job = queue.take()) taken.push(job);
  return taken;
}

describe("the queue of passwords", () => {
  it("the keys take turns, and each key keeps its order", () => {
    const queue = createPasswordQueue<string>();
    for (const job of ["a1", "a2", "a3", "a4", "b1", "b2", "c1"]) queue.add(job, job.slice(0, 1), false);
    expect(takeAll(queue)).toEqual(["a1", "b1", "c1", "a2", "b2", "a3", "a4"]);
    expect(queue.size).toBe(0);
  });

  it("jobs with priority come first, and jobs without it get one turn in four", () => {
    const queue = createPasswordQueue<string>();
    for (const n of [1, 2, 3]) queue.add(`low${n}`, `low${n}`, false);
    for (const n of [1, 2, 3, 4, 5]) queue.add(`high${n}`, `high${n}`, true);
    expect(takeAll(queue)).toEqual(["high1", "high2", "high3", "low1", "high4", "high5", "low2", "low3"]);
  });

  it("the queue reports how many jobs precede a new job", () => {
    const queue = createPasswordQueue<string>();
    for (let n = 0; n < 50; n += 1) queue.add(`flood${n}`, "flood", false);
    queue.add("other", "other", false);
    expect(queue.ahead("flood", false)).toBe(51);
    expect(queue.ahead("other", false)).toBe(3);
    expect(queue.ahead("new", false)).toBe(2);
    expect(queue.ahead("new", true)).toBe(0);
    queue.add("known", "known", true);
    expect(queue.ahead("new", false)).toBe(3);
  });

  it("a full queue displaces the newest job of the key with the most jobs, but not for a key that has as many", () => {
    const queue = createPasswordQueue<string>();
    for (const job of ["a1", "a2", "a3", "b1"]) queue.add(job, job.slice(0, 1), false);
    expect(queue.displace("a", false)).toBeUndefined();
    expect(queue.displace("c", false)).toBe("a3");
    expect(queue.displace("b", false)).toBeUndefined();
    expect(queue.displace("k", true)).toBe("a2");
    expect(queue.displace("k", true)).toBe("a1");
    expect(queue.displace("k", true)).toBe("b1");
    expect(queue.displace("k", true)).toBeUndefined();
    expect(queue.size).toBe(0);
  });

  it("a job without priority never displaces a job with priority", () => {
    const queue = createPasswordQueue<string>();
    for (const job of ["a1", "a2", "a3"]) queue.add(job, "a", true);
    expect(queue.displace("b", false)).toBeUndefined();
    expect(queue.displace("b", true)).toBe("a3");
  });

  it("the queue forgets a removed job, and its key with the last job", () => {
    const queue = createPasswordQueue<string>();
    for (const job of ["a1", "a2", "b1"]) queue.add(job, job.slice(0, 1), false);
    queue.remove("a1");
    queue.remove("b1");
    queue.remove("unknown");
    expect([queue.size, takeAll(queue)]).toEqual([1, ["a2"]]);
  });

  it("every job is taken exactly once, in any sequence of steps", () => {
    const step = fc.oneof(
      fc.record({ key: fc.constantFrom("a", "b", "c"), priority: fc.boolean() }),
      fc.constant("take"),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const queue = createPasswordQueue<string>();
        const added: string[] = [];
        const taken: string[] = [];
        for (const each of steps) {
          if (typeof each === "string") {
            const before = queue.size;
            const job = queue.take();
            expect(job === undefined).toBe(before === 0);
            if (job !== undefined) taken.push(job);
          } else {
            added.push(String(added.length));
            queue.add(String(added.length - 1), each.key, each.priority);
          }
        }
        taken.push(...takeAll(queue));
        expect([...taken].sort()).toEqual([...added].sort());
      }),
      { seed: 20260101 },
    );
  });
});
