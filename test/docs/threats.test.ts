// docs/security/threats.md numbers each promise and each limit. docs/security/evidence.md names the tests of each promise, which
// exist.
import { expect, it } from "vitest";
import { generate, testsOf } from "../../scripts/docs-evidence.mjs";
import { claimsOf, expectEvidence, namesEvidence, readPage } from "./evidence.js";

const [promised = "", limited = ""] = readPage("docs/security/threats.md").split("## What Ampho does not promise");
const evidence = readPage("docs/security/evidence.md");
const promises = claimsOf(promised).map(({ text, items }) => {
  const [, number = "", anchor = "", words = ""] =
    /^\*\*\[(T-\d{2,})\]\(evidence\.md#(t-\d+)\) (.+?)\*\*/.exec(text) ?? [];
  return { number, anchor, words, items };
});
const limits = claimsOf(limited).map(({ text }) => /^\*\*(L-\d{2,}) /.exec(text)?.[1] ?? "");

/** The tests by the number of a promise, in the form of the pages. */
const tests: ReadonlyMap<string, readonly string[]> = testsOf(readPage("scripts/evidence.txt"));
const itemsOf = (number: string) => (tests.get(number) ?? []).map((each) => each.replace(/^\S+/, "`$&`"));

it("the page has more than eighty promises and more than twenty limits, each with its own number", () => {
  expect(promises.length).toBeGreaterThan(80);
  expect(limits.length).toBeGreaterThan(20);
  for (const numbers of [promises.map(({ number }) => number), limits]) {
    expect(numbers).not.toContain("");
    expect(new Set(numbers).size).toBe(numbers.length);
  }
});

it("the evidence is current, and is on no other page", () => {
  expect(generate()["docs/security/evidence.md"]).toBe(evidence);
  expect(promises.filter(({ items }) => namesEvidence(items))).toEqual([]);
});

it.each(promises)("the promise $number has tests that exist: $words", ({ number, anchor }) => {
  expect(anchor).toBe(number.toLowerCase());
  expectEvidence(itemsOf(number));
});
