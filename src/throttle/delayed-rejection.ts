// While passwords wait for a hashing thread, a rejection by the throttle waits for a second. An attacker who waits for each
// response sends fewer attempts, and the machine's time goes to the logins that are allowed. Without a queue nothing waits.
import { setTimeout as pause } from "node:timers/promises";
import type { PasswordPool } from "../passwords/pool.js";

export interface DelayedRejection {
  /** Resolves when the rejection can be sent. Never rejects. */
  wait(): Promise<void>;
}

const delayMs = 1_000;
/** How often the queue is checked meanwhile. */
const stepMs = 250;
/** Each delayed rejection keeps a request and its connection. Beyond this number rejections are sent at once. */
const delayedMax = 1_000;

export function createDelayedRejection(passwords: Pick<PasswordPool, "stats">): DelayedRejection {
  let delayed = 0;
  const isCrowded = () => passwords.stats().waiting > 0;

  return {
    async wait() {
      if (delayed >= delayedMax) return;
      delayed += 1;
      // The timer keeps the process alive, because a client waits for the response.
      for (let ms = 0; ms < delayMs && isCrowded(); ms += stepMs) await pause(stepMs);
      delayed -= 1;
    },
  };
}
