import { expect, test } from "vitest";
import { editDistance, nearest } from "../../dist/config/nearest.js";

test.each([
  ["", "", 0],
  ["abc", "abc", 0],
  ["abc", "", 3],
  ["abc", "abd", 1],
  ["abc", "acb", 1],
  ["abc", "xabc", 1],
  ["ca", "abc", 3],
  ["kitten", "sitting", 3],
] as const)("from %j to %j there are %d steps", (from, to, steps) => {
  expect(editDistance(from, to)).toBe(steps);
  expect(editDistance(to, from)).toBe(steps);
});

test("the nearest is found whatever the case", () => {
  expect(nearest("PROT", ["host", "port", "key"])).toBe("port");
});

test("nothing is near when all are too far", () => {
  expect(nearest("frobnicate", ["host", "port"], 3)).toBeUndefined();
  expect(nearest("x", [])).toBeUndefined();
});

test("a long text costs no time worth measuring", () => {
  expect(nearest("x".repeat(1_000_000), ["port"])).toBe("port");
});
