// Tries the attacks one after the other, and says of each how it ended.

import { NoAnswer } from "../exchange.js";
import type { Attack, Target, Verdict } from "./attack.js";
import { NoLogin } from "./target.js";

export interface AttackResult {
  readonly attack: string;
  readonly title: string;
  readonly source: string;
  readonly outcome: Verdict["outcome"] | "failed";
  /** Null where it held. */
  readonly detail: string | null;
}

const lacks: Readonly<Record<NonNullable<Attack["needs"]>, string>> = {
  key: "the server's key is not known here",
  guests: "no users were made for it",
};

export async function runAttacks(
  attacks: readonly Attack[],
  target: Target,
  stop: AbortSignal,
): Promise<readonly AttackResult[]> {
  const results: AttackResult[] = [];
  for (const attack of attacks) {
    const { id, title, source } = attack;
    const verdict = stop.aborted
      ? ({ outcome: "failed", detail: "broken off" } as const)
      : await tryOne(attack, target);
    const detail = verdict.outcome === "held" ? null : verdict.detail;
    results.push({ attack: id, title, source, outcome: verdict.outcome, detail });
  }
  return results;
}

async function tryOne({ needs, run }: Attack, target: Target) {
  if (needs !== undefined && target[needs] === undefined)
    return { outcome: "not_tried", detail: lacks[needs] } as const;
  try {
    return await run(target);
  } catch (error) {
    // What was not answered is neither held nor not.
    if (error instanceof NoAnswer || error instanceof NoLogin)
      return { outcome: "failed", detail: error.message } as const;
    throw error;
  }
}

/** Whether there is something to mend: an attack that got through, or that was not seen to the end. */
export function isSound(results: readonly AttackResult[]): boolean {
  return results.every(({ outcome }) => outcome === "held" || outcome === "not_tried");
}
