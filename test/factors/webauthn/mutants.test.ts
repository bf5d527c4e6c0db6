// The tables of changes are complete: every step of WebAuthn L3 §7.1 and §7.2 is in them. vectors.test.ts makes the changes.
import { describe, expect, it } from "vitest";
import { webauthnReasons } from "../../../dist/factors/passkey/webauthn-response.js";
import { authenticationMutants, notHere, registrationMutants } from "./mutants.js";

describe("the tables of steps", () => {
  const table = [
    ["registration", registrationMutants, 29],
    ["authentication", authenticationMutants, 25],
  ] as const;

  it.each(table)("every step of the %s has a change or the reason why it cannot reject", (ceremony, mutants, last) => {
    const changed = mutants.map(({ step }) => step);
    const steps = new Set([...changed, ...Object.keys(notHere[ceremony]).map(Number)]);
    expect([...steps].sort((one, other) => one - other)).toEqual(Array.from({ length: last }, (_, index) => index + 1));
  });

  it.each(table)("the table of reasons has the steps of the changes of the %s", (ceremony, mutants) => {
    for (const [reason, { [ceremony]: steps }] of Object.entries(webauthnReasons)) {
      const changed = mutants.filter((mutant) => mutant.reason === reason).map(({ step }) => step);
      expect([reason, new Set<number>(steps)]).toEqual([reason, new Set(changed)]);
    }
  });
});
