// The checker: a pure function from a history to what it proves wrong.
import { factsOf } from "./facts.js";
import type { History, Violation } from "./history.js";
import { checkAnswers } from "./rules/answers.js";
import { checkAudit } from "./rules/audit.js";
import { checkEndings } from "./rules/endings.js";
import { checkGenerations } from "./rules/generations.js";
import { checkGuesses } from "./rules/guesses.js";
import { checkHonest } from "./rules/honest.js";
import { checkPasswords } from "./rules/passwords.js";

const rules = [checkAnswers, checkGenerations, checkEndings, checkHonest, checkPasswords, checkAudit, checkGuesses];

/**
 * Every violation with the operations that prove it; none for a history that the contract allows. Whatever cannot be
 * known (an operation without an answer, two at the same time) counts for the fleet: a violation is always a fault.
 */
export function checkHistory(history: History): readonly Violation[] {
  const facts = factsOf(history);
  return rules.flatMap((rule) => [...rule(facts)]);
}
