// While passwords wait for a thread, whoever is refused a try hears of it a second later: attackers that wait for their answers
// ask the less often, and what refusals cost goes to those who are let in. Where no password waits, nobody is held.
import { setTimeout as pause } from "node:timers/promises";
import type { PasswordPool } from "../passwords/pool.js";

export interface DelayedRejection {
  /** Resolves when a refusal may be answered. Never rejects. */
  wait(): Promise<void>;
}

const holdMs = 1_000;
/** Whether passwords still wait is looked at so often. */
const stepMs = 250;
/** Each keeps a request and its connection; beyond it refusals are answered at once. */
const heldMax = 1_000;

export function createDelayedRejection(passwords: Pick<PasswordPool, "stats">): DelayedRejection {
  let held = 0;
  const isCrowded = () => passwords.stats().waiting > 0;

  return {
    async wait() {
      if (held >= heldMax) return;
      held += 1;
      // Not unref'd: an answer is owed to somebody.
      for (let ms = 0; ms < holdMs && isCrowded(); ms += stepMs) await pause(stepMs);
      held -= 1;
    },
  };
}
