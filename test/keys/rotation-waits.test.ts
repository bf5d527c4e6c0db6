import { expect, it } from "vitest";
import { activateWaitSeconds, retireWaitSeconds } from "../../dist/keys/rotation-waits.js";

const [minute, day] = [60, 86_400];
const defaults = {
  tokenTtl: 900,
  tokenLeeway: 60,
  tokenForeignTtl: day,
  sessionIdleTtl: 14 * day,
  sessionTtl: 90 * day,
};

it("a key signs after 20 minutes and is retired after 14 days and 6 minutes by default", () => {
  expect(activateWaitSeconds).toBe(20 * minute);
  expect(retireWaitSeconds(defaults)).toBe(14 * day + 6 * minute);
});

it("a key is retired when every token that it signed has expired", () => {
  expect(retireWaitSeconds({ ...defaults, sessionTtl: 2 * day })).toBe(2 * day + 6 * minute);
  expect(retireWaitSeconds({ ...defaults, sessionIdleTtl: 3600 })).toBe(day + 6 * minute);
  expect(retireWaitSeconds({ ...defaults, sessionIdleTtl: 3600, tokenForeignTtl: 0 })).toBe(3600 + 6 * minute);
  expect(retireWaitSeconds({ ...defaults, sessionIdleTtl: 1, tokenForeignTtl: 0, tokenLeeway: 300 })).toBe(2100 - 600);
});
