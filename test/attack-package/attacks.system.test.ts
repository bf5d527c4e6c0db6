// `ampho-attack` finds each fault of a faulty instance, and no other. faults.system.test.ts has the faults of tokens.
import { describe, expect, it } from "vitest";
import { apiKeyAttacks } from "../../packages/attack/dist/cases/api-keys.js";
import { assertionAttacks } from "../../packages/attack/dist/cases/assertions.js";
import { cookieAttacks } from "../../packages/attack/dist/cases/cookies.js";
import { factorAttacks } from "../../packages/attack/dist/cases/factors.js";
import { headerAttacks } from "../../packages/attack/dist/cases/headers.js";
import { limitAttacks } from "../../packages/attack/dist/cases/limits.js";
import { mailAttacks } from "../../packages/attack/dist/cases/mails.js";
import { resourceAttacks } from "../../packages/attack/dist/cases/resources.js";
import { serviceAttacks } from "../../packages/attack/dist/cases/services.js";
import { transactionAttacks } from "../../packages/attack/dist/cases/transactions.js";
import { attacks } from "../../packages/attack/dist/table.js";
import { cookieFaults } from "./broken/cookies.js";
import { withMails } from "./broken/mails.js";
import { attackBroken, open, taking } from "./broken/server.js";
import { wireFaults } from "./broken/wire.js";
import { findingsOf, kinds, kindsOfLogins, testKinds } from "./kinds.js";

testKinds(kindsOfLogins);

describe("an instance that accepts any signature", () => {
  const plant = taking((token) => (/^[\w-]{43}$/.test(open(token)?.signature ?? "") ? open(token)?.claims : undefined));

  it("no attack runs on an instance that accepts any signature, because its owner is unknown", async () => {
    const report = await attackBroken({ plant }, attacks);
    expect(report.notStarted).toContain("accepts tokens with any signature");
  });

  it("the attacks find an instance that accepts any signature if its operator repeats its host", async () => {
    const report = await attackBroken({ plant, ownsHost: true }, attacks);
    if (report.notStarted !== undefined) throw new Error(report.notStarted);
    const successes = report.results.filter(({ outcome }) => outcome === "succeeded").map(({ attack }) => attack);
    expect(successes).toEqual(expect.arrayContaining(["weak-secret", "other-key", "mutated", "embedded-key"]));
  });
});

describe("a sound instance", () => {
  const keys = { apiKeys: 5, scopes: { tester: ["articles:read"] } };
  const machines = { tokenEndpoint: true, tokenIssuer: "https://id.example", ...keys };
  const required = { factors: { "*": "required" }, ...machines, ...withMails } as const;
  it.each([
    ["whose policy requires a second factor", required],
    ["with cookies whose policy requires a second factor", { ...required, cookies: true }],
  ])("no attack succeeds at an instance %s", async (_, options) => {
    const report = await attackBroken({ options }, attacks);
    if (report.notStarted !== undefined) throw new Error(report.notStarted);
    const outcomes = report.results.map(({ attack, outcome, detail }) => [attack, outcome, detail]);
    expect(outcomes.filter(([, outcome]) => outcome === "succeeded" || outcome === "failed")).toEqual([]);
    const kinds = [apiKeyAttacks, serviceAttacks, assertionAttacks, resourceAttacks, factorAttacks];
    for (const { id } of [...kinds.flat(), ...transactionAttacks, ...mailAttacks])
      expect(outcomes).toContainEqual([id, "blocked", null]);
  });
});

describe.each(["ann+x@example.org", "ann smith", "анна", '"&=%41;'])("the attacks with the login %j", (login) => {
  const tried = [...headerAttacks, ...limitAttacks, ...cookieAttacks];

  it("each request of the attacks can be sent, and a sound instance blocks it", async () => {
    for (const options of [{}, { cookies: true }])
      expect(await findingsOf({ name: "is sound", finds: [], login, options }, tried)).toEqual([]);
  });

  it("the attacks find faults that concern only the right login", async () => {
    const faults = [...wireFaults, ...cookieFaults].filter(({ name }) =>
      /password in the query|log a browser/.test(name),
    );
    expect(faults).toHaveLength(2);
    for (const fault of faults) expect(await findingsOf({ ...fault, login }, tried)).toEqual(fault.finds);
  });
});

describe("the attacks", () => {
  it("every attack finds at least one of the faults in this folder", () => {
    const found = new Set(Object.values(kinds).flatMap(([faults]) => faults.flatMap(({ finds }) => finds)));
    expect(attacks.map(({ id }) => id).filter((id) => !found.has(id))).toEqual([]);
  });
});
