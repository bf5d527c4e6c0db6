// Each promise of docs/threats.md names a test that exists.
import { expect, it } from "vitest";
import { expectEvidence, readPage, tableRows } from "./evidence.js";

const promises = tableRows(readPage("docs/threats.md")).map(([promise = "", shown = ""]) => ({ promise, shown }));

it("promises a good deal", () => {
  expect(promises.length).toBeGreaterThan(30);
});

it.each(promises)("$promise", ({ shown }) => {
  expectEvidence(shown);
});
