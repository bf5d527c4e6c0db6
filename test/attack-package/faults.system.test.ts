// `ampho-attack` finds each fault of an instance that concerns its tokens, and no other.
import { expect, it } from "vitest";
import { kinds, kindsOfLogins, kindsOfTokens, testKinds } from "./kinds.js";

testKinds(kindsOfTokens);

it("each kind of faults is in one of the two files, and has faults", () => {
  expect([...kindsOfTokens, ...kindsOfLogins].sort()).toEqual(Object.keys(kinds).sort());
  for (const [name, [faults]] of Object.entries(kinds)) expect(faults.length, name).toBeGreaterThan(0);
});
