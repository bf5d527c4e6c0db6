import { expect, it } from "vitest";
import { createRowLimit } from "../../dist/audit/row-limit.js";

it("a key gets one row a minute, also after the clock went back", () => {
  const mayWrite = createRowLimit();
  expect([mayWrite("a", 1000), mayWrite("a", 1059), mayWrite("a", 1060)]).toEqual([true, false, true]);
  expect([mayWrite("a", 400), mayWrite("a", 401)]).toEqual([true, false]);
});
