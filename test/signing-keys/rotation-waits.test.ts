import { expect, it } from "vitest";
import { retireWaitSeconds } from "../../dist/config/lifetimes.js";
import { activateWaitSeconds } from "../../dist/signing-keys/states.js";

const [minute, day] = [60, 86_400];
const defaults = {
  tokenTtl: 900,
  tokenLeeway: 60,
  tokenForeignTtl: day,
  sessionIdleTtl: 14 * day,
  connectionIdleTtl: 0,
  connectionTtl: 365 * day,
  sessionTtl: 90 * day,
  mailedLinkTtl: 7 * day,
};

it("a key signs after 20 minutes and is retired after 14 days and 6 minutes by default", () => {
  expect(activateWaitSeconds).toBe(20 * minute);
  expect(retireWaitSeconds(defaults)).toBe(14 * day + 6 * minute);
});

it("a key is retired when every token and every mailed link that it signed has expired", () => {
  const withoutLinks = { ...defaults, mailedLinkTtl: 60 };
  expect(retireWaitSeconds({ ...withoutLinks, sessionTtl: 2 * day })).toBe(2 * day + 6 * minute);
  expect(retireWaitSeconds({ ...withoutLinks, sessionIdleTtl: 3600 })).toBe(day + 6 * minute);
  const short = { ...withoutLinks, sessionIdleTtl: 1, tokenForeignTtl: 0, tokenLeeway: 300 };
  expect(retireWaitSeconds({ ...short, sessionIdleTtl: 3600, tokenLeeway: 60 })).toBe(3600 + 6 * minute);
  expect(retireWaitSeconds(short)).toBe(2100 - 600);
  expect(retireWaitSeconds({ ...short, mailedLinkTtl: 7 * day })).toBe(7 * day + 10 * minute);
  expect(retireWaitSeconds({ ...defaults, mailedLinkTtl: 30 * day })).toBe(30 * day + 6 * minute);
});
