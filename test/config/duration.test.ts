import { expect, test } from "vitest";
import { formatDuration, parseDuration } from "../../dist/duration.js";

test.each([
  [0, 0],
  [900, 900],
  ["900", 900],
  ["0", 0],
  ["90s", 90],
  ["15m", 900],
  ["12h", 43_200],
  ["14d", 1_209_600],
  ["1h30m", 5400],
  ["1d2h3m4s", 93_784],
  ["90m", 5400],
])("the duration %j is %d seconds", (value, seconds) => {
  expect(parseDuration(value)).toBe(seconds);
});

test.each([
  "",
  " 15m",
  "15 m",
  "15M",
  "015m",
  "-15m",
  "+15m",
  "1.5h",
  "30m1h",
  "1h1h",
  "m",
  "1w",
  "soon",
  "1e3",
  "9999999999999999d",
  -1,
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  true,
  null,
  undefined,
  ["15m"],
])("the value %j is not a duration", (value) => {
  expect(parseDuration(value)).toBeUndefined();
});

test.each([
  [0, "0s"],
  [90, "1m30s"],
  [900, "15m"],
  [5400, "1h30m"],
  [1_209_600, "14d"],
  [86_401, "1d1s"],
])("%d seconds are written as %s", (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
  expect(parseDuration(text)).toBe(seconds);
});
