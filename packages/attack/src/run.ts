// Runs the attacks one after another and returns the outcome of each.

import type { Attack, Target, Verdict } from "./attack.js";
import { NoResponse } from "./exchange.js";
import { Failure } from "./failures.js";
import { LoginFailure } from "./target.js";

export interface AttackResult {
  readonly attack: string;
  readonly title: string;
  readonly source: string;
  readonly outcome: Verdict["outcome"] | "failed";
  /** Null if the attack was blocked. */
  readonly detail: string | null;
}

const missing: Readonly<Record<NonNullable<Attack["needs"]>, string>> = {
  key: "The key of the server is not known here.",
  testUsers: "It needs test users in the database of the server.",
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
      ? ({ outcome: "failed", detail: "The run was interrupted." } as const)
      : await runOne(attack, target);
    const detail = verdict.outcome === "blocked" ? null : verdict.detail;
    results.push({ attack: id, title, source, outcome: verdict.outcome, detail });
  }
  return results;
}

async function runOne({ needs, run }: Attack, target: Target) {
  if (needs !== undefined && target[needs] === undefined)
    return { outcome: "not_run", detail: missing[needs] } as const;
  try {
    return await run(target);
  } catch (error) {
    // Without a response, or a command of the operator, the attack neither succeeded nor was blocked.
    if (error instanceof NoResponse || error instanceof LoginFailure || error instanceof Failure)
      return { outcome: "failed", detail: error.message } as const;
    throw error;
  }
}

/** Reports whether no attack succeeded or failed to complete. */
export function allBlocked(results: readonly AttackResult[]): boolean {
  return results.every(({ outcome }) => outcome === "blocked" || outcome === "not_run");
}
