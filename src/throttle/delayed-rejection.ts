// While passwords wait for a hashing thread, or many attempts are rejected, a rejection waits for a second. So an
// attacker who waits for each response sends fewer attempts.
import { setTimeout as pause } from "node:timers/promises";
import type { Clock } from "../clock.js";
import { randomOctets } from "../crypto/random.js";
import type { PasswordPool } from "../passwords/pool.js";

export type DelayedRejection = ReturnType<typeof createDelayedRejection>;

const delayMs = 1_000;
const stepMs = 250;
/** Each delayed rejection keeps a request and its connection. Beyond this number rejections are sent at once. */
const delayedMax = 1_000;
/** So many rejections are sent at once, and then so many in each second. */
const freeMax = 200;
const freePerSecond = 50;

/** Half as long to one and a half times as long, so that clients that wait do not come back at the same moment. */
const spread = (ms: number) => ms * (0.5 + randomOctets(1).readUInt8() / 256);

export function createDelayedRejection(passwords: Pick<PasswordPool, "stats">, clock: Pick<Clock, "monotonicMs">) {
  let delayed = 0;
  let since = clock.monotonicMs();
  let free = freeMax;

  function isFlood(): boolean {
    const now = clock.monotonicMs();
    free = Math.min(freeMax, free + ((now - since) / 1_000) * freePerSecond);
    since = now;
    return free < 1;
  }
  const isCrowded = () => passwords.stats().waiting > 0 || isFlood();

  return {
    /** Resolves when the rejection can be sent. Never rejects. */
    async wait(): Promise<void> {
      if (delayed >= delayedMax) return;
      delayed += 1;
      // The timer keeps the process alive, because a client waits for the response.
      const until = clock.monotonicMs() + delayMs;
      for (let now = clock.monotonicMs(); now < until && isCrowded(); now = clock.monotonicMs())
        await pause(Math.min(spread(stepMs), until - now));
      free = Math.max(0, free - 1);
      delayed -= 1;
    },
  };
}
