import { describe, expect, it } from "vitest";
import { pendingSeconds } from "../../dist/throttle/attempt-counter.js";
import {
  emptySource,
  failAttemptAt,
  isUnused,
  judgeSource,
  returnAttemptAt,
  type SourceLimits,
  type SourceState,
  sourceAt,
  succeedAttemptAt,
  takeAttemptAt,
} from "../../dist/throttle/source-limit.js";

const limits: SourceLimits = { logins: 3, windowSeconds: 900 };
const start = 1_790_000_000;

const judge = (source: SourceState, subject: string, now: number) =>
  judgeSource(sourceAt(source, limits, now), subject, limits, now);

function fail(source: SourceState, subject: string, now: number): SourceState {
  return failAttemptAt(takeAttemptAt(sourceAt(source, limits, now), subject, now), subject, limits, now);
}

const failAll = (source: SourceState, subjects: readonly string[], now: number): SourceState =>
  subjects.reduce((before, subject) => fail(before, subject, now), source);

describe("an address", () => {
  it("a source can fail at a limited number of logins, and then at no other until the window is over", () => {
    const full = failAll(emptySource, ["a", "b", "c"], start);
    expect(judge(full, "d", start)).toEqual({ outcome: "rejected", locked: false, retryAfterSeconds: 900 });
    expect(judge(full, "d", start + 899)).toEqual({ outcome: "rejected", locked: false, retryAfterSeconds: 1 });
    expect(judge(full, "d", start + 900)).toEqual({ outcome: "allowed" });
  });

  it("a source can continue with the logins that it attempted before", () => {
    expect(judge(failAll(emptySource, ["a", "b", "c"], start), "b", start)).toEqual({ outcome: "allowed" });
  });

  it("a source counts a login once, however often it fails", () => {
    const source = failAll(emptySource, ["a", "a", "a", "a", "b"], start);
    expect(judge(source, "c", start)).toEqual({ outcome: "allowed" });
  });

  it("a source waits twice as long each time that it comes back at once", () => {
    let source = emptySource;
    let now = start;
    const waits: number[] = [];
    for (let round = 0; round < 7; round++) {
      source = failAll(
        source,
        ["a", "b", "c"].map((name) => name + round),
        now,
      );
      const rejected = judge(source, "other", now);
      if (rejected.outcome !== "rejected") throw new Error("It was accepted.");
      waits.push(rejected.retryAfterSeconds);
      now += rejected.retryAfterSeconds;
    }
    expect(waits).toEqual([900, 1800, 3600, 7200, 14_400, 14_400, 14_400]);
    source = sourceAt(source, limits, now + 4 * 900);
    expect(isUnused(source)).toBe(true);
  });

  it("a source allows no burst of different logins while their passwords are checked", () => {
    const taken = ["a", "b", "c"].reduce((source, subject) => takeAttemptAt(source, subject, start), emptySource);
    expect(judge(taken, "d", start)).toEqual({ outcome: "pending" });
    expect(judge(returnAttemptAt(taken, "b"), "d", start)).toEqual({ outcome: "allowed" });
    expect(judge(taken, "d", start + pendingSeconds)).toMatchObject({ outcome: "rejected" });
  });

  it("a source does not count a login whose password was right in the end", () => {
    const source = fail(emptySource, "a", start);
    expect(isUnused(succeedAttemptAt(takeAttemptAt(source, "a", start), "a"))).toBe(true);
  });

  it("a source waits no longer because the clock was set back", () => {
    const full = failAll(emptySource, ["a", "b", "c"], start);
    expect(judge(full, "d", start - 1_000_000)).toEqual({ outcome: "allowed" });
  });

  it("the longest wait of a source also applies to a caller that read its clock a moment before", () => {
    let source = emptySource;
    let now = start;
    for (let level = 0; level < 5; level++) {
      source = failAll(sourceAt(source, limits, now), ["a", "b", "c"], now);
      now = source.nextAt;
    }
    const failedAt = now - 14_400;
    expect(judge(source, "d", failedAt - 1)).toMatchObject({ outcome: "rejected" });
    const taken = takeAttemptAt(emptySource, "a", start);
    expect(sourceAt(taken, limits, start - 1)).toEqual(taken);
  });
});
