// The faults of each kind, and the attacks that must find them and no other.
import { describe, expect, it } from "vitest";
import type { Attack } from "../../packages/attack/dist/attack.js";
import { algorithmAttacks } from "../../packages/attack/dist/cases/algorithms.js";
import { apiKeyAttacks } from "../../packages/attack/dist/cases/api-keys.js";
import { assertionAttacks } from "../../packages/attack/dist/cases/assertions.js";
import { claimAttacks } from "../../packages/attack/dist/cases/claims.js";
import { cookieAttacks } from "../../packages/attack/dist/cases/cookies.js";
import { factorAttacks } from "../../packages/attack/dist/cases/factors.js";
import { formAttacks } from "../../packages/attack/dist/cases/forms.js";
import { guessingAttacks } from "../../packages/attack/dist/cases/guessing.js";
import { headerAttacks } from "../../packages/attack/dist/cases/headers.js";
import { leakAttacks } from "../../packages/attack/dist/cases/leaks.js";
import { limitAttacks } from "../../packages/attack/dist/cases/limits.js";
import { mailAttacks } from "../../packages/attack/dist/cases/mails.js";
import { resourceAttacks } from "../../packages/attack/dist/cases/resources.js";
import { serviceAttacks } from "../../packages/attack/dist/cases/services.js";
import { sessionAttacks } from "../../packages/attack/dist/cases/sessions.js";
import { signatureAttacks } from "../../packages/attack/dist/cases/signatures.js";
import { transactionAttacks } from "../../packages/attack/dist/cases/transactions.js";
import { apiKeyFaults } from "./broken/api-keys.js";
import { cookieFaults } from "./broken/cookies.js";
import { factorFaults } from "./broken/factors.js";
import { leakFaults } from "./broken/leaks.js";
import { mailFaults, passkeyFaults, transactionFaults } from "./broken/mails.js";
import { resourceFaults } from "./broken/resources.js";
import { attackBroken, type Fault } from "./broken/server.js";
import { assertionFaults, serviceFaults } from "./broken/services.js";
import { sessionFaults } from "./broken/sessions.js";
import { tokenFaults } from "./broken/tokens.js";
import { wireFaults } from "./broken/wire.js";

/** Every fault is attacked by all attacks of its kind. The attacks that do not find it must be blocked. */
export const kinds: Readonly<Record<string, readonly [readonly Fault[], readonly Attack[]]>> = {
  tokens: [tokenFaults, [...algorithmAttacks, ...signatureAttacks, ...formAttacks, ...claimAttacks]],
  sessions: [sessionFaults, sessionAttacks],
  "API keys": [apiKeyFaults, apiKeyAttacks],
  "service accounts": [serviceFaults, [...serviceAttacks, ...assertionAttacks]],
  assertions: [assertionFaults, [...serviceAttacks, ...assertionAttacks]],
  resources: [resourceFaults, resourceAttacks],
  "second factors": [factorFaults, factorAttacks],
  passkeys: [passkeyFaults, [...factorAttacks, ...transactionAttacks]],
  "login transactions": [transactionFaults, [...factorAttacks, ...transactionAttacks, ...mailAttacks]],
  mails: [mailFaults, [...transactionAttacks, ...mailAttacks, ...guessingAttacks]],
  requests: [wireFaults, [...headerAttacks, ...limitAttacks]],
  cookies: [cookieFaults, [...cookieAttacks, ...headerAttacks]],
  responses: [leakFaults, [...leakAttacks, ...guessingAttacks]],
};

/** The attacks that succeeded. A failed attack is listed with its reason, so that it cannot pass as blocked. */
export async function findingsOf(fault: Fault, tried: readonly Attack[]): Promise<readonly string[]> {
  const report = await attackBroken(fault, tried);
  if (report.notStarted !== undefined) throw new Error(report.notStarted);
  return report.results
    .filter(({ outcome }) => outcome === "succeeded" || outcome === "failed")
    .map(({ attack, outcome, detail }) => (outcome === "failed" ? `${attack}: ${detail}` : attack));
}

/** Tests the kinds with these names. Two files share them. */
export function testKinds(names: readonly string[]): void {
  describe.each(names.map((name) => [name, kinds[name] ?? [[], []]] as const))("faults of %s", (_, [faults, tried]) => {
    for (const fault of faults)
      it(`the attacks find an instance that ${fault.name}`, async () => {
        expect(await findingsOf(fault, tried)).toEqual(fault.finds);
      });
  });
}

/** About half of the faults. */
export const kindsOfTokens = ["tokens", "sessions", "resources", "API keys"];
export const kindsOfLogins = Object.keys(kinds).filter((name) => !kindsOfTokens.includes(name));
