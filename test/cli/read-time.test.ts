import { expect, test } from "vitest";
import { UsageError } from "../../dist/cli/failures.js";
import { readTime } from "../../dist/cli/input.js";

const now = 1_790_000_000;

test.each([
  [undefined, undefined],
  ["1789999999", 1_789_999_999],
  ["0s", now],
  ["90s", now - 90],
  ["15m", now - 900],
  ["12h", now - 43_200],
  ["7d", now - 604_800],
  ["1h30m", now - 5400],
  ["2026-01-31", 1_769_817_600],
  ["2026-01-31T00:00", 1_769_817_600],
  ["2026-01-31 00:00:00", 1_769_817_600],
  ["2026-01-31T00:00:00Z", 1_769_817_600],
  ["2026-01-31T02:00:00+02:00", 1_769_817_600],
])("the text %s is a time", (text, seconds) => {
  expect(readTime("--since", text, now)).toBe(seconds);
});

test.each(["", "yesterday", "-1", "7w", "2026-13-01", "2026-1-1", "31.01.2026", "1e3"])(
  "the text %s is not a time",
  (text) => {
    expect(() => readTime("--since", text, now)).toThrow(UsageError);
  },
);
