// The checker: a pure function from a history to its violations.
import { factsOf } from "./facts.js";
import type { History, Violation } from "./history.js";
import { checkAudit } from "./rules/audit.js";
import { checkEndings } from "./rules/endings.js";
import { checkGenerations } from "./rules/generations.js";
import { checkGuesses } from "./rules/guesses.js";
import { checkHonest } from "./rules/honest.js";
import { checkPasswords } from "./rules/passwords.js";
import { checkResponses } from "./rules/responses.js";

const rules = [checkResponses, checkGenerations, checkEndings, checkHonest, checkPasswords, checkAudit, checkGuesses];

/**
 * Returns every violation with the operations that prove it, and nothing for a history that the contract allows. Where
 * something is unknown (an operation without a response, two at the same time) the fleet gets the benefit of the doubt.
 */
export function checkHistory(history: History): readonly Violation[] {
  const facts = factsOf(history);
  return rules.flatMap((rule) => [...rule(facts)]);
}
