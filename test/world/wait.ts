// The waits of the tests. A test waits for the fact that it asserts. A time passes only where a longer one is as good.
import { setTimeout } from "node:timers/promises";

/** Waits for a fact. The limit of the test ends the wait. */
export async function until(isSo: () => boolean | Promise<boolean>, intervalMs = 10): Promise<void> {
  while (!(await isSo())) await setTimeout(intervalMs);
}

/** Lets a client pause between requests, or begins one operation in the middle of another. Every length is right. */
export const pause = (ms: number): Promise<void> => setTimeout(ms);

/** The time in which something must not happen. A longer one can only find more, so no test fails on a busy machine. */
export const quiet = (ms: number): Promise<void> => setTimeout(ms);
