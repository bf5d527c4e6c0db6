import { expect, test } from "vitest";
import { editDistance, nearest } from "../../dist/nearest.js";

test.each([
  ["", "", 0],
  ["abc", "abc", 0],
  ["abc", "", 3],
  ["abc", "abd", 1],
  ["abc", "acb", 1],
  ["abc", "xabc", 1],
  ["ca", "abc", 3],
  ["kitten", "sitting", 3],
] as const)("the distance from %j to %j is %d", (from, to, steps) => {
  expect(editDistance(from, to)).toBe(steps);
  expect(editDistance(to, from)).toBe(steps);
});

test("the nearest word is found in any case", () => {
  expect(nearest("PROT", ["host", "port", "key"])).toBe("port");
});

test("there is no nearest word if all are too far", () => {
  expect(nearest("frobnicate", ["host", "port"], 3)).toBeUndefined();
  expect(nearest("x", [])).toBeUndefined();
});

test("a long text is compared in a short time", () => {
  expect(nearest("x".repeat(1_000_000), ["port"])).toBe("port");
});
