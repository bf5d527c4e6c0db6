// `ampho doctor --attack` finds each fault that is planted into an instance, and no other.
import { describe, expect, it } from "vitest";
import type { Attack } from "../../dist/doctor/attacks/attack.js";
import { algorithmAttacks } from "../../dist/doctor/attacks/cases/algorithms.js";
import { claimAttacks } from "../../dist/doctor/attacks/cases/claims.js";
import { cookieAttacks } from "../../dist/doctor/attacks/cases/cookies.js";
import { formAttacks } from "../../dist/doctor/attacks/cases/forms.js";
import { guessingAttacks } from "../../dist/doctor/attacks/cases/guessing.js";
import { headerAttacks } from "../../dist/doctor/attacks/cases/headers.js";
import { leakAttacks } from "../../dist/doctor/attacks/cases/leaks.js";
import { limitAttacks } from "../../dist/doctor/attacks/cases/limits.js";
import { sessionAttacks } from "../../dist/doctor/attacks/cases/sessions.js";
import { signatureAttacks } from "../../dist/doctor/attacks/cases/signatures.js";
import { attacks } from "../../dist/doctor/attacks/table.js";
import { cookieFaults } from "./broken/cookies.js";
import { attackBroken, type Fault, open, taking } from "./broken/server.js";
import { sessionFaults } from "./broken/sessions.js";
import { tellingFaults } from "./broken/telling.js";
import { tokenFaults } from "./broken/tokens.js";
import { wireFaults } from "./broken/wire.js";

/** Each fault is looked for with all attacks of its kind: those beside the one that finds it have to hold. */
const kinds: Readonly<Record<string, readonly [readonly Fault[], readonly Attack[]]>> = {
  tokens: [tokenFaults, [...algorithmAttacks, ...signatureAttacks, ...formAttacks, ...claimAttacks]],
  sessions: [sessionFaults, sessionAttacks],
  "the wire": [wireFaults, [...headerAttacks, ...limitAttacks]],
  cookies: [cookieFaults, [...cookieAttacks, ...headerAttacks]],
  "what is told": [tellingFaults, [...leakAttacks, ...guessingAttacks]],
};

/** What got through; an attack that failed would be neither held nor not. */
async function findingsOf(fault: Fault, tried: readonly Attack[]): Promise<readonly string[]> {
  const report = await attackBroken(fault, tried);
  if (report.refused !== undefined) throw new Error(report.refused);
  return report.results
    .filter(({ outcome }) => outcome === "not_held" || outcome === "failed")
    .map(({ attack, outcome, detail }) => (outcome === "failed" ? `${attack}: ${detail}` : attack));
}

describe.each(Object.entries(kinds))("of %s, an instance that", (_, [faults, tried]) => {
  for (const fault of faults)
    it(`${fault.name} is found out`, async () => {
      expect(await findingsOf(fault, tried)).toEqual(fault.finds);
    });
});

describe("an instance that takes any signature", () => {
  const plant = taking((token) => (/^[\w-]{43}$/.test(open(token)?.signature ?? "") ? open(token)?.claims : undefined));

  it("is told so, and not attacked: nobody knows whose it is", async () => {
    const report = await attackBroken({ plant }, attacks);
    expect(report.refused).toContain("takes tokens with any signature");
  });

  it("is found out when it consents", async () => {
    const report = await attackBroken({ plant, options: { allowAttackTest: true } }, attacks);
    if (report.refused !== undefined) throw new Error(report.refused);
    const lost = report.results.filter(({ outcome }) => outcome === "not_held").map(({ attack }) => attack);
    expect(lost).toEqual(expect.arrayContaining(["weak-secret", "other-key", "mutated", "embedded-key"]));
  });
});

describe("the attacks", () => {
  it("each find a fault that is planted here", () => {
    const found = new Set(Object.values(kinds).flatMap(([faults]) => faults.flatMap(({ finds }) => finds)));
    expect(attacks.map(({ id }) => id).filter((id) => !found.has(id))).toEqual([]);
  });
});
