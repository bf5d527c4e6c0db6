// Each promise of docs/security/threats.md names a test that exists.
import { expect, it } from "vitest";
import { claimsOf, expectEvidence, readPage } from "./evidence.js";

const [promised = ""] = readPage("docs/security/threats.md").split("## What Ampho does not promise");
const promises = claimsOf(promised);

it("the page has more than eighty promises", () => {
  expect(promises.length).toBeGreaterThan(80);
});

it.each(promises)("$text", ({ items }) => {
  expectEvidence(items);
});
