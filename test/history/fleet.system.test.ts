// A fleet of four real processes, random clients, and the result of the checker. AMPHO_SEED=… repeats the choices of a seed,
// which a failure prints. The timing of the machine is not part of it, so a fault can need more than one attempt.
import { randomBytes } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { alterations } from "./alterations.js";
import { checkHistory } from "./check.js";
import { stores } from "./database.js";
import type { History } from "./history.js";
import { createRandom } from "./random.js";
import { recordRun } from "./run.js";
import { describeViolations, saveHistory } from "./save.js";
import { makePeople } from "./world.js";

const seed = process.env["AMPHO_SEED"] ?? randomBytes(4).toString("hex");
const seconds = 4;
const people = 5;

describe.each(stores)("four processes on %s, and random clients", (store) => {
  let history: History;
  beforeAll(async () => {
    console.log(`history of ${store}: AMPHO_SEED=${seed}`);
    history = await recordRun({ seed, store, seconds, people, targets: 2, restartEveryMs: 1_500 });
  }, 120_000);

  it("a fleet keeps every promise for requests at once, repeated, late, or to a process that is killed", () => {
    const violations = checkHistory(history);
    const where =
      violations.length === 0 ? "" : `${describeViolations(violations)}\n${saveHistory(history, violations)}`;
    expect(where, `AMPHO_SEED=${seed}\n${where}`).toBe("");
  });

  it("the run contained the operations that the promises are about", () => {
    const kinds = new Set(history.operations.map(({ request }) => request.kind));
    for (const kind of ["login", "renew", "guard"] as const) expect(kinds).toContain(kind);
    expect(history.lives.length).toBeGreaterThan(4);
  });

  it("a history contains no secret", () => {
    const text = JSON.stringify(history);
    // Every token begins like this. A random id can contain three of its letters.
    expect(text).not.toMatch(/eyJ[\w-]+\./);
    const made = makePeople(seed, people, "person");
    expect(made.some(({ first }) => text.includes(first.name))).toBe(true);
    for (const { first } of made) expect(text).not.toContain(first.text);
  });

  it("the checker would have reported any other response", () => {
    const random = createRandom(`${seed} alterations`);
    for (const [statement, alter] of alterations) {
      for (let times = 0; times < 5; times++) {
        const altered = alter(history, random);
        // Not every run has an operation that can be altered like this.
        if (altered === undefined) break;
        const found = checkHistory(altered).map((violation) => violation.statement);
        expect(found, `${statement}, AMPHO_SEED=${seed}`).toContain(statement);
      }
    }
  });
});
