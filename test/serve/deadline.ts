// What is promised within a time, as the promise is meant: nothing that began later may find it otherwise.
import { setTimeout } from "node:timers/promises";

const pauseMs = 10;

/**
 * Asks until it is so, and throws when an asking that began more than `ms` after the call found that it was not. How long
 * this process itself stood still between two askings, as on a machine that has other things to do, is not counted.
 */
export async function within(ms: number, isSo: () => boolean | Promise<boolean>): Promise<void> {
  let untilMs = performance.now() + ms;
  for (;;) {
    const askedMs = performance.now();
    if (await isSo()) return;
    if (askedMs > untilMs) throw new Error(`it was not so ${ms} ms afterwards`);
    const pausedMs = performance.now();
    await setTimeout(pauseMs);
    untilMs += Math.max(0, performance.now() - pausedMs - 5 * pauseMs);
  }
}
