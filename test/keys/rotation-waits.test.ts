import { expect, it } from "vitest";
import { activateWaitSeconds, retireWaitSeconds } from "../../dist/keys/rotation-waits.js";

const [minute, day] = [60, 86_400];
const usual = {
  tokenTtl: 900,
  tokenLeeway: 60,
  tokenForeignTtl: day,
  sessionIdleTtl: 14 * day,
  sessionTtl: 90 * day,
};

it("a key waits 20 minutes until it signs, and 14 days and 6 minutes until it goes, if nothing else is configured", () => {
  expect(activateWaitSeconds).toBe(20 * minute);
  expect(retireWaitSeconds(usual)).toBe(14 * day + 6 * minute);
});

it("a key goes when the longest-lived of all that it signed has expired", () => {
  expect(retireWaitSeconds({ ...usual, sessionTtl: 2 * day })).toBe(2 * day + 6 * minute);
  expect(retireWaitSeconds({ ...usual, sessionIdleTtl: 3600 })).toBe(day + 6 * minute);
  expect(retireWaitSeconds({ ...usual, sessionIdleTtl: 3600, tokenForeignTtl: 0 })).toBe(3600 + 6 * minute);
  expect(retireWaitSeconds({ ...usual, sessionIdleTtl: 1, tokenForeignTtl: 0, tokenLeeway: 300 })).toBe(2100 - 600);
});
