import { describe, expect, it } from "vitest";
import { pendingSeconds } from "../../src/throttle/attempt-counter.js";
import {
  emptyPlace,
  failTryAt,
  isUnused,
  judgePlace,
  type Place,
  type PlaceLimits,
  placeAt,
  returnTryAt,
  succeedTryAt,
  takeTryAt,
} from "../../src/throttle/source-limit.js";

const limits: PlaceLimits = { logins: 3, windowSeconds: 900 };
const start = 1_790_000_000;

const judge = (place: Place, subject: string, now: number) =>
  judgePlace(placeAt(place, limits, now), subject, limits, now);

function fail(place: Place, subject: string, now: number): Place {
  return failTryAt(takeTryAt(placeAt(place, limits, now), subject, now), subject, limits, now);
}

const failAll = (place: Place, subjects: readonly string[], now: number): Place =>
  subjects.reduce((before, subject) => fail(before, subject, now), place);

describe("an address", () => {
  it("may fail at so many different logins, and then at no other until the window is over", () => {
    const full = failAll(emptyPlace, ["a", "b", "c"], start);
    expect(judge(full, "d", start)).toEqual({ outcome: "refused", locked: false, retryAfterSeconds: 900 });
    expect(judge(full, "d", start + 899)).toEqual({ outcome: "refused", locked: false, retryAfterSeconds: 1 });
    expect(judge(full, "d", start + 900)).toEqual({ outcome: "admitted" });
  });

  it("may go on with the logins that it tried: those count for themselves", () => {
    expect(judge(failAll(emptyPlace, ["a", "b", "c"], start), "b", start)).toEqual({ outcome: "admitted" });
  });

  it("counts a login once, however often it fails", () => {
    const place = failAll(emptyPlace, ["a", "a", "a", "a", "b"], start);
    expect(judge(place, "c", start)).toEqual({ outcome: "admitted" });
  });

  it("waits twice as long each time that it comes back at once", () => {
    let place = emptyPlace;
    let now = start;
    const waits: number[] = [];
    for (let round = 0; round < 7; round++) {
      place = failAll(
        place,
        ["a", "b", "c"].map((name) => name + round),
        now,
      );
      const refused = judge(place, "other", now);
      if (refused.outcome !== "refused") throw new Error("it was let in");
      waits.push(refused.retryAfterSeconds);
      now += refused.retryAfterSeconds;
    }
    expect(waits).toEqual([900, 1800, 3600, 7200, 14_400, 14_400, 14_400]);
    place = placeAt(place, limits, now + 4 * 900);
    expect(isUnused(place)).toBe(true);
  });

  it("lets no burst of different logins through while they are being looked at", () => {
    const taken = ["a", "b", "c"].reduce((place, subject) => takeTryAt(place, subject, start), emptyPlace);
    expect(judge(taken, "d", start)).toEqual({ outcome: "pending" });
    expect(judge(returnTryAt(taken, "b"), "d", start)).toEqual({ outcome: "admitted" });
    expect(judge(taken, "d", start + pendingSeconds)).toMatchObject({ outcome: "refused" });
  });

  it("is not charged for a login whose password was right in the end", () => {
    const place = fail(emptyPlace, "a", start);
    expect(isUnused(succeedTryAt(takeTryAt(place, "a", start), "a"))).toBe(true);
  });

  it("waits no longer because the clock was set back", () => {
    const full = failAll(emptyPlace, ["a", "b", "c"], start);
    expect(judge(full, "d", start - 1_000_000)).toEqual({ outcome: "admitted" });
  });

  it("holds its longest wait, and the tries of others, against one who read the clock a moment before", () => {
    let place = emptyPlace;
    let now = start;
    for (let level = 0; level < 5; level++) {
      place = failAll(placeAt(place, limits, now), ["a", "b", "c"], now);
      now = place.nextAt;
    }
    const failedAt = now - 14_400;
    expect(judge(place, "d", failedAt - 1)).toMatchObject({ outcome: "refused" });
    const taken = takeTryAt(emptyPlace, "a", start);
    expect(placeAt(taken, limits, start - 1)).toEqual(taken);
  });
});
