// docs/security/threats.md numbers each promise and each limit. test/evidence.txt names the tests of each promise,
// which exist.
import { expect, it } from "vitest";
import { claimsOf, expectEvidence, namesEvidence, readPage, tests } from "./evidence.js";

const [promised = "", limited = ""] = readPage("docs/security/threats.md").split("## What Ampho does not promise");
const promises = claimsOf(promised).map(({ text, items }) => {
  const [, number = "", words = ""] = /^\*\*(T-\d{2,}) (.+?)\*\*/.exec(text) ?? [];
  return { number, words, items };
});
const limits = claimsOf(limited).map(({ text }) => /^\*\*(L-\d{2,}) /.exec(text)?.[1] ?? "");

it("the page has more than eighty promises and more than twenty limits, each with its own number", () => {
  expect(promises.length).toBeGreaterThan(80);
  expect(limits.length).toBeGreaterThan(20);
  for (const numbers of [promises.map(({ number }) => number), limits]) {
    expect(numbers).not.toContain("");
    expect(new Set(numbers).size).toBe(numbers.length);
  }
});

it("test/evidence.txt has no other promise, and the page names no test", () => {
  const numbers = promises.map(({ number }) => number);
  expect([...tests.keys()].filter((each) => each.startsWith("T-") && !numbers.includes(each))).toEqual([]);
  expect(promises.filter(({ items }) => namesEvidence(items))).toEqual([]);
});

it.each(promises)("the promise $number has tests that exist: $words", ({ number }) => {
  expectEvidence(tests.get(number) ?? []);
});
