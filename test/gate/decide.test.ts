// `decide` against a second table, written from the design and not from the code.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decide } from "../../dist/levels/decide.js";
import { factorNames } from "../../dist/levels/factors.js";
import { policies } from "../../dist/levels/policy.js";

interface Case {
  readonly first: boolean;
  readonly second: boolean;
  readonly has: readonly string[];
  readonly policy: string;
  readonly remembered: boolean;
}

/** Rows from top to bottom. The first whose condition holds has the result. */
const table: readonly (readonly [condition: (given: Case) => boolean, result: string])[] = [
  [({ first }) => !first, "reject"],
  [({ second, policy }) => second && policy !== "phr", "grant 2fa"],
  [({ second, has }) => second && has.includes("passkey"), "needs passkey"],
  [({ second }) => second, "enroll"],
  [({ has, policy, remembered }) => has.length > 0 && remembered && policy !== "phr", "grant 1fa dev"],
  [({ has }) => has.length > 0, "needs any"],
  [({ policy }) => policy === "optional", "grant 1fa"],
  [() => true, "enroll"],
];

function resultOf({ first, second, has, policy, remembered }: Case, rest: readonly string[]): string {
  const amr = [...(first ? ["pwd"] : []), ...(second ? rest : [])];
  const decision = decide({
    amr,
    factors: factorNames.filter((name) => has.includes(name)),
    policy: policies.find((each) => each === policy) ?? "optional",
    remembered,
  });
  if (decision.result === "reject") return "reject";
  if (decision.result === "grant") {
    const proven = amr.concat(second ? ["mfa"] : []);
    const isDevice = decision.amr.includes("dev");
    expect(decision.amr).toEqual([...proven, ...(isDevice ? ["dev"] : [])]);
    return `grant ${decision.acr}${isDevice ? " dev" : ""}`;
  }
  if (decision.enroll) return "enroll";
  return decision.factors.join() === "passkey" && second ? "needs passkey" : "needs any";
}

describe("the decision of the gate", () => {
  it("the decision is that of the table in the design, for all that a user can prove", () => {
    fc.assert(
      fc.property(
        fc.record({
          first: fc.boolean(),
          second: fc.boolean(),
          has: fc.subarray([...factorNames]),
          policy: fc.constantFrom(...policies),
          remembered: fc.boolean(),
        }),
        fc.subarray(["otp", "rec"], { minLength: 1 }),
        (given, rest) => {
          const expected = table.find(([condition]) => condition(given))?.[1];
          expect(resultOf(given, rest)).toBe(expected);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("no proof without a second factor reaches `2fa`, whatever device or policy", () => {
    fc.assert(
      fc.property(
        fc.subarray(["pwd", "dev", "mail", "fed"]),
        fc.subarray([...factorNames]),
        fc.constantFrom(...policies),
        fc.boolean(),
        (amr, factors, policy, remembered) => {
          const decision = decide({ amr, factors, policy, remembered });
          if (decision.result === "grant") expect(decision.acr).toBe("1fa");
        },
      ),
    );
  });

  it("a passkey reaches `phr` with a first factor or with user verification, and alone without it nothing", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("swk", "hwk"),
        fc.boolean(),
        fc.subarray(["pwd", "otp", "rec"]),
        fc.subarray([...factorNames]),
        fc.constantFrom(...policies),
        fc.boolean(),
        (passkey, verified, others, factors, policy, remembered) => {
          const amr = [...others, passkey, ...(verified ? ["mfa"] : [])];
          const decision = decide({ amr, factors, policy, remembered });
          if (!verified && !others.includes("pwd")) expect(decision).toEqual({ result: "reject" });
          else expect(decision).toMatchObject({ result: "grant", acr: "phr" });
        },
      ),
    );
  });

  it("the policy `phr` grants nothing without a passkey", () => {
    fc.assert(
      fc.property(
        fc.subarray(["pwd", "otp", "rec", "dev", "mail", "fed"]),
        fc.subarray([...factorNames]),
        fc.boolean(),
        (amr, factors, remembered) => {
          expect(decide({ amr, factors, policy: "phr", remembered }).result).not.toBe("grant");
        },
      ),
    );
  });
});
